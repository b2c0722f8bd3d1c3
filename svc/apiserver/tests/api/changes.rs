//! Changing settings in one call: committed, applied, reported; or refused, and nothing changed.

use serde_json::json;

use crate::http::Request;
use crate::server::{Machine, until};

const WEB: &str = r#"{"settings": {"containers": {"web": {"image": "docker.io/library/caddy:2"}}}}"#;

#[test]
fn a_change_is_committed_applied_and_reported() {
    let machine = Machine::new("change");
    let outcome = machine.patch("/v1/settings", WEB).is(200).json();
    assert_eq!(
        (&outcome["generation"], &outcome["base"], &outcome["applied"]),
        (&json!(1), &json!(0), &json!(true))
    );
    let keys: Vec<_> =
        outcome["changed"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"settings.containers.web.image"), "{keys:?}");
    assert_eq!(outcome["apply"]["units"][0]["unit"], "containers");
    assert_eq!(machine.init.renewed(), ["containers"], "exactly the unit whose file changed");
    let again = machine.patch("/v1/settings", WEB).is(200).json();
    assert_eq!(
        (&again["generation"], &again["applied"]),
        (&json!(1), &json!(false)),
        "what changes nothing is no generation"
    );
    assert_eq!(machine.init.renewed(), ["containers"]);
}

#[test]
fn a_dry_run_says_what_would_follow_and_changes_nothing() {
    let machine = Machine::new("dry");
    let before = machine.state();
    let outcome = machine.patch("/v1/settings?dry-run=true", WEB).is(200).json();
    assert_eq!((&outcome["generation"], &outcome["applied"]), (&json!(0), &json!(false)));
    assert_eq!(outcome["preview"]["units"], json!(["containers"]));
    assert!(outcome["preview"]["files"][0]["path"].as_str().unwrap().ends_with("containers.json"));
    let motd = machine.patch("/v1/settings?dry-run=true", r#"{"settings": {"motd": "new"}}"#).is(200).json();
    assert!(motd["preview"]["files"][0]["diff"].as_str().unwrap().contains("+new"), "{motd}");
    assert_eq!(machine.state(), before);
}

#[test]
fn a_key_that_is_deleted_gives_way_to_the_layer_below() {
    let machine = Machine::new("delete");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "mine"}}"#).is(200);
    let delete = |target: &str| machine.ask(&Request::new("DELETE", target));
    let outcome = delete("/v1/settings?keys=motd").is(200).json();
    assert_eq!(
        outcome["changed"],
        json!([{ "key": "settings.motd", "before": "mine", "after": "from the image" }])
    );
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "from the image");
    let before = machine.state();
    let refused = delete("/v1/settings?keys=motd,settings.dns").is(404);
    assert_eq!(refused.paths(), ["settings.motd", "settings.dns"], "every key that cannot be");
    assert!(refused.text().contains("layer image only"), "{}", refused.text());
    delete("/v1/settings").is(400);
    let body = Request::new("DELETE", "/v1/settings").body(r#"{"keys": ["a..b", "motd"]}"#);
    assert_eq!(machine.ask(&body).is(400).paths(), ["a..b"]);
    assert_eq!(machine.state(), before);
}

#[test]
fn an_update_is_not_lost_between_two_clients() {
    let machine = Machine::new("match");
    let read = machine.get("/v1/settings").header("etag").unwrap().to_owned();
    let change = |motd: &str, matches: &str| {
        let body = json!({ "settings": { "motd": motd } }).to_string();
        machine.ask(&Request::new("PATCH", "/v1/settings").header("If-Match", matches).body(body))
    };
    change("the first", &read).is(200);
    let refused = change("the second", &read).is(409).json();
    assert_eq!(refused["current"], 1, "{refused}");
    assert!(refused["remedy"].as_str().unwrap().contains("again"), "{refused}");
    assert_eq!(machine.get("/v1/settings").json()["settings"]["motd"], "the first");
    change("the second", "\"1\"").is(200);
    for wrong in ["x", "", "1, 2", "-1", "99999999999999999999999"] {
        change("the third", wrong).is(400);
    }
    // Bottlerocket's way heeds it too.
    machine.patch("/settings", r#"{"motd": "the fourth"}"#).is(204);
    let commit = |matches: u64| machine.ask(&Request::new("POST", "/tx/commit").header("If-Match", matches));
    commit(1).is(409);
    commit(2).is(200);
}

#[test]
fn what_cannot_be_applied_is_undone_and_reported() {
    let machine = Machine::new("undo");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    let before = machine.file("/run/gantry/containers.json");
    machine.init.fail("containers", 1);
    let refused = machine.patch("/v1/settings", WEB).is(500).json();
    assert!(refused["error"].as_str().unwrap().contains("containers"), "{refused}");
    assert_eq!(refused["current"], 3, "{refused}");
    assert_eq!((&refused["apply"]["generation"], &refused["apply"]["ok"]), (&json!(2), &json!(false)));
    assert_eq!((&refused["undone"]["generation"], &refused["undone"]["ok"]), (&json!(3), &json!(true)));
    assert_eq!(machine.file("/run/gantry/containers.json"), before);
    let settings = machine.get("/v1/settings").json();
    assert_eq!(settings, json!({ "generation": 3, "settings": { "motd": "good" } }));
    let generations = machine.get("/v1/generations").json();
    assert!(generations[0]["why"].as_str().unwrap().contains("could not be applied"), "{generations}");
    assert_eq!(machine.init.renewed(), ["containers", "containers"], "told of the change, and of its end");
}

#[test]
fn an_undoing_that_fails_too_is_said() {
    let machine = Machine::new("undo2");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    machine.init.fail("containers", 2);
    let refused = machine.patch("/v1/settings", WEB).is(500).json();
    assert_eq!((&refused["undone"]["ok"], &refused["current"]), (&json!(false), &json!(3)), "{refused}");
    assert_eq!(machine.get("/v1/apply").json()["last"]["ok"], false);
    machine.post("/v1/apply").is(200);
    assert_eq!(machine.get("/v1/apply").json()["last"]["ok"], true);
}

#[test]
fn applying_again_does_not_bring_back_what_was_undone() {
    let machine = Machine::new("again");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    machine.init.fail("containers", 2);
    machine.patch("/v1/settings", WEB).is(500);
    std::fs::remove_file(machine.root.join("run/gantry/containers.json")).unwrap();
    machine.init.fail("containers", 1);
    let refused = machine.post("/v1/apply").is(500).json();
    assert!(refused["error"].as_str().unwrap().contains("stays"), "{refused}");
    let settings = machine.get("/v1/settings").json();
    assert_eq!(settings, json!({ "generation": 3, "settings": { "motd": "good" } }));
    machine.post("/v1/apply").is(200);
}

#[test]
fn what_was_in_effect_is_not_undone_when_applying_it_again_fails() {
    let machine = Machine::new("stays");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    machine.patch("/v1/settings", WEB).is(200);
    std::fs::remove_file(machine.root.join("run/gantry/containers.json")).unwrap();
    machine.init.fail("containers", 1);
    let refused = machine.post("/v1/apply").is(500).json();
    assert!(refused["error"].as_str().unwrap().contains("stays"), "{refused}");
    assert_eq!((machine.generation(), &refused["apply"]["ok"]), (2, &json!(false)));
    machine.post("/v1/apply").is(200);
}

#[test]
fn a_change_that_its_caller_does_not_wait_for_is_made_all_the_same() {
    use std::io::Write;
    let machine = Machine::new("gone");
    machine.init.hold(true);
    let mut stream = crate::http::connect(&machine.socket());
    stream.write_all(&Request::new("PATCH", "/v1/settings").body(WEB).bytes()).unwrap();
    crate::server::until("committed", || machine.generation() == 1);
    drop(stream);
    machine.init.hold(false);
    crate::server::until("applied", || {
        machine.api().last_report().is_some_and(|report| report.generation == 1)
    });
    assert_eq!(machine.get("/v1/apply").json()["last"]["ok"], true);
}

#[test]
fn a_server_that_is_told_to_end_finishes_the_change_under_way() {
    let mut machine = Machine::new("end");
    machine.init.hold(true);
    let socket = machine.socket();
    let caller = std::thread::spawn(move || {
        crate::http::raw(&socket, &Request::new("PATCH", "/v1/settings").body(WEB).bytes())
    });
    crate::server::until("committed", || machine.generation() == 1);
    let init = machine.init.clone();
    let (api, socket) = (machine.api(), machine.socket());
    let letting_go = std::thread::spawn(move || {
        // Only once nobody is listened to any more.
        crate::server::until("ending", || std::os::unix::net::UnixStream::connect(&socket).is_err());
        init.hold(false);
    });
    machine.stop();
    letting_go.join().unwrap();
    assert_eq!(crate::http::Answer::parse(&caller.join().unwrap()).status, 200);
    assert_eq!(api.last_report().map(|report| (report.generation, report.ok)), Some((1, true)));
}

#[test]
fn what_another_process_commits_over_a_change_stays_when_the_change_is_undone() {
    use generation::{Draft, Generation, Registry};
    use settings::{LIMITS, Layer, Rooted, from_json};
    let machine = Machine::new("over");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    machine.init.fail("containers", 1);
    machine.init.hold(true);
    let socket = machine.socket();
    let caller = std::thread::spawn(move || Request::new("PATCH", "/v1/settings").body(WEB).send(&socket));
    crate::server::until("committed", || machine.generation() == 2);
    let other = store::Store::open(&machine.root.join("state/settings"), store::KEEP, &Registry::released());
    let other = other.unwrap().store;
    let mut draft = Draft::from(Generation::clone(&other.current().unwrap()));
    let body = br#"{"dns": {"name-servers": ["192.0.2.1"]}}"#;
    draft.layers.set(Layer::Imds, from_json(body, Layer::Imds, Rooted::AtSettings, &LIMITS).unwrap());
    draft.user_data.insert(Layer::Imds, "d".into());
    other.commit(draft, Some(2)).unwrap();
    machine.init.hold(false);
    let refused = caller.join().unwrap().is(500).json();
    assert_eq!((&refused["current"], &refused["undone"]["ok"]), (&json!(4), &json!(true)), "{refused}");
    let settings = json!({ "dns": { "name-servers": ["192.0.2.1"] }, "motd": "good" });
    assert_eq!(machine.get("/v1/settings").json()["settings"], settings);
    assert_eq!(machine.get("/v1/generations/4").json()["user_data"]["imds"], "d");
}

#[test]
fn a_change_that_the_end_of_the_service_cuts_off_is_recorded() {
    let now = std::time::Duration::ZERO;
    let limits = apiserver::Limits { farewell: now, last_turn: now, ..apiserver::LIMITS };
    let mut machine = Machine::within("cut-off", limits);
    machine.init.hold(true);
    let mut stream = crate::http::connect(&machine.socket());
    let request = Request::new("PATCH", "/v1/settings").body(WEB).bytes();
    std::io::Write::write_all(&mut stream, &request).unwrap();
    crate::server::until("committed", || machine.generation() == 1);
    machine.stop();
    machine.init.hold(false);
    machine.start(apiserver::LIMITS);
    let record = machine.get("/v1/audit").text();
    assert!(record.contains(r#"\"status\":0,\"before\":0,\"after\":1"#), "{record}");
}

#[test]
fn keys_that_nothing_reads_are_named_and_kept() {
    let machine = Machine::new("unread");
    let body = r#"{"settings": {"kubernetes": {"cluster-name": "east"}, "motd": "x"}}"#;
    let outcome = machine.patch("/v1/settings", body).is(200).json();
    assert_eq!(outcome["unread"], json!(["settings.kubernetes.cluster-name"]), "{outcome}");
}

#[test]
fn an_undo_that_there_is_no_room_for_is_owed_until_there_is() {
    let mut machine = Machine::new("owed");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    let broken =
        r#"{"settings": {"motd": "bad", "containers": {"web": {"image": "docker.io/library/caddy:2"}}}}"#;
    machine.init.hold(true);
    let socket = machine.socket();
    let change = std::thread::spawn(move || Request::new("PATCH", "/v1/settings").body(broken).send(&socket));
    until("committed", || machine.generation() == 2);
    // Nothing more can be stored: what is written aside has no room.
    let aside = machine.root.join("state/settings/1/.new");
    std::fs::create_dir(&aside).unwrap();
    machine.init.fail("containers", 1);
    machine.init.hold(false);
    let refused = change.join().unwrap().is(500).json();
    assert!(refused["error"].as_str().unwrap().contains("could not be stored"), "{refused}");
    let is_good = |machine: &Machine| machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "good");
    assert!(is_good(&machine), "the host runs by what was before");
    let pending = machine.get("/v1/status").json()["pending"].clone();
    assert!(pending["generation"] == 2 && pending["undo"].is_string(), "{pending}");
    let refused = machine.patch("/v1/settings", r#"{"settings": {"motd": "other"}}"#).is(409).json();
    assert!(refused["remedy"].as_str().unwrap().contains("STATE"), "{refused}");
    machine.post("/v1/apply").is(409);
    assert!(is_good(&machine), "not applied after all");
    // Who begins finds it not in effect, tries it, and owes the undo again.
    machine.stop();
    machine.init.fail("containers", 1);
    machine.start(apiserver::LIMITS);
    until("owed again", || machine.get("/v1/status").json()["pending"]["undo"].is_string());
    assert!(is_good(&machine));
    std::fs::remove_dir(&aside).unwrap();
    until("stored", || machine.generation() == 3);
    until("done", || machine.get("/v1/status").json().get("pending").is_none());
    assert_eq!(machine.get("/v1/settings").json()["settings"], serde_json::json!({ "motd": "good" }));
    assert_eq!(machine.api().applied(), Some(3));
    machine.patch("/v1/settings", r#"{"settings": {"motd": "other"}}"#).is(200);
}
