//! Changes to settings that contradict each other, or stand under odd names.
#![allow(clippy::unwrap_used)]

use settings::{KeyPath, LIMITS, Layer, Layers, Rooted, check_change, from_json, from_pairs, load, validate};

fn key(text: &str) -> KeyPath {
    KeyPath::parse(text).unwrap()
}

#[test]
fn what_user_data_did_wrong_may_be_said_in_other_words_after_a_change() {
    for (text, pairs) in [
        (
            "[settings.kubernetes]\nmemory-manager-policy = 'Static'\n\
             memory-manager-reserved-memory.0 = { enabled = true, memory = '1Gi' }\n",
            &[("kubernetes.max-pods", "50")],
        ),
        (
            "[settings.containers]\na = { image = 'a', ports = ['80:1'] }\nb = { image = 'b', ports = ['80:1'] }\n\
             c = { image = 'c', ports = ['80:1'] }\n",
            &[("containers.a.enabled", "false")],
        ),
    ] {
        let mut before = Layers::default();
        before.set(Layer::FwCfg, load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS).tree);
        let mut after = before.clone();
        after.write(Layer::Api, from_pairs(pairs, Layer::Api).unwrap(), None);
        assert_ne!(validate(&before.merged()).1, validate(&after.merged()).1);
        assert_eq!(check_change(&before, &after).map(drop), Ok(()), "{text}");
    }
}

#[test]
fn what_contradicts_in_kubernetes_does_not_win() {
    let text =
        b"[settings.kubernetes]\nimage-gc-high-threshold-percent = 10\nmemory-manager-policy = 'Static'\n\
        eviction-soft = { 'memory.available' = '1Gi', 'pid.available' = '5%' }\n\
        eviction-soft-grace-period = { 'pid.available' = '1m' }\n";
    let mut layers = Layers::default();
    layers.set(Layer::FwCfg, load(&[(Layer::FwCfg, text)], &LIMITS).tree);
    let explained = layers.explain(&key("settings.kubernetes"));
    let losers: Vec<_> = explained.iter().filter(|one| !one.wins).map(|one| one.key.to_string()).collect();
    assert_eq!(
        losers,
        [
            "settings.kubernetes.eviction-soft.\"memory.available\"",
            "settings.kubernetes.image-gc-high-threshold-percent",
            "settings.kubernetes.memory-manager-policy",
        ]
    );
}

#[test]
fn of_two_spellings_of_one_name_the_higher_layers_holds_and_the_other_is_named() {
    let text = b"[settings.kernel]\nsysctl = { 'net.ipv4.ip_forward' = '0', 'vm.swappiness' = '1', 'vm/swappiness' = '2' }\n\
        modules = { nf_conntrack = { allowed = false } }\n";
    let mut before = Layers::default();
    before.set(Layer::FwCfg, load(&[(Layer::FwCfg, text)], &LIMITS).tree);
    let mut after = before.clone();
    let pairs =
        [("kernel.sysctl.\"net/ipv4/ip_forward\"", "1"), ("kernel.modules.nf-conntrack.allowed", "true")];
    after.write(Layer::Api, from_pairs(&pairs, Layer::Api).unwrap(), None);
    let (settings, problems) = validate(&after.merged());
    let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "settings.kernel.sysctl.\"net.ipv4.ip_forward\": another key names the same: net/ipv4/ip_forward",
            "settings.kernel.sysctl.\"vm/swappiness\": another key names the same: vm.swappiness",
            "settings.kernel.modules.nf_conntrack: another key names the same: nf-conntrack",
        ]
    );
    let sysctl: Vec<_> =
        settings.kernel.sysctl.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(sysctl, [("net/ipv4/ip_forward", "1"), ("vm.swappiness", "1")]);
    assert_eq!(
        settings.kernel.modules.keys().map(|name| name.as_str()).collect::<Vec<_>>(),
        ["nf-conntrack"]
    );
    assert_eq!(check_change(&before, &after).unwrap_err().len(), 2, "its author is told");
}

#[test]
fn the_longest_name_that_may_be_set_can_be_deleted() {
    let prefix = [63, 63, 63, 61].map(|length| "p".repeat(length)).join(".");
    let label = format!("{}/{}", prefix, "n".repeat(63));
    let json = format!("{{\"kubernetes\": {{\"node-labels\": {{\"{label}\": \"x\"}}}}}}");
    let mut layers = Layers::default();
    layers.write(
        Layer::Api,
        from_json(json.as_bytes(), Layer::Api, Rooted::AtSettings, &LIMITS).unwrap(),
        None,
    );
    assert_eq!(check_change(&Layers::default(), &layers).map(drop), Ok(()));
    let shown = layers.keys()[0].to_string();
    assert!(layers.delete(&key(&shown)).is_some());
    assert_eq!(layers, Layers::default());
}
