//! The program against the server from afar, and the record of it.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::host::{Host, Ran};

/// A host that serves the network, and the address to use.
fn served() -> (Host, String) {
    let host = Host::start();
    // The port is free again when the listener is gone, which is at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    host.ok(&["set", "api.enabled=true", &format!("api.port={port}"), "api.names=[\"127.0.0.1\"]"]);
    (host, format!("127.0.0.1:{port}"))
}

/// Runs the program from afar, with the certificate in a folder.
fn afar(host: &Host, folder: &str, node: &str, words: &[&str]) -> Ran {
    let words: Vec<&str> = ["--node", node].into_iter().chain(words.iter().copied()).collect();
    host.run_from(&host.path(folder), &words)
}

/// The same until it succeeds: the listener comes up soon after the settings that ask for it.
fn eventually(host: &Host, folder: &str, node: &str, words: &[&str]) -> Ran {
    let start = Instant::now();
    loop {
        let ran = afar(host, folder, node, words);
        if ran.status == 0 || start.elapsed() > Duration::from_secs(60) {
            return ran;
        }
    }
}

#[test]
fn a_certificate_is_issued_used_and_revoked() {
    let (host, node) = served();
    let into = host.path("alice");
    let issue = ["certificates", "issue", "alice", "--role", "reader", "--into", into.to_str().unwrap()];
    let start = Instant::now();
    let mut issued = host.run(&issue);
    while issued.status != 0 && start.elapsed() < Duration::from_secs(60) {
        issued = host.run(&issue);
    }
    assert_eq!(issued.status, 0, "{}", issued.err);
    let mode = std::fs::metadata(into.join("client.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = host.run(&issue);
    assert_eq!(again.status, 2, "nothing is overwritten: {}", again.err);

    let ran = eventually(&host, "alice", &node, &["status"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("standalone 0.1.0"), "{}", ran.out);
    let ran = afar(&host, "alice", &node, &["set", "motd=x"]);
    assert_eq!(ran.status, 1, "a reader changes nothing: {}{}", ran.out, ran.err);
    assert!(ran.err.contains("403"), "{}", ran.err);

    let serial = host.json(&["certificates", "--json"])["certificates"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "alice")
        .unwrap()["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(host.ok(&["certificates"]).contains(&serial));
    host.ok(&["certificates", "revoke", &serial]);
    let ran = afar(&host, "alice", &node, &["status"]);
    assert_eq!(ran.status, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("revoked"), "{}", ran.err);
    assert!(host.ok(&["audit", "show"]).contains("alice"), "{}", host.ok(&["audit", "show"]));
}

#[test]
fn a_record_that_was_changed_is_found() {
    let host = Host::start();
    host.ok(&["set", "motd=recorded"]);
    let out = host.ok(&["audit", "show"]);
    assert!(out.contains("PATCH /v1/settings") && out.contains("1 -> 2"), "{out}");
    let out = host.ok(&["audit", "verify"]);
    assert!(out.contains("none was changed"), "{out}");
    let head = out.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    host.ok(&["set", "motd=again"]);
    host.ok(&["audit", "verify", "--expect", &head]);

    let log = host.ok(&["audit", "show", "--since", "0", "--json"]);
    let verify = |text: &str| host.run(&["audit", "verify", &host.file("audit.log", text)]);
    assert_eq!(verify(&log).status, 0);
    assert_eq!(host.run_with(&["audit", "verify", "-"], &log).status, 0);
    let without = |n: usize| {
        let lines = log.lines().enumerate().filter(|(at, _)| *at != n);
        lines.map(|(_, line)| format!("{line}\n")).collect::<String>()
    };
    for (text, what) in [
        (log.replacen("PATCH", "GETTT", 1), "changed"),
        (without(1), "deleted"),
        (without(0), "cut at the front"),
        (format!("{log}{{}}\n"), "added"),
        (log[..log.len() - 10].to_owned(), "torn"),
    ] {
        let ran = verify(&text);
        assert_eq!(ran.status, 7, "{what}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("line "), "{what}: {}", ran.err);
    }
    let number: usize = head.split(':').next().unwrap().parse().unwrap();
    let shorter: String = log.lines().take(number - 1).map(|line| format!("{line}\n")).collect();
    assert_eq!(verify(&shorter).status, 0, "a shorter log is whole in itself");
    let ran = host.run(&["--json", "audit", "verify", &host.file("audit.log", &shorter), "--expect", &head]);
    assert_eq!(ran.status, 7, "{}{}", ran.out, ran.err);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["whole"], false);
}
