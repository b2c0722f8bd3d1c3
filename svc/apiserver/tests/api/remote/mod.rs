//! The remote API over real TLS on loopback: who may do what, who is not let in, and how it changes while it runs.

mod bad;
mod certificates;
mod changes;
mod client;
mod matrix;

use std::net::TcpListener;

use apiserver::authority::{Authority, Issued, Purpose};
use serde_json::json;
use wire::Role;

use crate::server::Machine;
use client::Client;

/// 64 digits, as base64 has them; the settings take PEM so.
fn base64(text: &str) -> String {
    base64_of(text.as_bytes())
}

fn base64_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char;
            encoded.push(if at <= group.len() { digit } else { '=' });
        }
    }
    encoded
}

fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A port that nobody listens on at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A host that listens for the clients of an authority of the test's.
struct Site {
    machine: Machine,
    port: u16,
    authority: Authority,
    server: Issued,
}

impl Site {
    fn new(name: &str) -> Self {
        let authority = Authority::make("test", now_s()).unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let server = authority.issue(&Purpose::Server(&names), now_s(), 1).unwrap();
        let site = Site { machine: Machine::new(name), port: free_port(), authority, server };
        site.set(json!({})).is(200);
        site
    }

    /// Turns it on, with these settings beside.
    fn set(&self, more: serde_json::Value) -> crate::http::Answer {
        let mut api = json!({
            "enabled": true,
            "port": self.port,
            "client-ca": base64(&self.authority.certificate_pem()),
            "certificate": base64(&self.server.certificate),
            "key": base64(&self.server.key),
        });
        api.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.machine.patch("/v1/settings", &json!({ "settings": { "api": api } }).to_string())
    }

    fn issue(&self, role: Role) -> Issued {
        self.authority.issue(&Purpose::Client(&format!("the {role}"), role), now_s(), 1).unwrap()
    }

    fn client(&self, issued: &Issued) -> Client {
        Client::new(self.port, &self.authority.certificate_pem(), Some((&issued.certificate, &issued.key)))
    }

    /// The record's lines.
    fn record(&self) -> Vec<String> {
        let page = self.machine.get("/v1/audit").is(200).json();
        page["records"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }
}
