//! The host configured through its API, from outside, by the image's own client.

use serde_json::Value;
use vm::oci::PAGE;
use vm::{Api, ApiKeys, Disk, Guest};
use wire::Role;

use crate::story::{BOOT, OrTell as _, SOON, Story, WEB};

/// A machine whose API answers.
pub struct Served {
    pub guest: Guest,
    pub api: Api,
    keys: ApiKeys,
}

impl Served {
    fn boot(story: &Story, settings: &str) -> Self {
        Self::start(story, settings, |machine| machine)
    }

    pub fn start(
        story: &Story,
        settings: &str,
        with: impl FnOnce(vm::guest::Builder) -> vm::guest::Builder,
    ) -> Self {
        let keys = ApiKeys::ensure().or_tell();
        let settings = format!("{settings}{}", keys.user_data().or_tell());
        let machine = story.machine(&settings).forward(8080).forward(vm::api::PORT).orders();
        let guest = with(machine).start().or_tell();
        let api = Api::of(&guest, &keys).or_tell();
        api.wait(&guest, BOOT).or_tell();
        Self { guest, api, keys }
    }

    /// The client's JSON; it must succeed.
    pub fn ask(&self, words: &[&str]) -> Value {
        let (status, value) = self.try_ask(words);
        assert_eq!(status, 0, "{words:?}: {value:#}");
        value
    }

    /// The client's exit status and JSON, of an answer or of a refusal.
    fn try_ask(&self, words: &[&str]) -> (i32, Value) {
        let said = self.api.run(&[&["--json"], words].concat()).or_tell();
        let text = if said.stdout.trim().is_empty() { &said.stderr } else { &said.stdout };
        let value = serde_json::from_str(text).unwrap_or_else(|err| panic!("{words:?}: {err}: {said:?}"));
        (said.status.unwrap(), value)
    }

    /// How often each unit was started, by name.
    fn starts(&self) -> Vec<(String, u64)> {
        let services = self.ask(&["services"]);
        let list = services.as_array().cloned().unwrap_or_else(|| panic!("{services:#}"));
        let start =
            |unit: &Value| (unit["name"].as_str().unwrap().to_owned(), unit["starts"].as_u64().unwrap());
        list.iter().map(start).collect()
    }
}

/// What one application changed, and told, in words.
fn told(outcome: &Value) -> Vec<String> {
    let report = &outcome["apply"];
    let all = |list: &str, say: fn(&Value) -> String| {
        report[list].as_array().unwrap_or_else(|| panic!("{outcome:#}")).iter().map(say).collect::<Vec<_>>()
    };
    let mut words = all("files", |file| format!("file {}", file["path"].as_str().unwrap_or_default()));
    words.extend(all("knobs", |knob| format!("knob {}", knob["path"].as_str().unwrap_or_default())));
    words.extend(all("units", |unit| {
        let word = |key: &str| unit[key].as_str().unwrap_or_default().to_owned();
        format!("unit {} {} {}", word("unit"), word("how"), word("outcome"))
    }));
    words
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn settings_changed_at_run_time_touch_exactly_what_reads_them() {
    let story = Story::begin("settings_changed_at_run_time_touch_exactly_what_reads_them");
    let mut served = Served::boot(&story, WEB);
    assert_eq!(served.guest.fetch(8080, "/", BOOT).or_tell(), PAGE);
    let before = served.starts();

    assert_eq!(told(&served.ask(&["set", "motd=changed"])), ["file /etc/motd"]);
    assert_eq!(served.guest.show("/etc/motd", SOON).or_tell(), "changed");

    let sysctl = served.ask(&["set", "kernel.sysctl.\"vm.swappiness\"=11"]);
    assert_eq!(told(&sysctl), ["knob /proc/sys/vm/swappiness"]);
    assert_eq!(served.guest.show("/proc/sys/vm/swappiness", SOON).or_tell(), "11");

    let ntp = served.ask(&["set", "--json", r#"{"ntp":{"time-servers":["time.gantry.test"]}}"#]);
    // The service that reads it comes with the host's clock; the answer says that nobody does yet.
    assert_eq!(told(&ntp), ["file /run/gantry/time.json"]);
    assert_eq!(ntp["unread"][0], "settings.ntp.time-servers");

    let mirror = r#"{"container-registry":{"mirrors":[{"registry":"*","endpoint":["http://10.0.2.2:1"]}]}}"#;
    let reload = ["file /run/gantry/containers.json", "unit containers reloaded ready"];
    assert_eq!(told(&served.ask(&["set", "--json", mirror])), reload);
    // Deleted, the mirror of the user data is back, and the next image comes through it.
    assert_eq!(told(&served.ask(&["delete", "container-registry.mirrors"])), reload);

    let second = r#"{"containers":{"second":{"image":"registry.gantry.test/busybox:1",
        "command":["/bin/sh","-c","echo I am the second; exec sleep 100000"]}}}"#;
    assert_eq!(told(&served.ask(&["set", "--json", second])), reload);
    served
        .guest
        .wait_for("the new container", SOON, |text| text.contains("[second] I am the second"))
        .or_tell();

    assert_eq!(served.starts(), before, "no unit was restarted");
    assert_eq!(served.guest.fetch(8080, "/", SOON).or_tell(), PAGE);

    let explained = served.ask(&["get", "--explain", "settings.motd"]);
    let layers: Vec<_> =
        explained["values"].as_array().unwrap().iter().map(|value| &value["layer"]).collect();
    assert_eq!(layers.last().unwrap().as_str(), Some("api"), "{explained:#}");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn setting_that_breaks_something_is_undone_and_reported() {
    let story = Story::begin("setting_that_breaks_something_is_undone_and_reported");
    // It holds the port that the API is told to take.
    let squatter = r#"
[settings.containers.squatter]
image = "registry.gantry.test/web:1"
network = "host"
command = ["/bin/httpd", "-f", "-p", "9443"]
"#;
    let mut served = Served::boot(&story, squatter);
    served.guest.wait_milestone("container/squatter", BOOT).or_tell();

    // A kernel that refuses: everything of the same change is undone with it.
    let bad = r#"{"motd":"half","kernel":{"sysctl":{"vm.swappiness":"much"}}}"#;
    let (status, answer) = served.try_ask(&["set", "--json", bad]);
    assert_eq!(status, 5, "{answer:#}");
    assert_eq!(answer["undone"]["ok"], true, "{answer:#}");
    assert_eq!(answer["apply"]["failure"]["at"], "knobs", "{answer:#}");
    assert!(!served.guest.show("/etc/motd", SOON).or_tell().contains("half"));

    // A service that cannot do what its settings say.
    let (status, answer) = served.try_ask(&["set", "api.port=9443"]);
    assert_eq!(status, 5, "{answer:#}");
    assert_eq!(served.ask(&["get", "settings.api.port"])["settings"]["api"]["port"], vm::api::PORT);
    let history = served.ask(&["history"]).to_string();
    assert!(history.contains("could not be applied"), "{history}");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn change_that_cuts_its_author_off_undoes_itself_at_its_deadline() {
    let story = Story::begin("change_that_cuts_its_author_off_undoes_itself_at_its_deadline");
    let served = Served::boot(&story, WEB);
    // The answer may not reach us any more.
    let _ = served
        .api
        .run(&["set", "api.enabled=false", "--confirm-within", "20s", "--timeout", "60s"])
        .or_tell();
    served.guest.wait_for("an end of the remote API", SOON, |text| text.contains("remote API off")).or_tell();
    assert_ne!(served.api.run(&["status", "--timeout", "5s"]).or_tell().status, Some(0));
    served.api.wait(&served.guest, SOON).or_tell();
    let history = served.ask(&["history"]).to_string();
    assert!(history.contains("was not confirmed"), "{history}");

    // One that is confirmed stays.
    let outcome = served.ask(&["set", "motd=kept", "--confirm-within", "20s"]);
    let generation = outcome["generation"].to_string();
    served.ask(&["confirm", &generation]);
    let settings = served.ask(&["get", "settings.motd"]);
    assert_eq!(settings["settings"]["motd"], "kept", "{settings:#}");
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn power_cut_among_commits_leaves_the_old_settings_or_the_new() {
    const NAME: &str = "power_cut_among_commits_leaves_the_old_settings_or_the_new";
    let story = Story::begin(NAME);
    let disk =
        Disk::copy(&story.lab.image.disk(), &story.lab.machines.join(format!("{NAME}.img")), None).or_tell();
    let mut least = 0;
    for round in 0..3 {
        let mut served = Served::start(&story, "", |machine| machine.disk(disk.clone()));
        let found = served.ask(&["get", "settings"])["settings"].take();
        if round > 0 {
            // What was acknowledged is there, or the one that was under way; and never half: both keys are of one change.
            let text = found["motd"].as_str().unwrap();
            let number: u64 = text.parse().unwrap();
            assert!((least..=least + 1).contains(&number), "{text}, acknowledged {least}");
            assert_eq!(found["network"]["hosts"][0][1][0], format!("host-{number}"), "{found:#}");
        }
        let api = served.api.clone();
        let (acknowledge, acknowledged) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || {
            for number in (round + 1) * 1000.. {
                let change = format!(
                    r#"{{"motd":"{number}","network":{{"hosts":[["10.9.9.9",["host-{number}"]]]}}}}"#
                );
                match api.run(&["set", "--json", &change, "--timeout", "10s"]) {
                    Ok(said) if said.status == Some(0) && acknowledge.send(number).is_ok() => {}
                    _ => return,
                }
            }
        });
        for _ in 0..3 + round {
            least = acknowledged.recv_timeout(SOON).unwrap();
        }
        served.guest.kill();
        drop(served);
        writer.join().unwrap();
        // What it heard in the last moment.
        least = acknowledged.try_iter().last().unwrap_or(least);
    }
    std::fs::remove_file(disk.path()).unwrap();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn certificates_decide_and_every_call_is_in_the_chain() {
    let story = Story::begin("certificates_decide_and_every_call_is_in_the_chain");
    let served = Served::boot(&story, "");
    let reader = served.api.as_holder_of(served.keys.issue("watcher", Role::Reader).or_tell());
    assert_eq!(reader.run(&["get", "settings"]).or_tell().status, Some(0));
    let refused = reader.run(&["set", "motd=mine"]).or_tell();
    assert_eq!(refused.status, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("operator") || refused.stderr.contains("admin"), "{refused:?}");
    let whole = served.api.run(&["audit", "verify"]).or_tell();
    assert_eq!(whole.status, Some(0), "{whole:?}");
    let shown = served.api.run(&["audit", "show", "--json"]).or_tell();
    assert!(shown.stdout.contains("watcher"), "{shown:?}");
}
