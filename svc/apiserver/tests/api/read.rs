//! What can be looked at under /v1.

use std::fs;

use serde_json::json;

use crate::http::Request;
use crate::server::Machine;

#[test]
fn every_reading_path_answers_with_its_message() {
    let machine = Machine::new("read");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "hello"}}"#).is(200);
    fs::write(machine.root.join("var/log/host.log"), "2026-11-20T11:17:07.123456Z 12 netd: ready\n").unwrap();
    let shown = machine.get("/v1/settings").is(200);
    assert_eq!(shown.json(), json!({ "generation": 1, "settings": { "motd": "hello" } }));
    assert_eq!(shown.header("etag"), Some("\"1\""));
    assert_eq!(machine.get("/v1/settings?prefix=motd").json()["settings"], json!({ "motd": "hello" }));
    assert_eq!(
        machine.get("/v1/settings?prefix=settings.mot").json()["settings"],
        json!({}),
        "keys, not texts"
    );

    let explained = machine.get("/v1/settings/explain?key=motd").is(200).json();
    let layers = explained["values"].as_array().unwrap();
    assert_eq!((&layers[0]["layer"], &layers[0]["wins"]), (&json!("api"), &json!(true)));
    assert_eq!(layers[0]["stamp"]["generation"], 1);
    assert_eq!((&layers[1]["layer"], &layers[1]["value"]), (&json!("image"), &json!("from the image")));
    assert_eq!(machine.get("/v1/settings/explain?key=dns").status, 404);
    assert_eq!(machine.get("/v1/settings/explain").status, 400);

    assert_eq!(
        machine.get("/v1/settings/problems").is(200).json(),
        json!({ "generation": 1, "problems": [] })
    );
    assert!(
        machine.get("/v1/settings/schema").is(200).json()["$schema"].as_str().unwrap().contains("2020-12")
    );
    assert_eq!(machine.get("/v1/openapi.json").is(200).json(), wire::openapi::document());

    let services = machine.get("/v1/services").is(200).json();
    assert_eq!(services[0]["state"], "ready");
    assert_eq!(machine.get("/v1/services/netd").is(200).json()["name"], "netd");
    let unknown = machine.get("/v1/services/nobody").is(404).json();
    assert!(unknown["error"].as_str().unwrap().contains("nobody"), "{unknown}");
    let boot = machine.get("/v1/boot").is(200).json();
    assert_eq!(boot["milestones"][0], json!({ "name": "configured", "at_ms": 900 }));

    let restarted = machine.post("/v1/services/netd/restart").is(200).json();
    assert_eq!(restarted, json!({ "unit": "netd", "how": "restarted", "outcome": "ready" }));
    assert_eq!(machine.init.restarted(), ["netd"]);
    machine.init.fail("netd", 1);
    let failed = machine.post("/v1/services/netd/restart").is(500).json();
    assert!(failed["error"].as_str().unwrap().contains("code-1"), "{failed}");

    let status = machine.get("/v1/status").is(200).json();
    assert_eq!(status["release"], "1.2.3");
    assert_eq!(
        (&status["generation"], &status["applied"], &status["problems"]),
        (&json!(1), &json!(true), &json!(0))
    );
    assert_eq!(status["failing"], json!([]));
    let apply = machine.get("/v1/apply").is(200).json();
    assert_eq!((&apply["generation"], &apply["last"]["ok"]), (&json!(1), &json!(true)));

    let logs = machine.get("/v1/logs?unit=netd&lines=5").is(200).json();
    assert_eq!(logs["lines"][0]["text"], "ready");
    assert_eq!(machine.get("/v1/logs?unit=other").is(200).json(), json!({ "lines": [] }));
    assert!(machine.get("/v1/audit").is(200).json()["records"].is_array());
}

#[test]
fn every_path_under_v1_is_known_to_the_server() {
    let machine = Machine::new("known");
    for route in wire::ROUTES.iter().filter(|route| route.is_v1()) {
        if route.path == "/v1/watch" {
            continue;
        }
        let path = route.path.replace("{n}", "7").replace("{name}", "nobody");
        let answer = machine.ask(&Request::new(route.method.name(), &path));
        assert!(![405, 501].contains(&answer.status), "{} {path}: {}", route.method, answer.status);
        if answer.status >= 400 {
            assert!(!answer.json()["error"].as_str().unwrap().is_empty(), "{path}");
        }
    }
}

#[test]
fn a_secret_is_shown_to_nobody_who_does_not_ask_for_it() {
    let machine = Machine::new("secret");
    let secret = "s3cr3t-of-the-registry";
    let body = json!({ "settings": { "container-registry": { "credentials": [
        { "registry": "example.com", "username": "ada", "password": secret },
    ] } } });
    let changed = machine.patch("/v1/settings", &body.to_string()).is(200);
    assert!(!changed.text().contains(secret), "{}", changed.text());
    for target in [
        "/",
        "/settings",
        "/v1/settings",
        "/v1/generations/1",
        "/v1/settings/explain?key=container-registry",
        "/v1/generations/diff?from=1",
        "/v1/apply",
        "/v1/status",
        "/tx",
        "/configuration-files",
    ] {
        let answer = machine.get(target).is(200);
        assert!(!answer.text().contains(secret), "{target}");
    }
    for target in [
        "/?secrets=show",
        "/settings?secrets=show",
        "/v1/settings?secrets=show",
        "/v1/generations/1?secrets=show",
    ] {
        assert!(machine.get(target).is(200).text().contains(secret), "{target}");
    }
    machine.get("/settings?secrets=yes").is(400);
    // What is shown in its place is not a secret, and does not become one.
    let back = machine.get("/v1/settings").json();
    let body = json!({ "settings": back["settings"] });
    let refused = machine.patch("/v1/settings", &body.to_string()).is(400);
    assert!(refused.text().contains("mark that stands for a secret"), "{}", refused.text());
    assert_eq!(machine.generation(), 1);
}

#[test]
fn problems_of_user_data_are_listed_with_layer_and_path() {
    let machine = Machine::new("problems");
    let configured = json!({
        "generation": 0, "sources": [], "invalid": [], "unread": [], "failures": [], "took_us": 1,
        "unreadable": [{ "layer": "nocloud", "path": "(document)", "why": "not TOML" }],
    });
    fs::write(machine.root.join("run/gantry/configure.json"), configured.to_string()).unwrap();
    let found = machine.get("/v1/settings/problems").is(200).json();
    assert_eq!(found["problems"][0]["layer"], "nocloud");
    assert_eq!(machine.get("/v1/status").json()["problems"], 1);
}

#[test]
fn the_reference_page_says_the_limits_that_hold() {
    let (page, limits) = (wire::reference::page(), apiserver::LIMITS);
    for stated in [
        format!("bodies {} MiB", limits.body_bytes >> 20),
        format!(
            "headers {} KiB, {} headers, {} s",
            limits.head_bytes >> 10,
            limits.headers,
            limits.head_time.as_secs()
        ),
        format!("{} local connections", limits.connections),
        format!("{} that watch or follow", limits.followers),
        format!("for {} s has had it", limits.stall_time.as_secs()),
    ] {
        assert!(page.contains(&stated), "{stated}");
    }
}
