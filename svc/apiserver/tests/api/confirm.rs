//! Changes that undo themselves unless they are confirmed.

use std::sync::mpsc::channel;

use apply::Applier;
use control::Pid1;
use generation::{Draft, Registry, Why};
use serde_json::json;
use settings::{LIMITS, Layer, Layers, Rooted, from_json, validate};

use crate::server::{Machine, until};

const BODY: &str = r#"{"settings": {"motd": "on trial"}}"#;

fn with_one(name: &str) -> Machine {
    let machine = Machine::new(name);
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    machine
}

#[test]
fn a_change_that_nobody_confirms_is_undone_at_its_deadline() {
    let machine = with_one("late");
    let outcome = machine.patch("/v1/settings?confirm-within=1", BODY).is(200).json();
    assert_eq!((&outcome["generation"], &outcome["confirm_within_s"]), (&json!(2), &json!(1)));
    until("undone", || machine.generation() == 3);
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "good"));
    assert_eq!(machine.get("/v1/settings").json()["settings"]["motd"], "good");
    assert_eq!(machine.get("/v1/generations").json()[0]["why"], "generation 2 was not confirmed");
    let refused = machine.post("/v1/generations/2/confirm").is(409).json();
    assert_eq!(refused["current"], 3, "{refused}");
    assert!(machine.get("/v1/apply").json().get("pending").is_none());
    machine.patch("/v1/settings", BODY).is(200);
}

#[test]
fn a_change_that_is_confirmed_stays() {
    let machine = with_one("confirmed");
    machine.patch("/v1/settings?confirm-within=3600", BODY).is(200);
    let pending = machine.get("/v1/status").json()["pending"].clone();
    assert_eq!(pending["generation"], 2);
    assert!(pending["left_ms"].as_u64().unwrap() > 3_000_000, "{pending}");
    let refused = machine.patch("/v1/settings", r#"{"settings": {"motd": "other"}}"#).is(409).json();
    assert!(refused["remedy"].as_str().unwrap().contains("/v1/generations/2/confirm"), "{refused}");
    machine.patch("/v1/settings?dry-run=true", r#"{"settings": {"motd": "other"}}"#).is(200);
    machine.post("/v1/generations/1/confirm").is(409);
    machine.post("/v1/generations/9/confirm").is(404);
    let confirmed = machine.post("/v1/generations/2/confirm").is(200).json();
    assert!(confirmed.get("provisional").is_none(), "{confirmed}");
    machine.post("/v1/generations/2/confirm").is(409);
    assert_eq!(
        machine.get("/v1/settings").json(),
        json!({ "generation": 2, "settings": { "motd": "on trial" } })
    );
    machine.patch("/v1/settings", r#"{"settings": {"motd": "other"}}"#).is(200);
}

#[test]
fn a_server_that_ends_before_confirmation_undoes_the_change_when_it_begins() {
    let mut machine = with_one("restart");
    machine.patch("/v1/settings?confirm-within=3600", BODY).is(200);
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "on trial");
    machine.stop();
    machine.start(apiserver::LIMITS);
    until("undone", || machine.generation() == 3);
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "good"));
    assert_eq!(machine.get("/v1/generations").json()[0]["why"], "generation 2 was not confirmed");
}

#[test]
fn what_is_committed_and_not_in_effect_is_applied_when_a_server_begins() {
    let mut machine = with_one("begin");
    machine.patch("/settings", r#"{"motd": "committed"}"#).is(204);
    machine.post("/tx/commit").is(200);
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "good");
    machine.stop();
    machine.start(apiserver::LIMITS);
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "committed"));
    assert_eq!(machine.generation(), 2);
}

#[test]
fn what_configure_had_no_room_to_store_stays_in_effect_also_if_a_unit_is_not_well() {
    let mut machine = with_one("unstored");
    machine.stop();
    let said = br#"{"motd": "told", "containers": {"web": {"image": "docker.io/library/caddy:2"}}}"#;
    let said = from_json(said, Layer::Imds, Rooted::AtSettings, &LIMITS).unwrap();
    let mut layers = Layers::default();
    layers.set(Layer::Imds, said);
    let (plan, _) = render::render(&validate(&layers.merged()).0, &apply::facts(&machine.root));
    machine.init.fail("containers", 1);
    let pid1 = Pid1::at(&machine.root.join("run/gantry/init.sock"));
    assert!(!Applier::new(&machine.root, Some(Box::new(pid1))).lenient().apply(&plan, 1).ok);
    let report = serde_json::to_vec(&wire::configured::Configured::default()).unwrap();
    std::fs::write(machine.root.join("run/gantry/configure.json"), report).unwrap();
    machine.start(apiserver::LIMITS);
    // A first turn comes before every other.
    machine.patch("/v1/settings?dry-run=true", BODY).is(200);
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "told");
    machine.patch("/v1/settings", BODY).is(200);
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "on trial");
}

#[test]
fn a_deadline_out_of_bounds_is_refused() {
    let machine = with_one("bounds");
    let before = machine.state();
    for wrong in ["0", "86401", "-1", "1.5", "x", "", "99999999999999999999"] {
        machine.patch(&format!("/v1/settings?confirm-within={wrong}"), BODY).is(400);
    }
    assert_eq!(machine.state(), before);
}

#[test]
fn the_first_settings_of_all_give_way_to_the_images() {
    let machine = Machine::new("first");
    machine.patch("/v1/settings?confirm-within=1", BODY).is(200);
    until("undone", || machine.generation() == 2);
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "from the image"));
}

#[test]
fn what_cannot_be_undone_at_once_is_not_built_upon() {
    let mut machine = with_one("seized");
    machine.patch("/v1/settings?confirm-within=3600", BODY).is(200);
    machine.stop();
    let (root, (give, seized)) = (machine.root.clone(), channel());
    machine.start_after(apiserver::LIMITS, move || give.send(Machine::seize_store(&root)).unwrap());
    let seized = seized.recv().unwrap();
    // The host runs by what is confirmed, though the store does not say so yet.
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "good"));
    drop(seized);
    let dns = r#"{"settings": {"dns": {"name-servers": ["192.0.2.1"]}}}"#;
    until("a change is taken", || machine.patch("/v1/settings", dns).status == 200);
    assert_eq!(machine.get("/v1/settings").json()["settings"]["motd"], "good");
    assert_eq!(machine.get("/v1/generations").json()[1]["why"], "generation 2 was not confirmed");
}

#[test]
fn after_the_deadline_it_is_too_late_to_confirm() {
    let machine = with_one("too-late");
    machine.patch("/v1/settings?confirm-within=1", BODY).is(200);
    let seized = Machine::seize_store(&machine.root);
    until("applied", || machine.file("/etc/motd").is_some_and(|motd| motd.trim() == "good"));
    drop(seized);
    machine.post("/v1/generations/2/confirm").is(409);
}

#[test]
fn what_another_process_commits_over_it_takes_its_place() {
    let machine = with_one("over");
    machine.patch("/v1/settings?confirm-within=3600", BODY).is(200);
    let other = store::Store::open(&machine.root.join("state/settings"), store::KEEP, &Registry::released());
    let other = other.unwrap().store;
    let draft = Draft {
        unix_s: 1,
        by: "configure".into(),
        why: Why::UserData,
        release: "1.2.3".into(),
        provisional: None,
        layers: other.read(1).unwrap().layers.clone(),
        user_data: [].into(),
    };
    other.commit(draft, Some(2)).unwrap();
    until("noticed", || machine.generation() == 3);
    assert!(machine.get("/v1/apply").json().get("pending").is_none());
    machine.patch("/v1/settings", r#"{"settings": {"motd": "other"}}"#).is(200);
}
