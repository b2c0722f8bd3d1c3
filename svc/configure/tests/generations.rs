//! `configure` and the settings store: what a boot stores, keeps, takes up and undoes.
#![allow(clippy::unwrap_used)]

mod host;

use std::fs;
use std::sync::Arc;

use generation::{Draft, Generation, Registry, Why};
use host::{FW_CFG, Host};
use settings::written::as_written;
use settings::{KeyPath, LIMITS, Layer};
use store::{KEEP, Store};

fn store(host: &Host) -> Store {
    Store::open(&host.0.join("state/settings"), KEEP, &Registry::released()).unwrap().store
}

fn current(host: &Host) -> Arc<Generation> {
    store(host).current().unwrap()
}

/// What the API does to settings while the host runs.
fn change(host: &Host, provisional: Option<u32>, change: impl FnOnce(&mut settings::Layers)) -> u64 {
    let store = store(host);
    let mut draft = Draft::from(Generation::clone(&store.current().unwrap()));
    change(&mut draft.layers);
    draft.provisional = provisional;
    draft.why = Why::Change;
    store.commit(draft, None).unwrap().number
}

fn says(layers: &mut settings::Layers, text: &str) {
    layers.write(Layer::Api, as_written(text.as_bytes(), Layer::Api, &LIMITS).0, None);
}

fn key(text: &str) -> KeyPath {
    KeyPath::parse(text).unwrap()
}

#[test]
fn the_first_boot_stores_what_it_was_told_and_the_second_stores_nothing() {
    let host = Host::new("first");
    host.put("usr/share/gantry/defaults.toml", b"settings.motd = 'image'\n");
    host.put("usr/lib/os-release", b"VERSION_ID=1.2.3\nVARIANT_ID=standalone\n");
    host.put(FW_CFG, b"settings.network.hostname = 'edge'\n");
    assert_eq!(host.configure().0, 0);
    let first = current(&host);
    assert_eq!((first.number, first.why, first.release.as_str()), (1, Why::FirstBoot, "1.2.3"));
    assert_eq!(first.layers.get(Layer::Image), None, "the image's values follow the image");
    assert_eq!(first.layers.get(Layer::FwCfg).unwrap().root.len(), 1);
    assert_eq!(first.user_data[&Layer::FwCfg].len(), 64);

    assert_eq!(host.configure().0, 0);
    assert_eq!(*current(&host), *first);
    host.put("usr/share/gantry/defaults.toml", b"settings.motd = 'newer image'\n");
    assert_eq!(host.configure().0, 0);
    assert_eq!(current(&host).number, 1);
    assert_eq!(host.get("etc/motd"), "newer image\n");
}

#[test]
fn a_source_that_says_something_new_replaces_all_that_it_said() {
    let host = Host::new("replace");
    host.put(FW_CFG, b"[settings]\nmotd = 'one'\nnetwork.hostname = 'edge'\n");
    host.configure();
    host.put(FW_CFG, b"[settings]\nmotd = 'two'\nnetwork.hosts = []\n");
    host.configure();
    let second = current(&host);
    assert_eq!((second.number, second.why), (2, Why::UserData));
    assert_eq!((host.get("etc/motd").as_str(), host.get("etc/hostname").as_str()), ("two\n", "localhost\n"));

    host.put(FW_CFG, b"[settings]\nmotd = 'two'\nnetwork.hosts = []\ndns.search-list = []\n");
    host.configure();
    let explained = current(&host).layers.explain(&key("settings"));
    let written =
        |text: &str| explained.iter().find(|leaf| leaf.key == key(text)).unwrap().stamp.unwrap().generation;
    assert_eq!(
        (written("settings.motd"), written("settings.dns.search-list")),
        (2, 3),
        "what it says again is no news"
    );
}

#[test]
fn a_source_that_is_gone_or_makes_no_sense_leaves_what_it_said_last() {
    let host = Host::new("gone");
    host.put(FW_CFG, b"settings.motd = 'kept'\n");
    host.configure();
    fs::remove_file(host.0.join(FW_CFG)).unwrap();
    assert_eq!(host.configure().0, 0);
    assert_eq!(host.get("etc/motd"), "kept\n");
    for garbage in [&b"\x1f\x8b\x08garbage"[..], b"#cloud-config\nx: 1\n", b"\xff\xfe\x00"] {
        host.put(FW_CFG, garbage);
        let (status, log) = host.configure();
        assert_eq!(status, 0);
        assert!(log.contains("user data problem source=fw_cfg"), "{log}");
        assert_eq!(host.get("etc/motd"), "kept\n");
        assert_eq!(current(&host).number, 1, "and nothing is stored");
    }
}

#[test]
fn what_the_api_says_outlives_boots_and_what_it_deleted_stays_deleted() {
    let host = Host::new("api");
    host.put(FW_CFG, b"[settings]\nmotd = 'user data'\nnetwork.hostname = 'edge'\n");
    host.configure();
    change(&host, None, |layers| {
        says(layers, "settings.motd = 'api'\n");
        layers.delete(&key("settings.network.hostname")).unwrap();
    });
    host.configure();
    assert_eq!((host.get("etc/motd").as_str(), host.get("etc/hostname").as_str()), ("api\n", "localhost\n"));
    assert_eq!(current(&host).number, 2);

    host.put(FW_CFG, b"[settings]\nmotd = 'user data'\nnetwork.hostname = 'core'\n");
    host.configure();
    assert_eq!(host.get("etc/motd"), "api\n", "a new document does not override the API");
    assert_eq!(host.get("etc/hostname"), "core\n", "and says again what was deleted");
}

#[test]
fn settings_that_nobody_confirmed_are_undone() {
    let host = Host::new("provisional");
    host.put(FW_CFG, b"settings.motd = 'stands'\n");
    host.configure();
    assert_eq!(change(&host, Some(60), |layers| says(layers, "settings.motd = 'cut off'\n")), 2);
    assert_eq!(change(&host, Some(60), |layers| says(layers, "settings.motd = 'worse'\n")), 3);
    let (status, log) = host.configure();
    assert_eq!(status, 0);
    assert!(log.contains("unconfirmed settings undone why=\"generation 3 was not confirmed"), "{log}");
    let undone = current(&host);
    assert_eq!((undone.number, undone.why, undone.provisional), (4, Why::NotConfirmed { of: 3 }, None));
    assert_eq!(host.get("etc/motd"), "stands\n");
    host.configure();
    assert_eq!(current(&host).number, 4, "once");
}

#[test]
fn without_a_usable_state_settings_last_until_the_host_ends() {
    let host = Host::new("stateless");
    fs::remove_dir(host.0.join("state")).unwrap();
    host.put(FW_CFG, b"settings.motd = 'in memory'\n");
    for _ in 0..2 {
        let (status, log) = host.configure();
        assert_eq!(status, 0);
        assert!(log.contains("error configure: settings last until the host ends why="), "{log}");
        assert_eq!(host.get("etc/motd"), "in memory\n");
    }
}

#[test]
fn a_damaged_generation_is_named_and_the_one_before_it_holds() {
    let host = Host::new("damaged");
    host.put(FW_CFG, b"settings.motd = 'one'\n");
    host.configure();
    change(&host, None, |layers| says(layers, "settings.motd = 'two'\n"));
    let folder = host.0.join("state/settings/1");
    let newest = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let (status, log) = host.configure();
    assert_eq!(status, 0);
    assert!(log.contains("error configure: settings store damaged why="), "{log}");
    assert_eq!(host.get("etc/motd"), "one\n");
}

#[test]
fn the_report_says_what_was_found() {
    let host = Host::new("report");
    host.put("usr/share/gantry/defaults.toml", b"settings.motd = 'image'\n");
    host.put(FW_CFG, b"[settings]\nmodt = 1\nkubernetes.cluster-name = 'x'\nkernel.sysctl.'vm.none' = '1'\n[settings.dns]\n= 1\n");
    host.configure();
    let report: wire::configured::Configured =
        serde_json::from_str(&host.get("run/gantry/configure.json")).unwrap();
    assert_eq!(report.generation, 1);
    let sources: Vec<_> = report.sources.iter().map(|source| (source.layer.as_str(), source.new)).collect();
    assert_eq!(sources, [("image", false), ("fw_cfg", true)]);
    let paths: Vec<_> = report.problems().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["settings.dns", "settings.modt", "settings.kernel.sysctl.\"vm.none\""]);
    assert_eq!(report.unread, ["settings.kubernetes.cluster-name"]);
    assert_eq!(report.failures, [""; 0]);
    assert!(!host.get("run/gantry/configure.json").contains("image'"));
}

#[test]
fn a_machine_without_a_cloud_has_nothing_to_do_a_second_time() {
    let host = Host::new("cloudless");
    let (status, log) = host.configure_cloud();
    assert_eq!((status, log.as_str()), (0, ""));
    assert!(!host.0.join("state/settings").exists());
}

/// Nothing more can be stored: what is written aside has no room.
fn fill(host: &Host) {
    fs::create_dir_all(host.0.join("state/settings/1/.new")).unwrap();
}

#[test]
fn what_there_is_no_room_to_store_is_in_effect_and_the_api_server_leaves_it_so() {
    let host = Host::new("full");
    host.put(FW_CFG, b"settings.motd = 'one'\n");
    host.configure();
    fill(&host);
    host.put(FW_CFG, b"settings.motd = 'two'\n");
    let (status, log) = host.configure();
    assert_eq!(status, 0, "{log}");
    assert!(log.contains("error configure: settings not stored why="), "{log}");
    assert_eq!((host.get("etc/motd").as_str(), current(&host).number), ("two\n", 1));
    let report: wire::configured::Configured =
        serde_json::from_str(&host.get("run/gantry/configure.json")).unwrap();
    assert_eq!(report.generation, 0);
    assert_eq!(apply::Applier::new(&host.0, None).applied(), Some(1), "the server would apply another one");
}

#[test]
fn the_second_run_forgets_nothing_that_the_first_could_not_store() {
    for (name, fill) in [("lost-state", None), ("lost-full", Some(fill as fn(&Host)))] {
        let host = Host::new(name);
        match fill {
            None => fs::remove_dir(host.0.join("state")).unwrap(),
            Some(fill) => {
                host.configure();
                fill(&host);
            }
        }
        host.put(FW_CFG, b"settings.motd = 'told'\n");
        host.configure();
        host.put("run/gantry/lease-hostname", b"node-7\n");
        let (status, log) = host.configure_cloud();
        assert_eq!(status, 0, "{log}");
        assert_eq!(
            (host.get("etc/motd").as_str(), host.get("etc/hostname").as_str()),
            ("told\n", "node-7\n"),
            "{name}: {log}"
        );
    }
}
