//! What a large document costs, printed: `cargo test --release -p settings --test speed -- --nocapture`.
#![allow(clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Duration;

use settings::{
    KeyPath, LIMITS, Layer, Layers, Rooted, Secrets, check_change, from_json, from_pairs, load, validate,
};

/// How long this thread has been running, not waiting for a processor: other tests run beside this one.
fn on_cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(0)
}

/// 10 000 keys in every kind of place.
fn large() -> String {
    let mut text = String::from("[settings.kernel.sysctl]\n");
    (0..4000).for_each(|n| text += &format!("\"vm.x{n}\" = \"{n}\"\n"));
    text += "[settings.kubernetes.node-labels]\n";
    (0..2000).for_each(|n| text += &format!("label{n} = \"{n}\"\n"));
    (0..1000).for_each(|n| text += &format!("[settings.containers.c{n}]\nimage = \"nginx:{n}\"\nports = [\"{}:80\"]\nresources.memory = \"64Mi\"\n", n + 1));
    (0..500).for_each(|n| text += &format!("[settings.pki.ca{n}]\ntrusted = true\ndata = \"\"\n"));
    text
}

#[test]
fn ten_thousand_keys_cost_no_more_than_their_number() {
    let time = |what: &str, rounds: u32, work: &mut dyn FnMut()| {
        let start = on_cpu_ns();
        (0..rounds).for_each(|_| work());
        println!("{what:>28} {:>10.2?}", Duration::from_nanos(on_cpu_ns() - start) / rounds);
    };
    let text = large();
    let loaded = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
    assert_eq!(loaded.problems, []);
    let mut layers = Layers::default();
    layers.set(Layer::FwCfg, loaded.tree);
    layers.write(Layer::Api, from_pairs(&[("motd", "hello")], Layer::Api).unwrap(), None);
    println!("{} keys, {} bytes", layers.keys().len(), text.len());
    let rounds = if cfg!(debug_assertions) { 1 } else { 50 };
    let tree = layers.merged();
    let (settings, _) = validate(&tree);
    let value = settings.write();
    let json = value.to_json(Secrets::Shown).to_string();
    let mut after = layers.clone();
    after.write(Layer::Api, from_pairs(&[("motd", "hello again")], Layer::Api).unwrap(), None);
    let key = KeyPath::parse("settings.kernel.sysctl.\"vm.x77\"").unwrap();
    time("load (TOML)", rounds, &mut || drop(black_box(load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS))));
    time("from_json", rounds, &mut || {
        drop(black_box(from_json(json.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS)))
    });
    time("Layers::clone", rounds, &mut || drop(black_box(layers.clone())));
    time("Layers::merged", rounds, &mut || drop(black_box(layers.merged())));
    time("validate", rounds, &mut || drop(black_box(validate(&tree))));
    time("Settings::write", rounds, &mut || drop(black_box(settings.write())));
    time("merged, validate, write", rounds, &mut || drop(black_box(validate(&layers.merged()).0.write())));
    time("check_change", rounds, &mut || drop(black_box(check_change(&layers, &after))));
    time("explain one key", rounds, &mut || drop(black_box(layers.explain(&key))));
    time("explain all", rounds, &mut || drop(black_box(layers.explain(&KeyPath::settings()))));
    time("Value::to_json", rounds, &mut || drop(black_box(value.to_json(Secrets::Marked))));
    time("filtered", rounds, &mut || drop(black_box(value.filtered("settings.kernel"))));
    time("diff", rounds, &mut || drop(black_box(settings::diff(&value, &value))));
}
