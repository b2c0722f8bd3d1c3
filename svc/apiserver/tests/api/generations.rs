//! The history of settings: listed, shown, compared, gone back to.

use serde_json::json;

use crate::server::Machine;

fn with_three(name: &str) -> Machine {
    let machine = Machine::new(name);
    for motd in ["one", "two", "three"] {
        machine.patch("/v1/settings", &json!({ "settings": { "motd": motd } }).to_string()).is(200);
    }
    machine
}

#[test]
fn generations_are_listed_shown_and_compared() {
    let machine = with_three("list");
    let list = machine.get("/v1/generations").is(200).json();
    let numbers: Vec<_> =
        list.as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!((&list[0]["current"], &list[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(list[0]["release"], "1.2.3");
    assert!(list[0]["by"].as_str().unwrap().starts_with("uid "), "{list}");
    let shown = machine.get("/v1/generations/2").is(200).json();
    assert_eq!(shown["layers"], json!({ "api": { "motd": "two" } }));
    let diff = machine.get("/v1/generations/diff?from=1&to=3").is(200).json();
    assert_eq!(diff["changed"], json!([{ "key": "settings.motd", "before": "one", "after": "three" }]));
    let to_now = machine.get("/v1/generations/diff?from=2").is(200).json();
    assert_eq!(to_now["to"], 3);
    for target in ["/v1/generations/9", "/v1/generations/diff?from=9", "/v1/generations/diff?from=1&to=9"] {
        machine.get(target).is(404);
    }
    for target in
        ["/v1/generations/x", "/v1/generations/-1", "/v1/generations/diff", "/v1/generations/diff?from=x"]
    {
        machine.get(target).is(400);
    }
}

#[test]
fn a_former_generation_is_gone_back_to() {
    let machine = with_three("back");
    let preview = machine.post("/v1/generations/1/rollback?dry-run=true").is(200).json();
    assert_eq!((&preview["generation"], &preview["applied"]), (&json!(3), &json!(false)));
    let outcome = machine.post("/v1/generations/1/rollback").is(200).json();
    assert_eq!((&outcome["generation"], &outcome["base"]), (&json!(4), &json!(3)));
    assert_eq!(machine.get("/v1/settings").json()["settings"]["motd"], "one");
    assert_eq!(machine.file("/etc/motd").unwrap().trim(), "one");
    assert_eq!(machine.get("/v1/generations").json()[0]["why"], "back to generation 1");
    machine.post("/v1/generations/9/rollback").is(404);
    let same = machine.post("/v1/generations/4/rollback").is(200).json();
    assert_eq!(same["applied"], false);
}
