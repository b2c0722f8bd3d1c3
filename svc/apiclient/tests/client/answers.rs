//! What the program makes of answers, good, bad and hostile: exit status, words, and nothing a terminal would obey.

use crate::common::{Fake, Ran, answer, run, run_in, run_into};

fn one(words: &[&str], status: &str, body: &str) -> (Ran, String) {
    let (ran, mut asked) = Fake::new(vec![answer(status, body)]).run(words);
    (ran, asked.remove(0))
}

const OUTCOME: &str = r#"{"generation": 13, "base": 12, "applied": true,
    "changed": [{"key": "settings.motd", "before": "a", "after": "b"}],
    "apply": {"generation": 13, "ok": true, "took_us": 17400, "knobs": [
        {"path": "vm/swappiness", "key": "settings.kernel.sysctl.\"vm.swappiness\"", "kind": "set", "before": "60", "after": "10"}],
        "files": [{"path": "/etc/motd", "kind": "changed", "units": []}],
        "units": [{"unit": "containers", "how": "restarted", "outcome": "ready"}]},
    "unread": ["settings.kubernetes.max-pods"], "confirm_within_s": 60}"#;

#[test]
fn a_change_is_told_step_by_step() {
    let (ran, asked) =
        one(&["set", "motd=b", "--confirm-within", "1m", "--if-match", "12"], "200 OK", OUTCOME);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        ran.out,
        "generation 12 -> 13\nsettings.motd\n  - \"a\"\n  + \"b\"\napplied in 18 ms\nchanged /etc/motd\n\
KERNEL PARAMETER  BEFORE  AFTER  SETTING                                 RESULT\n\
vm/swappiness     60      10     settings.kernel.sysctl.\"vm.swappiness\"  set\n\
UNIT        HOW        RESULT\ncontainers  restarted  ready\n\
undoes itself in 60 s; keep it with: apiclient confirm 13\n"
    );
    assert!(ran.err.contains("nothing on this variant reads settings.kubernetes.max-pods"), "{}", ran.err);
    assert!(asked.starts_with("PATCH /v1/settings?confirm-within=60 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("if-match: \"12\"\r\n"), "{asked}");
    assert!(asked.ends_with("{\"settings\":{\"motd\":\"b\"}}"), "{asked}");
}

#[test]
fn a_dry_run_shows_what_would_follow() {
    let body = r#"{"generation": 12, "base": 12, "applied": false,
        "changed": [{"key": "settings.motd", "after": "b"}],
        "preview": {"files": [{"path": "/etc/motd", "kind": "changed", "units": ["x"], "diff": "@@ -1 +1 @@\n-a\n+b\n"}],
            "knobs": [], "units": ["x"]}}"#;
    let (ran, asked) =
        one(&["apply", "base64:W3NldHRpbmdzXQptb3RkID0gImIiCg==", "--dry-run"], "200 OK", body);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (
            0,
            "dry run on generation 12: nothing is changed\nsettings.motd\n  + \"b\"\n\
changed /etc/motd (read by x)\n  @@ -1 +1 @@\n  -a\n  +b\nwould be told: x\n"
        )
    );
    assert!(asked.starts_with("PATCH /v1/settings?dry-run=true "), "{asked}");
}

#[test]
fn programs_get_what_the_server_said() {
    let (ran, _) = one(&["--json", "set", "motd=b"], "200 OK", OUTCOME);
    let (said, sent): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&ran.out).unwrap(), serde_json::from_str(OUTCOME).unwrap());
    assert_eq!((ran.status, said), (0, sent));
    let refusal = r#"{"error":"no","problems":[{"path":"settings.motd","why":"too long"}]}"#;
    let (ran, _) = one(&["--json", "set", "motd=b"], "400 Bad Request", refusal);
    assert_eq!((ran.status, ran.out.as_str()), (1, format!("{refusal}\n").as_str()));
    assert!(ran.err.contains("settings.motd: too long"), "{}", ran.err);
    let (ran, _) = one(&["--json", "get", "settings"], "404 Not Found", "plain words\n");
    assert_eq!((ran.status, ran.out.as_str()), (1, "{\"error\":\"plain words\"}\n"));
}

const UNDONE: &str = r#"{"error": "unit x failed", "apply": {"generation": 13, "ok": false, "took_us": 1, "files": [], "knobs": [],
    "units": [{"unit": "x", "how": "restarted", "outcome": "failed", "why": "ended with 1"}],
    "failure": {"at": "units", "why": "x"}},
    "undone": {"generation": 14, "ok": true, "took_us": 1, "files": [], "knobs": [], "units": []}}"#;

#[test]
fn each_way_to_fail_has_its_status() {
    for (status, body, exit, words) in [
        ("400 Bad Request", r#"{"error":"no"}"#, 1, "no (400 to PATCH /v1/settings)"),
        ("403 Forbidden", r#"{"error":"not yours","remedy":"ask an admin"}"#, 1, "remedy: ask an admin"),
        ("409 Conflict", r#"{"error":"changed","current":14}"#, 4, "in effect is generation 14"),
        ("423 Locked", "locked", 4, "locked"),
        ("429 Too Many Requests", r#"{"error":"busy"}"#, 3, "busy"),
        ("500 Internal Server Error", r#"{"error":"disk"}"#, 6, "disk"),
        ("500 Internal Server Error", UNDONE, 5, "unit x failed"),
        ("501 Not Implemented", r#"{"error":"not in this release"}"#, 1, "not in this release"),
        ("502 Bad Gateway", "", 6, "it gave no reason"),
        ("200 OK", "[]", 6, "not understood"),
        ("200 OK", "not json", 6, "not understood"),
        ("200 OK", "", 6, "not understood"),
    ] {
        let (ran, _) = one(&["set", "motd=b"], status, body);
        assert_eq!(ran.status, exit, "{status} {body}: {}", ran.err);
        assert!(ran.err.contains(words), "{status} {body}: {}", ran.err);
        assert!(ran.err.starts_with("apiclient: "), "{}", ran.err);
    }
    let (ran, _) = one(&["set", "motd=b"], "500 Internal Server Error", UNDONE);
    assert!(ran.out.contains("x     restarted  failed: ended with 1"), "{}", ran.out);
    assert!(ran.out.contains("back to the former settings:\napplied in 1 ms\n"), "{}", ran.out);
}

#[test]
fn a_refused_value_leads_back_to_where_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let (toml, json) = (folder.path().join("a.toml"), folder.path().join("b.json"));
    std::fs::write(&toml, "[settings]\nmotd = \"hunter2\"\n").unwrap();
    std::fs::write(&json, "{\"settings\":\n {\"ntp\": {\"time-servers\": [\"a\",\n \"b c\"]}}}").unwrap();
    let refusal = r#"{"error":"2 problems","problems":[
        {"path":"settings.motd","why":"too short","layer":"api"},
        {"path":"settings.ntp.time-servers[1]","why":"no host","layer":"api"},
        {"path":"settings.dns","why":"also bad","layer":"nocloud"}]}"#;
    let words = ["apply", toml.to_str().unwrap(), &format!("file://{}", json.display()), "-"];
    let fake = Fake::new(vec![answer("400 Bad Request", refusal)]);
    let (ran, asked) = fake.run_in(&words, "settings.dns = {}\n", false);
    assert_eq!(ran.status, 1);
    for line in [
        format!("settings.motd: too short [{}, line 2]", toml.display()),
        format!("settings.ntp.time-servers[1]: no host [{}, line 3]", json.display()),
        "settings.dns: also bad [standard input, line 1]".into(),
    ] {
        assert!(ran.err.contains(&line), "{}", ran.err);
    }
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    assert!(
        asked[0].ends_with(r#"{"settings":{"dns":{},"motd":"hunter2","ntp":{"time-servers":["a","b c"]}}}"#)
    );
    let refusal = r#"{"error":"1 problem","problems":[{"path":"settings.motd","why":"too short"}]}"#;
    let (ran, _) = one(&["set", "motd=x"], "400 Bad Request", refusal);
    assert!(ran.err.contains("settings.motd: too short [motd=x]"), "{}", ran.err);
}

#[test]
fn what_makes_no_sense_is_not_sent() {
    let nowhere = ["-s", "/nonexistent/api.sock"];
    for words in [
        &["set"][..],
        &["set", "motd"],
        &["set", "a..b=1"],
        &["set", "motd=a", "motd=b"],
        &["set", "--json", "{"],
        &["set", "--json", "{}", "motd=a"],
        &["apply", "/nonexistent.toml"],
        &["apply", "s3://bucket/x"],
        &["apply", "base64:!"],
        &["apply", "http://u:p@host/"],
        &["apply", "--again", "x.toml"],
        &["delete"],
        &["delete", "a b"],
        &["get", "/", "settings"],
        &["raw", "-u", "settings"],
        &["raw", "-u", "/a b"],
        &["rollback", "x"],
        &["set", "motd=a", "--confirm-within", "2d"],
        &["logs", "-n", "0"],
        &["--node", "a:b", "status"],
        &["--node", "a", "-s", "x", "status"],
        &["nothing"],
    ] {
        let words: Vec<&str> = match words.contains(&"--node") {
            true => words.to_vec(),
            false => nowhere.iter().chain(words).copied().collect(),
        };
        let ran = run(&words);
        assert_eq!(ran.status, 2, "{words:?}: {}{}", ran.out, ran.err);
        assert!(!ran.err.is_empty(), "{words:?}");
    }
}

#[test]
fn without_a_server_it_says_where_one_would_be() {
    let ran = run(&["-s", "/nonexistent/api.sock", "status"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("/nonexistent/api.sock") && ran.err.contains("--node"), "{}", ran.err);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let ran = run(&["-s", socket.to_str().unwrap(), "status"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("not running"), "{}", ran.err);
}

#[test]
fn broken_answers_end_with_an_error() {
    for (bytes, words) in [
        (&b""[..], "ended before"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"gen", "ended before"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "ended before"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "ended before"),
        (b"HTTP/1.1 20", "ended before"),
        (b"\x16\x03\x01\x00\x01\x01", "ended before"),
    ] {
        let (ran, _) = Fake::new(vec![bytes.to_vec()]).run(&["set", "motd=b"]);
        assert_eq!(ran.status, 3, "{bytes:?}: {}", ran.err);
        assert!(ran.err.contains(words), "{bytes:?}: {}", ran.err);
        if bytes.is_empty() {
            assert!(ran.err.contains("may have been made or not"), "{}", ran.err);
        }
        let (ran, _) = Fake::new(vec![bytes.to_vec()]).run(&["get", "settings"]);
        assert!(!ran.err.contains("may have been made or not"), "{}", ran.err);
    }
    let endless = [b"HTTP/1.1 200 OK\r\n".as_slice(), b"x: y\r\n".repeat(100_000).as_slice()].concat();
    let (ran, _) = Fake::new(vec![endless]).run(&["get"]);
    assert_eq!(ran.status, 3, "{}", ran.err);
}

#[test]
fn an_answer_beyond_reason_is_not_kept() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n".to_vec();
    let (ran, _) = Fake::new(vec![[head, vec![b' '; 100_000_000]].concat()]).run(&["get"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("longer than"), "{}", ran.err);
}

#[test]
fn a_silent_server_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let ran = run(&["-s", socket.to_str().unwrap(), "--timeout", "1s", "status"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("did not answer within 1 s") && ran.err.contains("--timeout"), "{}", ran.err);
    for words in [&["watch"][..], &["logs", "-f"]] {
        let words = [&["-s", socket.to_str().unwrap(), "--timeout", "1s"], words].concat();
        let ran = run(&words);
        assert_eq!(ran.status, 3);
        assert!(ran.err.contains("did not answer within 1 s"), "{}", ran.err);
    }
}

/// A pipe that nobody reads.
struct Closed;

impl std::io::Write for Closed {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_went_away_hides_no_failure() {
    let incomplete = OUTCOME.replace("\"ok\": true", "\"ok\": false");
    for (status, body, exit) in [("500 X", UNDONE, 5), ("200 OK", &incomplete, 6), ("200 OK", OUTCOME, 0)] {
        let server = Fake::new(vec![answer(status, body)]);
        let socket = server.socket();
        let words = ["apiclient", "-s", socket.to_str().unwrap(), "set", "motd=b"];
        let words: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        let (status, err) = run_into(&words, "", false, &mut Closed);
        assert_eq!(status, exit, "{err}");
    }
}

#[test]
fn nothing_from_a_host_acts_on_the_terminal() {
    let evil = r"\u001b]0;x\u0007\u009b2J\u202e";
    let logs = format!(
        r#"{{"lines": [{{"time": "t{evil}", "boot_ms": 1, "unit": "u{evil}", "text": "x{evil}\r\n"}}]}}"#
    );
    let refusal = format!(
        r#"{{"error": "e{evil}", "problems": [{{"path": "p{evil}", "why": "w{evil}"}}], "remedy": "r{evil}"}}"#
    );
    let settings = format!(r#"{{"settings": {{"motd": "{evil}"}}}}"#);
    // JSON itself lets some of it stand as it is, and who knows whether it is JSON.
    let bare = |text: &str| text.replace(r"\u009b", "\u{9b}").replace(r"\u202e", "\u{202e}");
    let stream = format!(
        "event: line\ndata: {{\"text\": \"{}\"}}\n\nevent: line\ndata: \u{1b}]0;x\u{7}\n\n",
        bare(evil)
    );
    for (words, status, body) in [
        (&["logs"][..], "200 OK", &logs),
        (&["get"], "200 OK", &settings),
        (&["set", "motd=x"], "400 Bad Request", &refusal),
        (&["get"], "400 Bad Request", &refusal),
        (&["get", "--canonicalize"], "200 OK", &bare(&settings)),
        (&["--json", "set", "motd=x"], "400 Bad Request", &bare(&refusal)),
        (&["--json", "logs", "-f"], "200 OK", &stream),
        (&["--json", "watch"], "200 OK", &stream),
        (&["raw", "-u", "/"], "200 OK", &settings.replace(r"\u001b", "\u{1b}").replace(r"\u009b", "\u{9b}")),
    ] {
        let (ran, _) = Fake::new(vec![answer(status, body)]).run_in(words, "", true);
        for text in [&ran.out, &ran.err] {
            let active = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{9b}".contains(c);
            // Our own colours aside.
            let text = text.replace("\u{1b}[1m", "").replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
            assert!(!text.contains(active), "{words:?}: {text:?}");
        }
    }
}

#[test]
fn several_prefixes_are_one_document() {
    let answers = vec![
        answer("200 OK", r#"{"settings": {"ntp": {"time-servers": ["a"]}, "b": 1}}"#),
        answer("200 OK", r#"{"os": {"arch": "x86_64"}}"#),
    ];
    let words = ["get", "settings", "os", "--exclude", "settings.b", "--canonicalize"];
    let (ran, asked) = Fake::new(answers).run(&words);
    assert_eq!(ran.out, "{\"os\":{\"arch\":\"x86_64\"},\"settings\":{\"ntp\":{\"time-servers\":[\"a\"]}}}\n");
    assert!(asked[0].starts_with("GET /?prefix=settings HTTP/1.1\r\n"), "{asked:?}");
    assert!(asked[1].starts_with("GET /?prefix=os HTTP/1.1\r\n"), "{asked:?}");
}

#[test]
fn a_status_tells_what_is_on_trial_from_what_is_being_undone() {
    let status = |pending: &str| {
        format!(
            r#"{{"hostname": "h", "release": "1", "variant": "v", "arch": "a", "uptime_ms": 0, "generation": 7,
                "applied": true, "problems": 0, "failing": [], "pending": {pending}}}"#
        )
    };
    let (trial, _) = one(&["status"], "200 OK", &status(r#"{"generation": 7, "left_ms": 9000}"#));
    assert!(trial.out.contains("keep it with: apiclient confirm 7"), "{trial:?}");
    let undone = r#"{"generation": 7, "left_ms": 0, "undo": "no room"}"#;
    let (undone, _) = one(&["status"], "200 OK", &status(undone));
    assert!(undone.out.contains("could not be stored yet: no room"), "{undone:?}");
    assert!(!undone.out.contains("apiclient confirm"), "{undone:?}");
}

#[test]
fn explanations_put_what_counts_first() {
    let body = r#"{"values": [
        {"key": "settings.motd", "layer": "image", "value": "i", "wins": false},
        {"key": "settings.motd", "layer": "api", "value": "a", "wins": true, "stamp": {"generation": 4, "unix_s": 0}}]}"#;
    let (ran, asked) = one(&["get", "--explain", "motd"], "200 OK", body);
    assert_eq!(
        ran.out,
        "KEY            VALUE  LAYER  GENERATION  WHEN\nsettings.motd  \"a\"    api    4           1970-01-01 00:00:00Z\n  hides        \"i\"    image\n"
    );
    assert!(asked.starts_with("GET /v1/settings/explain?key=settings.motd "), "{asked}");
}

#[test]
fn streams_print_events_as_they_come_and_end_with_the_server() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";
    let events = "event: generation\ndata: {\"number\": 13, \"unix_s\": 0, \"by\": \"uid 0\", \"why\": \"change\", \"release\": \"1\", \"current\": true}\n\n\
                  event: news\ndata: x\n\nevent: behind\ndata: {}\n\n";
    let (ran, _) = Fake::new(vec![format!("{head}{events}").into_bytes()]).run(&["watch", "--since", "12"]);
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert_eq!(
        ran.out,
        "1970-01-01 00:00:00Z generation 13 by uid 0: change\nnews: x\nsome events were missed: `apiclient history` has all generations\n"
    );
    let (ran, _) = Fake::new(vec![format!("{head}{events}").into_bytes()]).run(&["--json", "watch"]);
    assert!(
        ran.out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
        "{}",
        ran.out
    );
    let line = "event: line\ndata: {\"time\": \"2026-11-20T17:52:23Z\", \"boot_ms\": 1, \"unit\": \"netd\", \"text\": \"info netd: up\"}\n\n";
    let (ran, asked) = Fake::new(vec![format!("{head}{line}").into_bytes()]).run(&["logs", "netd", "-f"]);
    assert_eq!(ran.out, "2026-11-20T17:52:23Z netd: info netd: up\n");
    assert!(asked[0].starts_with("GET /v1/logs?lines=100&unit=netd&follow=true "), "{asked:?}");
    let (ran, _) = Fake::new(vec![answer("403 Forbidden", "{\"error\":\"no\"}")]).run(&["watch"]);
    assert_eq!((ran.status, ran.err.contains("no (403")), (1, true), "{}", ran.err);
}

#[test]
fn rollback_without_a_number_means_the_generation_before() {
    let list = r#"[{"number": 9, "unix_s": 0, "by": "b", "why": "w", "release": "r", "current": true},
        {"number": 7, "unix_s": 0, "by": "b", "why": "w", "release": "r", "current": false}]"#;
    let outcome = r#"{"generation": 10, "base": 9, "applied": true, "changed": []}"#;
    let answers = vec![answer("200 OK", list), answer("200 OK", outcome)];
    let (ran, asked) = Fake::new(answers).run(&["rollback"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(asked[1].starts_with("POST /v1/generations/7/rollback "), "{asked:?}");
    let first = r#"[{"number": 1, "unix_s": 0, "by": "b", "why": "w", "release": "r", "current": true}]"#;
    let (ran, _) = one(&["rollback"], "200 OK", first);
    assert_eq!(ran.status, 2, "{}", ran.err);
}

#[test]
fn colours_are_for_terminals() {
    let list = r#"[{"number": 9, "unix_s": 0, "by": "b", "why": "w", "release": "r", "current": true}]"#;
    let (ran, _) = one(&["history"], "200 OK", list);
    assert_eq!(
        ran.out,
        "GENERATION  WHEN                  BY  WHY  RELEASE\n9           1970-01-01 00:00:00Z  b   w    r        in effect\n"
    );
    let (ran, _) = Fake::new(vec![answer("200 OK", list)]).run_in(&["history"], "", true);
    assert!(ran.out.contains("\u{1b}[32min effect\u{1b}[0m"), "{:?}", ran.out);
}

#[test]
fn help_goes_to_standard_output() {
    let ran = run_in(&["set", "--help"], "", false);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("apiclient set motd=\"Hello\""), "{}", ran.out);
}
