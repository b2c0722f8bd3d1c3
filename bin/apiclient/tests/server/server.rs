//! The program against the server: what people do, from the command line to the files of the host and back.

use std::io::{BufRead as _, BufReader, Write as _};

use crate::host::{Host, Lines};
use serde_json::json;

#[test]
fn a_setting_is_set_explained_deleted_and_rolled_back() {
    let host = Host::start();
    assert_eq!(host.json(&["get", "settings.motd"]), json!({"settings": {"motd": "from the image"}}));
    let out = host.ok(&["set", "motd=hello"]);
    assert!(out.contains("settings.motd\n  - \"from the image\"\n  + \"hello\"\n"), "{out}");
    assert!(host.text("etc/motd").contains("hello"), "{}", host.text("etc/motd"));
    let out = host.ok(&["set", "settings.motd=hello"]);
    assert!(out.starts_with("nothing to change"), "{out}");

    let out = host.ok(&["get", "--explain", "motd"]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].starts_with("settings.motd  \"hello\"") && lines[1].contains("api"), "{out}");
    assert!(lines[2].starts_with("  hides") && lines[2].contains("image"), "{out}");

    let out = host.ok(&["diff"]);
    assert!(out.contains("  + \"hello\""), "{out}");
    host.ok(&["delete", "motd"]);
    assert_eq!(host.json(&["get", "settings.motd"]), json!({"settings": {"motd": "from the image"}}));
    assert!(!host.text("etc/motd").contains("hello"));
    let out = host.ok(&["rollback", "--dry-run"]);
    assert!(out.starts_with("dry run") && out.contains("+hello"), "{out}");
    assert!(!host.text("etc/motd").contains("hello"), "a dry run changes nothing");
    host.ok(&["rollback"]);
    assert!(host.text("etc/motd").contains("hello"));

    let out = host.ok(&["history"]);
    let rows: Vec<&str> = out.lines().skip(1).collect();
    assert!(rows[0].contains("in effect") && !rows[1].contains("in effect"), "{out}");
    assert!(rows[0].contains("back to generation"), "{out}");
    let newest = host.json(&["history", "--json"])[0]["number"].to_string();
    let out = host.ok(&["history", &newest]);
    assert!(out.contains("settings.motd                  \"hello\""), "{out}");
}

#[test]
fn exactly_the_unit_that_reads_a_file_is_told() {
    let host = Host::start();
    host.init.told();
    let toml = host.file("web.toml", "[settings.containers.web]\nimage = \"registry.example.com/web:1\"\n");
    let out = host.ok(&["apply", &toml, "--dry-run"]);
    assert!(out.contains("containers.json") && out.contains("would be told: containers\n"), "{out}");
    assert_eq!(host.init.told(), [] as [&str; 0]);
    let out = host.ok(&["apply", &toml]);
    assert!(out.contains("containers  restarted  ready"), "{out}");
    assert_eq!(host.init.told(), ["renew containers"]);
    host.ok(&["set", "motd=x"]);
    assert_eq!(host.init.told(), [] as [&str; 0]);
    host.ok(&["set", "kernel.sysctl.\"vm.swappiness\"=10"]);
    assert_eq!(host.text("proc/sys/vm/swappiness").trim(), "10");
    host.ok(&["delete", "kernel"]);
    assert_eq!(host.text("proc/sys/vm/swappiness").trim(), "60");
}

#[test]
fn a_change_that_breaks_a_unit_is_undone_and_says_so() {
    let host = Host::start();
    host.init.fail("containers", 1);
    let ran = host.run(&["set", "containers.web.image=registry.example.com/web:1", "motd=broken"]);
    assert_eq!(ran.status, 5, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("it ended with status 1"), "{}", ran.out);
    assert!(ran.out.contains("back to the former settings"), "{}", ran.out);
    assert_eq!(host.json(&["get", "settings.motd"]), json!({"settings": {"motd": "from the image"}}));
    assert!(!host.text("etc/motd").contains("broken"));
    host.init.fail("containers", 1);
    let ran = host.run(&["--json", "set", "containers.web.image=registry.example.com/web:1"]);
    let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((ran.status, &said["apply"]["ok"], &said["undone"]["ok"]), (5, &json!(false), &json!(true)));
    host.init.fail("containers", 2);
    let ran = host.run(&["set", "containers.web.image=registry.example.com/web:1"]);
    assert_eq!(ran.status, 6, "the way back failed as well: {}{}", ran.out, ran.err);
}

#[test]
fn of_two_clients_one_is_told_that_the_other_was_faster() {
    let host = Host::start();
    let generation = host.json(&["get", "/v1/settings"])["generation"].to_string();
    host.ok(&["set", "motd=first", "--if-match", &generation]);
    let ran = host.run(&["set", "motd=second", "--if-match", &generation]);
    assert_eq!(ran.status, 4, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("in effect is generation"), "{}", ran.err);
    assert_eq!(host.json(&["get", "settings.motd"]), json!({"settings": {"motd": "first"}}));
}

#[test]
fn a_provisional_change_awaits_its_confirmation() {
    let host = Host::start();
    let ran = host.run(&["confirm"]);
    assert_eq!(ran.status, 4, "{}", ran.err);
    let out = host.ok(&["set", "motd=maybe", "--confirm-within", "1h"]);
    assert!(out.contains("keep it with: apiclient confirm"), "{out}");
    assert!(host.ok(&["status"]).contains("undoes itself in 59 min"), "{}", host.ok(&["status"]));
    assert!(host.ok(&["history"]).contains("awaits confirmation"));
    let ran = host.run(&["set", "motd=other"]);
    assert_eq!(ran.status, 4, "{}{}", ran.out, ran.err);
    assert!(host.ok(&["confirm"]).contains("is kept"));
    host.ok(&["set", "motd=other"]);
}

#[test]
fn what_the_server_refuses_is_named_with_key_rule_and_place() {
    let host = Host::start();
    let before = host.json(&["get", "/v1/settings"]);
    let ran = host.run(&["set", "network.hostname=_bad_"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("settings.network.hostname: ") && ran.err.contains("[network.hostname=_bad_]"),
        "{}",
        ran.err
    );
    let one = host.file("one.toml", "[settings]\n\n[settings.kernel]\nlockdown = \"hunter2\"\n");
    let two = host.file("two.json", "{\n\"settings\": {\n\"nonsense\": \"hunter2\"}}");
    let ran = host.run(&["apply", &one, &two]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    for part in
        ["settings.kernel.lockdown: ".to_owned(), format!("[{one}, line 4]"), format!("[{two}, line 3]")]
    {
        assert!(ran.err.contains(&part), "{part}: {}", ran.err);
    }
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    for words in
        [&["delete", "motd"][..], &["delete", "nonsense"], &["rollback", "4711"], &["history", "4711"]]
    {
        let ran = host.run(words);
        assert_eq!(ran.status, 1, "{words:?}: {}{}", ran.out, ran.err);
    }
    assert_eq!(host.json(&["get", "/v1/settings"]), before, "nothing is changed");
}

#[test]
fn a_secret_is_shown_to_those_who_ask_for_it_only() {
    let host = Host::start();
    host.ok(&["set", "-j", r#"{"container-registry": {"credentials": [{"registry": "r.example", "username": "u", "password": "hunter2"}]}}"#]);
    for words in [
        &["get"][..],
        &["get", "settings"],
        &["get", "--explain"],
        &["get", "--explain", "--json"],
        &["history", "--json"],
        &["diff"],
        &["get", "/v1/settings"],
        &["-v", "get", "settings"],
    ] {
        let ran = host.run(words);
        assert_eq!(ran.status, 0, "{words:?}: {}", ran.err);
        assert!(
            !ran.out.contains("hunter2") && !ran.err.contains("hunter2"),
            "{words:?}: {}{}",
            ran.out,
            ran.err
        );
    }
    assert!(host.ok(&["get", "settings.container-registry", "--secrets"]).contains("hunter2"));
    assert!(host.ok(&["get", "--explain", "container-registry", "--secrets"]).contains("hunter2"));
}

#[test]
fn sources_of_every_kind_become_one_change() {
    let host = Host::start();
    let toml =
        host.file("a.toml", "[settings]\nmotd = \"a\"\n[settings.ntp]\ntime-servers = [\"a.example\"]\n");
    let json = host.file("b.json", r#"{"settings": {"motd": "b"}}"#);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/c.toml?token=hunter2", listener.local_addr().unwrap());
    let web = std::thread::spawn(move || {
        let body = "[settings.kernel.sysctl]\n\"vm.swappiness\" = \"10\"\n";
        let moved = "HTTP/1.1 302 Found\r\nlocation: /moved\r\ncontent-length: 0\r\n\r\n".to_owned();
        let found = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let missing = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned();
        for answer in [moved, found, missing] {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let _head: Vec<String> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    let before = host.json(&["history", "--json"]).as_array().unwrap().len();
    let words = [
        "apply",
        &toml,
        &format!("file://{json}"),
        &url,
        "base64:W3NldHRpbmdzLm5ldHdvcmtdCmhvc3RuYW1lID0gImgiCg==",
        "-",
    ];
    let ran = host.run_with(&words, "[settings.dns]\nname-servers = [\"192.0.2.1\"]\n");
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert_eq!(host.json(&["history", "--json"]).as_array().unwrap().len(), before + 1, "one change");
    let settings = host.json(&["get", "settings"])["settings"].clone();
    for (path, value) in [
        ("/motd", json!("b")),
        ("/ntp/time-servers/0", json!("a.example")),
        ("/kernel/sysctl/vm.swappiness", json!("10")),
        ("/network/hostname", json!("h")),
        ("/dns/name-servers/0", json!("192.0.2.1")),
    ] {
        assert_eq!(settings.pointer(path), Some(&value), "{path}: {settings}");
    }
    let ran = host.run(&["apply", &url]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(ran.err.contains("404") && !ran.err.contains("hunter2"), "{}", ran.err);
    web.join().unwrap();
}

#[test]
fn the_machine_is_seen_and_told() {
    let host = Host::start();
    let out = host.ok(&["status"]);
    assert!(out.contains("standalone 0.1.0") && out.contains("all as they should be"), "{out}");
    let out = host.ok(&["services"]);
    assert!(out.contains("containerd  ready  3.200 s  7"), "{out}");
    assert!(host.ok(&["services", "netd"]).contains("what netd is for"));
    assert_eq!(host.run(&["services", "nobody"]).status, 1);
    host.init.told();
    assert_eq!(host.ok(&["services", "restart", "netd"]), "netd restarted, ready\n");
    assert_eq!(host.init.told(), ["restart netd"]);
    let out = host.ok(&["boot"]);
    assert!(out.contains("3.200 s  2.300 s  containerd"), "{out}");
    host.init.fail("netd", 9);
    assert_eq!(host.run(&["services", "restart", "netd"]).status, 6);
    assert!(host.ok(&["status"]).contains("not as they should be: netd"));
    host.init.told();
    host.ok(&["reboot"]);
    assert_eq!(host.init.told(), ["shutdown"]);
}

#[test]
fn what_this_release_does_not_serve_is_refused_with_words() {
    let host = Host::start();
    let net = host.file("net.toml", "version = 1\n");
    for words in [&["network", "configure", &net][..], &["report", "cis"], &["raw", "-u", "/exec"]] {
        let ran = host.run(words);
        assert_eq!(ran.status, 1, "{words:?}: {}{}", ran.out, ran.err);
        assert!(ran.err.len() > 30, "{words:?}: {}", ran.err);
    }
    host.ok(&["report"]);
}

#[test]
fn transactions_work_by_hand() {
    let host = Host::start();
    assert_eq!(
        host.ok(&["raw", "-X", "PATCH", "-u", "/settings?tx=mine", "-d", r#"{"motd": "by hand"}"#]),
        ""
    );
    assert_eq!(host.ok(&["raw", "-u", "/tx/list"]).trim(), r#"["mine"]"#);
    assert!(host.ok(&["raw", "-m", "post", "-u", "/tx/commit_and_apply?tx=mine"]).contains("settings.motd"));
    assert!(host.text("etc/motd").contains("by hand"));
    let ran = host.run(&["raw", "-m", "POST", "-u", "/tx/commit?tx=mine"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
}

#[test]
fn changes_are_watched_as_they_happen() {
    let host = Host::start();
    let mut child = host.command(&["--json", "watch"]).spawn().unwrap();
    let lines = Lines::of(&mut child);
    let next = || serde_json::from_str::<serde_json::Value>(&lines.take()).unwrap();
    // The server has us when it has told what is in effect.
    let start = host.json(&["get", "/v1/settings"])["generation"].as_u64().unwrap();
    assert_eq!(next()["data"]["number"], start);
    host.ok(&["set", "motd=watched"]);
    let generation = next();
    assert_eq!(
        (&generation["event"], generation["data"]["number"].as_u64() > Some(start)),
        (&json!("generation"), true)
    );
    let applied = next();
    assert_eq!((&applied["event"], &applied["data"]["ok"]), (&json!("apply"), &json!(true)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_log_is_followed() {
    let host = Host::start();
    let log = host.path("var/log/host.log");
    let line =
        |n: u32, unit: &str| format!("2026-11-20T17:52:2{n}.000000Z {n} {unit}: info {unit}: line {n}\n");
    std::fs::write(&log, line(1, "netd") + &line(2, "kernel")).unwrap();
    let out = host.ok(&["logs"]);
    assert!(out.contains("line 1") && out.contains("line 2"), "{out}");
    assert!(!host.ok(&["logs", "kernel"]).contains("line 1"));
    let mut child = host.command(&["logs", "netd", "-f"]).spawn().unwrap();
    let lines = Lines::of(&mut child);
    assert!(lines.take().contains("line 1"));
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all((line(3, "kernel") + &line(4, "netd")).as_bytes()).unwrap();
    assert!(lines.take().contains("line 4"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let host = Host::start();
    let mut child = host.command(&["get"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
