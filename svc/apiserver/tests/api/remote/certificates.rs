//! The host's own authority: the first certificate on the console, those that follow, and their end.

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, ask};
use super::free_port;
use crate::http::Request;
use crate::server::{Machine, until};
use apiserver::LIMITS;

/// Between a heading of the console's text and the next.
fn block(console: &str, name: &str) -> String {
    let (_, rest) =
        console.split_once(&format!("---- {name}\r\n")).unwrap_or_else(|| panic!("no {name}: {console}"));
    // A heading has four dashes and a space; PEM has five.
    rest.split("\r\n---- ").next().unwrap().split("====").next().unwrap().replace('\r', "")
}

struct Own {
    machine: Machine,
    port: u16,
}

impl Own {
    fn new(name: &str) -> Self {
        let mut machine = Machine::off(name);
        fs::create_dir_all(machine.root.join("dev")).unwrap();
        fs::write(machine.root.join("dev/console"), "").unwrap();
        machine.start(LIMITS);
        let own = Own { machine, port: free_port() };
        let settings = json!({ "settings": { "api": { "enabled": true, "port": own.port, "names": ["node.example"] } } });
        own.machine.patch("/v1/settings", &settings.to_string()).is(200);
        own
    }

    fn console(&self) -> String {
        self.machine.file("/dev/console").unwrap()
    }

    fn first(&self) -> Client {
        until("the first certificate", || self.console().contains("==== end ===="));
        let console = self.console();
        let (ca, certificate, key) =
            (block(&console, "ca.pem"), block(&console, "client.pem"), block(&console, "client.key"));
        Client::new(self.port, &ca, Some((&certificate, &key)))
    }
}

fn issue(client: &Client, body: Value) -> crate::http::Answer {
    client.ask(&Request::new("POST", "/v1/certificates").body(body.to_string())).unwrap()
}

#[test]
fn the_first_certificate_is_shown_once_and_makes_the_others() {
    let mut own = Own::new("own");
    let admin = own.first();
    let issued = issue(&admin, json!({ "name": "ada", "role": "reader", "days": 2 })).is(200).json();
    let text = |key: &str| issued[key].as_str().unwrap().to_owned();
    let ada = Client::new(own.port, &text("ca"), Some((&text("certificate"), &text("key"))));
    assert_eq!(ada.get("/v1/status").unwrap().status, 200);
    assert_eq!(issue(&ada, json!({ "name": "eve", "role": "admin" })).status, 403);

    let list = admin.get("/v1/certificates").unwrap().is(200).json();
    let names: Vec<_> =
        list["certificates"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["first-admin", "ada"]);
    assert!(!list.to_string().contains("PRIVATE"));

    // A revoked certificate ends what it has begun, and begins nothing.
    let mut open = ada.connect().unwrap();
    assert_eq!(ask(&mut open, "/v1/status").unwrap(), 200);
    let revoke = Request::new("DELETE", &format!("/v1/certificates/{}", text("serial")));
    assert!(admin.ask(&revoke).unwrap().is(200).json()["revoked_s"].as_u64().is_some());
    until("the end of its connection", || ask(&mut open, "/v1/status").is_err());
    assert!(ada.get("/v1/status").is_err());
    assert_eq!(admin.ask(&Request::new("DELETE", "/v1/certificates/00")).unwrap().status, 404);

    // Nothing is shown twice, and the same certificates count after a restart.
    own.machine.stop();
    own.machine.start(LIMITS);
    until("the listener", || admin.get("/v1/status").is_ok_and(|answer| answer.status == 200));
    assert!(ada.get("/v1/status").is_err(), "revoked is revoked");
    assert_eq!(own.console().matches("==== end ====").count(), 1);
}

#[test]
fn what_a_revoked_certificate_has_not_said_whole_is_not_begun() {
    let own = Own::new("half");
    let admin = own.first();
    let issued = issue(&admin, json!({ "name": "eve", "role": "admin" })).is(200).json();
    let text = |key: &str| issued[key].as_str().unwrap().to_owned();
    let eve = Client::new(own.port, &text("ca"), Some((&text("certificate"), &text("key"))));
    let before = own.machine.generation();
    let request = Request::new("PATCH", "/v1/settings").body(r#"{"settings": {"motd": "mine"}}"#).bytes();
    let (first, rest) = request.split_at(request.len() - 3);
    let mut open = eve.connect().unwrap();
    open.write_all(first).unwrap();
    // Heard: it waits for the rest.
    let mut other = eve.connect().unwrap();
    assert_eq!(ask(&mut other, "/v1/status").unwrap(), 200);
    let revoke = Request::new("DELETE", &format!("/v1/certificates/{}", text("serial")));
    own.machine.ask(&revoke).is(200);
    until("the end of its other connection", || ask(&mut other, "/v1/status").is_err());
    // Whether it still hears that is its affair.
    let _ = open.write_all(rest).and_then(|()| open.flush());
    let mut answer = Vec::new();
    let _ = open.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK"));
    assert_eq!(own.machine.generation(), before);
}

#[test]
fn a_revoked_certificate_watches_no_longer() {
    let own = Own::new("watches");
    let admin = own.first();
    let issued = issue(&admin, json!({ "name": "eve", "role": "admin" })).is(200).json();
    let text = |key: &str| issued[key].as_str().unwrap().to_owned();
    let eve = Client::new(own.port, &text("ca"), Some((&text("certificate"), &text("key"))));
    fs::write(own.machine.root.join("var/log/host.log"), "").unwrap();
    let mut watching: Vec<_> = ["/v1/watch", "/v1/logs?follow=true"]
        .map(|target| {
            let mut connection = eve.connect().unwrap();
            connection.write_all(&Request::new("GET", target).bytes()).unwrap();
            let mut head = [0; 12];
            connection.read_exact(&mut head).unwrap();
            assert_eq!(&head, b"HTTP/1.1 200", "{target}");
            connection
        })
        .into();
    let revoke = Request::new("DELETE", &format!("/v1/certificates/{}", text("serial")));
    own.machine.ask(&revoke).is(200);
    let began = Instant::now();
    for connection in &mut watching {
        // However it ends.
        let _ = connection.read_to_end(&mut Vec::new());
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn what_cannot_be_issued_is_named_whole() {
    let own = Own::new("wrong");
    let admin = own.first();
    let answer = issue(&admin, json!({ "name": "a\u{7}", "role": "root", "days": 400 })).is(400);
    assert_eq!(answer.paths(), ["name", "role", "days"]);
    issue(&admin, json!({ "name": "", "role": "reader" })).is(400);
    issue(&admin, json!({ "role": "reader" })).is(400);
    issue(&admin, json!({ "name": "é".repeat(64), "role": "reader" })).is(200);
    issue(&admin, json!({ "name": "é".repeat(65), "role": "reader" })).is(400);
}

#[test]
fn an_authority_in_the_settings_takes_over() {
    let own = Own::new("takeover");
    let admin = own.first();
    let other = apiserver::authority::Authority::make("other", super::now_s()).unwrap();
    let settings = json!({ "settings": { "api": { "client-ca": super::base64(&other.certificate_pem()) } } });
    own.machine.patch("/v1/settings", &settings.to_string()).is(200);
    assert!(admin.get("/v1/status").is_err(), "the host's own authority is believed no more");
    let wanted = json!({ "name": "ada", "role": "reader" }).to_string();
    own.machine.ask(&Request::new("POST", "/v1/certificates").body(wanted)).is(409);
    let ca = own.machine.get("/v1/certificates").is(200).json()["ca"].clone();
    assert_eq!(ca, block(&own.console(), "ca.pem").trim_start(), "clients still check the host by it");
    let deleted = Request::new("DELETE", "/v1/settings?keys=settings.api.client-ca");
    own.machine.ask(&deleted).is(200);
    assert_eq!(admin.get("/v1/status").unwrap().status, 200);
}

#[test]
fn without_a_console_root_can_still_make_the_first_one() {
    let machine = Machine::new("noconsole");
    machine.get("/v1/certificates").is(409);
    let port = free_port();
    let settings = json!({ "settings": { "api": { "enabled": true, "port": port } } });
    machine.patch("/v1/settings", &settings.to_string()).is(200);
    let list = || machine.get("/v1/certificates").is(200).json();
    until("the revocation of what nobody saw", || list()["certificates"][0]["revoked_s"].is_u64());
    let wanted = json!({ "name": "ada", "role": "admin" }).to_string();
    let issued = machine.ask(&Request::new("POST", "/v1/certificates").body(wanted)).is(200).json();
    let text = |key: &str| issued[key].as_str().unwrap().to_owned();
    let ada = Client::new(port, &text("ca"), Some((&text("certificate"), &text("key"))));
    assert_eq!(ada.get("/v1/status").unwrap().status, 200);
}
