//! Watching what happens, and following the log.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::json;

use crate::http::Request;
use crate::server::{Machine, until};

#[test]
fn a_watcher_sees_every_generation_and_every_apply() {
    let machine = Machine::new("watch");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "0"}}"#).is(200);
    let mut events = Request::new("GET", "/v1/watch").open(&machine.socket());
    assert_eq!(events.next_of("generation")["number"], 1, "the one in effect comes first");
    for number in 2..=40_u64 {
        machine
            .patch("/v1/settings", &json!({ "settings": { "motd": number.to_string() } }).to_string())
            .is(200);
        assert_eq!(events.next_of("generation")["number"], number);
        let report = events.next_of("apply");
        assert_eq!((&report["generation"], &report["ok"]), (&json!(number), &json!(true)));
    }
    machine.patch("/v1/settings?confirm-within=600", r#"{"settings": {"motd": "x"}}"#).is(200);
    assert_eq!(events.next_of("generation")["provisional"], 600);
    machine.post("/v1/generations/41/confirm").is(200);
    let confirmed = events.next_of("generation");
    assert_eq!((&confirmed["number"], confirmed.get("provisional")), (&json!(41), None));
    let mut later = Request::new("GET", "/v1/watch?since=38").open(&machine.socket());
    for number in [39, 40, 41] {
        assert_eq!(later.next_of("generation")["number"], number);
    }
}

#[test]
fn a_watcher_that_comes_back_goes_on_where_it_was() {
    let machine = Machine::new("resume");
    for number in 1..=5 {
        let body = json!({ "settings": { "motd": number.to_string() } }).to_string();
        machine.patch("/v1/settings", &body).is(200);
    }
    let watch = |target: &str, last: &str| {
        Request::new("GET", target).header("Last-Event-ID", last).open(&machine.socket())
    };
    for target in ["/v1/watch", "/v1/watch?since=1"] {
        let mut events = watch(target, "3");
        assert_eq!(events.next_of("generation")["number"], 4, "{target}");
        assert_eq!(events.next_of("generation")["number"], 5, "{target}");
    }
    machine.ask(&Request::new("GET", "/v1/watch").header("Last-Event-ID", "x")).is(400);
    // What awaited confirmation is told again: it may be confirmed by now.
    machine.patch("/v1/settings?confirm-within=600", r#"{"settings": {"motd": "x"}}"#).is(200);
    let mut events = Request::new("GET", "/v1/watch?since=4").open(&machine.socket());
    assert_eq!((events.next_of("generation")["number"].as_u64(), events.last_id()), (Some(5), Some("5")));
    assert_eq!((events.next_of("generation")["number"].as_u64(), events.last_id()), (Some(6), Some("5")));
}

#[test]
fn watchers_end_with_the_service_and_are_bounded() {
    let limits = apiserver::Limits { followers: 2, ..apiserver::LIMITS };
    let mut machine = Machine::within("watchers", limits);
    let open = || Request::new("GET", "/v1/watch").open(&machine.socket());
    let (mut first, second) = (open(), open());
    let refused = machine.get("/v1/watch").is(429).json();
    assert!(refused["error"].as_str().unwrap().contains('2'), "{refused}");
    drop(second);
    until("a place is free again", || {
        let stream = crate::http::connect(&machine.socket());
        let mut stream = stream;
        stream.write_all(&Request::new("GET", "/v1/watch").bytes()).unwrap();
        let mut status = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut status).unwrap();
        &status == b"HTTP/1.1 200"
    });
    machine.stop();
    while let Some((event, _)) = first.next() {
        assert_eq!(event, "generation");
    }
}

#[test]
fn what_another_process_commits_is_noticed() {
    use generation::{Draft, Registry, Why};
    use settings::{LIMITS, Layer, Rooted, from_json};
    let machine = Machine::new("other");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "mine"}}"#).is(200);
    let mut events = Request::new("GET", "/v1/watch").open(&machine.socket());
    assert_eq!(events.next_of("generation")["number"], 1);
    let other = store::Store::open(&machine.root.join("state/settings"), store::KEEP, &Registry::released())
        .unwrap()
        .store;
    let mut layers = other.current().unwrap().layers.clone();
    let body = br#"{"dns": {"name-servers": ["192.0.2.1"]}}"#;
    layers.set(Layer::Imds, from_json(body, Layer::Imds, Rooted::AtSettings, &LIMITS).unwrap());
    let draft = Draft {
        unix_s: 1,
        by: "configure".into(),
        why: Why::UserData,
        release: "1.2.3".into(),
        provisional: None,
        layers,
        user_data: [].into(),
    };
    other.commit(draft, Some(1)).unwrap();
    assert_eq!(events.next_of("generation")["by"], "configure");
    assert_eq!(
        machine.get("/v1/settings").json()["settings"]["dns"],
        json!({ "name-servers": ["192.0.2.1"] })
    );
    machine.patch("/v1/settings", r#"{"settings": {"motd": "over it"}}"#).is(200);
    assert_eq!(
        machine.get("/v1/settings").json()["settings"]["dns"],
        json!({ "name-servers": ["192.0.2.1"] })
    );
}

#[test]
fn the_log_is_followed_line_by_line() {
    let machine = Machine::new("log");
    let path = machine.root.join("var/log/host.log");
    let mut log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let mut write = |number: u64, unit: &str| {
        writeln!(log, "2026-11-20T11:17:07.000042Z {number} {unit}: line {number}").unwrap();
    };
    (1..=5).for_each(|number| write(number, "web"));
    let mut events = Request::new("GET", "/v1/logs?follow=true&unit=web&lines=2").open(&machine.socket());
    assert_eq!(events.next_of("line")["boot_ms"], 4);
    assert_eq!(events.next_of("line")["boot_ms"], 5);
    for number in 6..=200 {
        write(number, if number % 2 == 0 { "web" } else { "other" });
        if number % 2 == 0 {
            let line = events.next_of("line");
            assert_eq!((&line["boot_ms"], &line["unit"]), (&json!(number), &json!("web")));
        }
    }
}
