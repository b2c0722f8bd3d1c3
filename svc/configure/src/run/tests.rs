//! What only a second run meets: settings that somebody changed, or is about to confirm, while the host runs.

use std::fs;
use std::path::PathBuf;

use settings::written::as_written;

use super::*;

struct Host(PathBuf);

impl Host {
    fn new(name: &str) -> Host {
        let root = std::env::temp_dir().join(format!("configure-run-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("state")).unwrap();
        fs::create_dir_all(root.join("proc/sys/kernel")).unwrap();
        fs::write(root.join("proc/sys/kernel/hostname"), "").unwrap();
        Host(root)
    }

    fn run(&self, which: Run) -> (u8, String) {
        let mut log = Vec::new();
        let status = run(&self.0, which, Report::new(&mut log));
        (status, String::from_utf8(log).unwrap())
    }

    fn store(&self) -> Store {
        Store::open(&self.0.join("state/settings"), KEEP, &Registry::released()).unwrap().store
    }

    fn motd(&self) -> String {
        fs::read_to_string(self.0.join("etc/motd")).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the API commits.
fn change(store: &Store, text: &str, provisional: Option<u32>) -> Arc<Generation> {
    let mut draft = Draft::from(Generation::clone(&store.current().unwrap()));
    draft.layers.write(Layer::Api, as_written(text.as_bytes(), Layer::Api, &LIMITS).0, None);
    draft.provisional = provisional;
    draft.why = Why::Change;
    store.commit(draft, None).unwrap()
}

#[test]
fn a_commit_that_comes_in_between_is_built_upon_not_lost() {
    let host = Host::new("between");
    host.run(Run::Boot);
    let store = host.store();
    let seen = store.current();
    change(&host.store(), "settings.motd = 'api'\n", None);

    let sources = [Source {
        layer: Layer::Imds,
        bytes: b"settings.network.hostname = 'cloud'\n".to_vec(),
        digest: "d".into(),
    }];
    let mut said = Said::stored(seen.as_deref());
    said.source(&sources[0]);
    let news = News { root: &host.0, defaults: b"", sources: &sources, generated: &[] };
    let (mut log, why) = (Vec::new(), Why::UserData);
    let decided =
        news.decide(Some(&store), seen.clone(), seen, said, why, &mut Report::new(&mut log)).unwrap();
    assert_eq!(decided.generation, 3);
    assert_eq!(decided.settings.motd.unwrap().as_str(), "api");
    assert_eq!(decided.settings.network.hostname.unwrap().as_str(), "cloud");
    let third = host.store().current().unwrap();
    assert_eq!((third.number, third.user_data[&Layer::Imds].as_str()), (3, "d"));
    let key = KeyPath::parse("settings.motd").unwrap();
    assert_eq!(third.layers.explain(&key)[0].stamp.unwrap().generation, 2);
}

#[test]
fn a_second_run_decides_nothing_about_settings_that_await_confirmation() {
    let host = Host::new("awaits");
    host.run(Run::Boot);
    change(&host.store(), "settings.motd = 'on trial'\n", Some(60));
    let (status, log) = host.run(Run::Cloud);
    assert_eq!(status, 75, "PID 1 tries again later");
    assert!(log.contains("second run put off why=\"generation 2 awaits its confirmation\""), "{log}");
    assert_eq!(host.store().current().unwrap().provisional, Some(60));
    host.run(Run::Boot);
    assert_eq!(host.motd(), "", "the next boot undoes them");
}

#[test]
fn a_commit_on_trial_that_comes_in_between_is_not_confirmed_by_ours() {
    let host = Host::new("trial-between");
    host.run(Run::Boot);
    let store = host.store();
    let seen = store.current();
    change(&host.store(), "settings.motd = 'on trial'\n", Some(60));

    let sources = [Source {
        layer: Layer::Imds,
        bytes: b"settings.network.hostname = 'cloud'\n".to_vec(),
        digest: "d".into(),
    }];
    let mut said = Said::stored(seen.as_deref());
    said.source(&sources[0]);
    let news = News { root: &host.0, defaults: b"", sources: &sources, generated: &[] };
    let (mut log, why) = (Vec::new(), Why::UserData);
    let decided = news.decide(Some(&store), seen.clone(), seen, said, why, &mut Report::new(&mut log));
    assert_eq!(decided.map(|decided| decided.generation).err(), Some(2));
    let current = host.store().current().unwrap();
    assert_eq!((current.number, current.provisional), (2, Some(60)));
}

#[test]
fn a_second_run_without_a_store_takes_back_nothing_of_the_first() {
    let host = Host::new("memory");
    fs::write(host.0.join("state/settings"), "no folder").unwrap();
    let fw_cfg = host.0.join("sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/user-data");
    fs::create_dir_all(&fw_cfg).unwrap();
    fs::write(fw_cfg.join("raw"), "settings.motd = 'x'\nsettings.nonsense = 1\n").unwrap();
    host.run(Run::Boot);
    assert_eq!(host.motd(), "x\n");
    let (_, log) = host.run(Run::Cloud);
    assert_eq!(host.motd(), "x\n", "{log}");
}

#[test]
fn a_second_run_keeps_what_the_first_found_wrong() {
    let host = Host::new("recall");
    let fw_cfg = host.0.join("sys/firmware/qemu_fw_cfg/by_name/opt/org.gantry/user-data");
    fs::create_dir_all(&fw_cfg).unwrap();
    fs::write(fw_cfg.join("raw"), "[settings]\nmotd = 'x'\n[settings.dns]\n= 1\n").unwrap();
    host.run(Run::Boot);
    let (status, log) = host.run(Run::Cloud);
    assert_eq!(status, 0, "{log}");
    let report = fs::read(host.0.join("run/gantry/configure.json")).unwrap();
    let report: wire::configured::Configured = serde_json::from_slice(&report).unwrap();
    assert_eq!(report.sources[0].layer, "fw_cfg");
    assert_eq!(report.unreadable[0].path, "settings.dns");
    assert_eq!(host.motd(), "x\n");
}

/// The time in which PID 1 wants a unit's run to end.
fn start_timeout(unit: &str) -> Duration {
    let line = unit.lines().find_map(|line| line.strip_prefix("start_timeout_ms = "));
    Duration::from_millis(line.map_or(60_000, |ms| ms.parse().unwrap()))
}

#[test]
fn pid_1_waits_for_longer_than_a_run_waits_for_others() {
    let boot = start_timeout(include_str!("../../../../image/units/configure.toml"));
    assert!(boot >= UNITS_WITHIN * 2);
    let cloud = start_timeout(include_str!("../../../../image/units/configure-cloud.toml"));
    let metadata = sources::metadata::Patience::default().question + generators::QUESTION;
    assert!(cloud >= metadata + UNITS_WITHIN * 2, "it would be killed before it said that nobody answered");
}
