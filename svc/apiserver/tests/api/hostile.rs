//! Bad input: each is answered by a clear 4xx that names what is wrong and where; nothing is changed; the server lives.

use std::io::{Read, Write};
use std::time::Duration;

use apiserver::{LIMITS, Limits};

use crate::http::{Answer, Request, connect, raw};
use crate::server::{Machine, until};

fn repeated(piece: &str, times: usize) -> String {
    piece.repeat(times)
}

/// Where a document is too deep.
const DEEPEST: &str = "settings.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a";

/// Bodies of `PATCH /v1/settings`, with the paths of what is wrong with them.
fn documents() -> Vec<(&'static str, Vec<u8>, Vec<&'static str>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let motd = |value: &str| format!(r#"{{"settings": {{"motd": {value}}}}}"#).into_bytes();
    let deep = |depth: usize| {
        format!(r#"{{"settings": {}1{}}}"#, repeated(r#"{"a": "#, depth), repeated("}", depth)).into_bytes()
    };
    vec![
        ("nothing", Vec::new(), vec!["(document)"]),
        ("blanks", text(" \n\t "), vec!["(document)"]),
        ("half an object", text(r#"{"settings": {"#), vec!["(document)"]),
        ("no object", text("[]"), vec!["(document)"]),
        ("null", text("null"), vec!["(document)"]),
        ("a number", text("7"), vec!["(document)"]),
        ("TOML", text("[settings]\nmotd = 'x'\n"), vec!["(document)"]),
        ("a form", text("settings.motd=x"), vec!["(document)"]),
        ("a document behind another", text(r#"{"settings": {"motd": "x"}} {}"#), vec!["(document)"]),
        ("a comment", text(r#"{"settings": {} /* x */}"#), vec!["(document)"]),
        ("single quotes", text("{'settings': {}}"), vec!["(document)"]),
        ("a comma too many", text(r#"{"settings": {"motd": "x",}}"#), vec!["(document)"]),
        ("a byte order mark", [b"\xef\xbb\xbf".as_slice(), &motd("\"x\"")].concat(), vec!["(document)"]),
        ("UTF-16", motd("\"x\"").iter().flat_map(|byte| [*byte, 0]).collect(), vec!["(document)"]),
        (
            "Latin-1",
            [b"{\"settings\": {\"motd\": \"".as_slice(), b"\xfcber\"}}"].concat(),
            vec!["(document)"],
        ),
        (
            "overlong UTF-8",
            [b"{\"settings\": {\"motd\": \"".as_slice(), b"\xc0\xaf\"}}"].concat(),
            vec!["(document)"],
        ),
        ("half a surrogate pair", motd(r#""\ud800""#), vec!["(document)"]),
        ("a bare control character", motd("\"a\u{1}b\""), vec!["(document)"]),
        ("not a number", motd("NaN"), vec!["(document)"]),
        ("ten thousand deep", deep(10_000), vec![DEEPEST]),
        ("twenty deep", deep(20), vec![DEEPEST]),
        (
            "a hundred thousand values",
            format!(r#"{{"settings": {{"motd": [{}0]}}}}"#, repeated("0,", 100_000)).into_bytes(),
            vec!["(document)"],
        ),
        ("a key twice", text(r#"{"settings": {"motd": "x", "motd": "y"}}"#), vec!["settings.motd"]),
        ("null for a value", motd("null"), vec!["settings.motd"]),
        ("a number for a text", motd("7"), vec!["settings.motd"]),
        ("a table for a text", motd("{}"), vec!["settings.motd"]),
        ("an unknown key", text(r#"{"settings": {"mottd": "x"}}"#), vec!["settings.mottd"]),
        ("a key beside settings", text(r#"{"motd": "x"}"#), vec!["motd"]),
        ("an empty key", text(r#"{"settings": {"": "x"}}"#), vec!["settings.\"\""]),
        (
            "a path for a key",
            text(r#"{"settings": {"../../etc/shadow": "x"}}"#),
            vec!["settings.\"../../etc/shadow\""],
        ),
        ("two dots for a key", text(r#"{"settings": {"..": {"..": "x"}}}"#), vec!["settings.\"..\""]),
        (
            "a NUL in a key",
            text(r#"{"settings": {"mo\u0000td": "x"}}"#),
            vec!["settings.\"mo\\U00000000td\""],
        ),
        (
            "a key that reads backwards",
            text(r#"{"settings": {"\u202etdom": "x"}}"#),
            vec!["settings.\"\\U0000202Etdom\""],
        ),
        (
            "a sysctl that leaves its folder",
            text(r#"{"settings": {"kernel": {"sysctl": {"../../../etc/shadow": "x"}}}}"#),
            vec!["settings.kernel.sysctl.\"../../../etc/shadow\""],
        ),
        (
            "a container that leaves its folder",
            text(r#"{"settings": {"containers": {"../x": {"image": "docker.io/library/caddy:2"}}}}"#),
            vec!["settings.containers.\"../x\""],
        ),
        ("an integer of seventy bits", motd("999999999999999999999"), vec!["settings.motd"]),
        ("a number without end", motd("1e999"), vec!["(document)"]),
        (
            "several things at once",
            text(
                r#"{"settings": {"mottd": "x", "motd": 7, "dns": {"name-servers": ["nowhere"]}, "kernel": {"lockdown": "x"}}}"#,
            ),
            vec![
                "settings.dns.name-servers[0]",
                "settings.kernel.lockdown",
                "settings.motd",
                "settings.mottd",
            ],
        ),
    ]
}

#[test]
fn a_hostile_document_is_refused_with_everything_that_is_wrong() {
    let machine = Machine::new("documents");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    let before = machine.state();
    let mut wrong = Vec::new();
    for (name, body, want) in documents() {
        for target in ["/v1/settings", "/v1/settings?dry-run=true"] {
            let answer = machine.ask(&Request::new("PATCH", target).body(body.clone()));
            let mut paths = answer.paths();
            paths.sort();
            if answer.status != 400 || paths != want {
                wrong.push(format!("{name}: {} {}", answer.status, answer.text()));
            }
        }
        let answer = machine.ask(&Request::new("PATCH", "/settings").body(body));
        // Bottlerocket's body is what stands inside `settings`: a key of that level is none there.
        let may_be = name == "a key beside settings";
        assert!(answer.status == 400 || may_be, "{name}: {} {}", answer.status, answer.text());
        assert!(may_be || !answer.text().is_empty(), "{name}");
        machine.ask(&Request::new("DELETE", "/tx"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(machine.state(), before);
    machine.patch("/v1/settings", r#"{"settings": {"motd": "better"}}"#).is(200);
}

#[test]
fn a_hostile_list_of_pairs_is_refused_with_everything_that_is_wrong() {
    let machine = Machine::new("pairs");
    let before = machine.state();
    for (body, parts) in [
        (r#"{"request_payload": ["motd=x", "nothing", "=x"]}"#, vec!["request_payload[1]"]),
        (r#"{"request_payload": ["a..b=x", "settings.=x", "\"open=x"]}"#, vec!["a..b", "settings.", "open"]),
        (
            r#"{"request_payload": ["mottd=x", "dns.name-servers=nowhere"]}"#,
            vec!["settings.mottd", "settings.dns.name-servers"],
        ),
        (r#"{"request_payload": ["motd=x", "motd=y"]}"#, vec!["settings.motd"]),
        (r#"{"request_payload": ["kernel.sysctl.\"../../x\"=1"]}"#, vec!["../../x"]),
        (r#"{"request_payload": "motd=x"}"#, vec!["request_payload"]),
        (r#"{"payload": []}"#, vec!["request_payload"]),
        ("", vec!["request_payload"]),
        ("[", vec!["request_payload"]),
    ] {
        let answer = machine.patch("/settings/keypair", body).is(400);
        for part in parts {
            assert!(answer.text().contains(part), "{body}: {part}: {}", answer.text());
        }
    }
    assert_eq!(machine.get("/tx/list").text(), "[]");
    assert_eq!(machine.state(), before);
}

/// Whole requests, byte by byte, and the statuses that may answer each; none: it would not be understood, and the connection
/// is closed.
fn requests() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let get =
        |target: &str| format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes();
    let patch = |headers: &str, body: &str| {
        format!("PATCH /v1/settings HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes()
    };
    let with = |method: &str| {
        format!("{method} /v1/settings HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
    };
    vec![
        ("an unknown method", with("PUT"), &[405]),
        ("a method of nobody's", with("FROBNICATE"), &[405]),
        ("a method in small letters", with("get"), &[405]),
        ("HEAD", with("HEAD"), &[405]),
        ("OPTIONS", with("OPTIONS"), &[405]),
        ("TRACE", with("TRACE"), &[405]),
        ("an unknown path", get("/v2/everything"), &[404]),
        ("two dots", get("/v1/../settings"), &[404]),
        ("two dots, encoded", get("/v1/%2e%2e/settings"), &[404]),
        ("a path out of the log", get("/v1/logs/..%2f..%2fetc%2fshadow"), &[404]),
        ("a unit that is a path", get("/v1/services/..%2f..%2fetc"), &[404]),
        ("two slashes", get("//settings"), &[404]),
        ("a slash at the end", get("/settings/"), &[404]),
        ("half an escape", get("/v1/services/%4"), &[400]),
        ("an escape of no digits", get("/v1/services/%zz"), &[400]),
        ("an escaped NUL", get("/v1/services/a%00b"), &[400]),
        ("an escaped line break", get("/v1/services/a%0d%0ab"), &[400]),
        ("an escape that is not UTF-8", get("/v1/services/%ff"), &[400]),
        ("an unknown parameter", get("/v1/settings?dryrun=true"), &[400]),
        ("a parameter twice", get("/settings?prefix=a&prefix=b"), &[400]),
        (
            "forty parameters",
            get(&format!("/settings?{}", (0..40).map(|n| format!("p{n}=1&")).collect::<String>())),
            &[400],
        ),
        ("ten thousand keys", get(&format!("/settings?keys=a{}", repeated(",a", 10_000))), &[400]),
        ("a parameter that is not UTF-8", get("/settings?prefix=%c3"), &[400]),
        ("a target without end", get(&format!("/settings?prefix={}", repeated("a", 100_000))), &[414, 431]),
        ("a target with blanks", b"GET /settings x HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        ("no version", b"GET /settings\r\n\r\n".to_vec(), &[400]),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[]),
        ("HTTP/9", b"GET /settings HTTP/9.9\r\n\r\n".to_vec(), &[400]),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(8), &[400]),
        ("zeros", vec![0; 4096], &[400]),
        ("a header without a colon", b"GET /settings HTTP/1.1\r\nnonsense\r\n\r\n".to_vec(), &[400]),
        ("a header with a NUL", b"GET /settings HTTP/1.1\r\na: b\0c\r\n\r\n".to_vec(), &[400]),
        ("a folded header", b"GET /settings HTTP/1.1\r\na: b\r\n c\r\n\r\n".to_vec(), &[400]),
        (
            "a header without end",
            format!("GET /settings HTTP/1.1\r\na: {}\r\n\r\n", repeated("b", 100_000)).into_bytes(),
            &[431],
        ),
        (
            "a thousand headers",
            format!("GET /settings HTTP/1.1\r\n{}\r\n", repeated("a: b\r\n", 1000)).into_bytes(),
            &[431],
        ),
        ("a length that is no number", patch("Content-Length: x\r\n", ""), &[400]),
        ("a negative length", patch("Content-Length: -1\r\n", ""), &[400]),
        ("a length beyond all", patch("Content-Length: 99999999999999999999999\r\n", ""), &[400]),
        ("two lengths", patch("Content-Length: 2\r\nContent-Length: 3\r\n", "{} "), &[400]),
        ("a length of a terabyte", patch("Content-Length: 1099511627776\r\n", "{"), &[413]),
        (
            "a body of a terabyte that waits to be wanted",
            patch("Content-Length: 1099511627776\r\nExpect: 100-continue\r\n", ""),
            &[413],
        ),
        ("an unknown encoding", patch("Transfer-Encoding: gzip\r\n", "x"), &[400]),
        ("an encoding behind chunks", patch("Transfer-Encoding: chunked, gzip\r\n", "x"), &[400]),
        ("a chunk of no size", patch("Transfer-Encoding: chunked\r\n", "zz\r\nx\r\n"), &[400]),
        (
            "a chunk of all sizes",
            patch("Transfer-Encoding: chunked\r\n", "ffffffffffffffffff\r\nx\r\n"),
            &[400],
        ),
        ("a chunk without end", patch("Transfer-Encoding: chunked\r\n", "2\r\n{}xx\r\n0\r\n\r\n"), &[400]),
        (
            "chunks beyond the limit",
            patch(
                "Transfer-Encoding: chunked\r\n",
                &repeated(&format!("10000\r\n{}\r\n", repeated(" ", 0x10000)), 17),
            ),
            &[413],
        ),
        (
            "a body beyond the limit",
            patch(&format!("Content-Length: {}\r\n", (1 << 20) + 1), &repeated(" ", (1 << 20) + 1)),
            &[413],
        ),
        (
            "a compressed body",
            patch("Content-Length: 4\r\nContent-Encoding: gzip\r\nConnection: close\r\n", "\x1f\u{8b}\x08"),
            &[400],
        ),
        (
            "If-Match of words",
            patch("If-Match: \"seven\"\r\nContent-Length: 2\r\nConnection: close\r\n", "{}"),
            &[400],
        ),
        (
            "If-Match twice",
            patch("If-Match: 1\r\nIf-Match: 2\r\nContent-Length: 2\r\nConnection: close\r\n", "{}"),
            &[400],
        ),
    ]
}

#[test]
fn a_hostile_request_is_answered_and_changes_nothing() {
    let machine = Machine::new("requests");
    machine.patch("/v1/settings", r#"{"settings": {"motd": "good"}}"#).is(200);
    let before = machine.state();
    let mut wrong = Vec::new();
    for (name, bytes, want) in requests() {
        let answer = raw(&machine.socket(), &bytes);
        if answer.is_empty() {
            if !want.is_empty() {
                wrong.push(format!("{name}: no answer"));
            }
            continue;
        }
        let answer = Answer::parse(&answer);
        if !want.contains(&answer.status) {
            wrong.push(format!("{name}: {} {}", answer.status, answer.text()));
        }
        // What HTTP itself refuses, the library answers, without words; and HEAD has no room for any.
        if !answer.body.is_empty() && answer.header("content-type") == Some("application/json") {
            assert!(!answer.json()["error"].as_str().unwrap().is_empty(), "{name}");
        }
        machine.get("/v1/settings").is(200);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(machine.state(), before);
}

#[test]
fn what_follows_a_request_and_is_none_ends_the_connection() {
    let machine = Machine::new("pipeline");
    let one = "GET /v1/settings HTTP/1.1\r\nHost: x\r\n\r\n";
    let answers = raw(&machine.socket(), format!("{one}{one}\x00garbage\r\n\r\n{one}").as_bytes());
    let text = String::from_utf8(answers).unwrap();
    let statuses: Vec<_> = text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "200", "400"]);
    // A body that was refused unread is not taken for the next request.
    let inner = "POST /actions/reboot HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let smuggled =
        format!("PATCH /v1/settings HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n{inner}");
    assert_eq!(Answer::parse(&raw(&machine.socket(), smuggled.as_bytes())).status, 413);
    assert!(!machine.init.is_shut_down());
}

#[test]
fn slow_and_half_open_connections_are_ended() {
    let limits = Limits {
        head_time: Duration::from_millis(300),
        body_time: Duration::from_millis(300),
        connections: 4,
        ..LIMITS
    };
    let machine = Machine::within("slow", limits);
    let before = machine.state();
    // More than there are places: what is asked meanwhile is answered once they are ended.
    let mut open: Vec<_> = [
        &b""[..],
        b"G",
        b"GET /v1/settings HTTP/1.1\r\n",
        b"GET /v1/settings HTTP/1.1\r\nHost: x\r\na",
        b"PATCH /v1/settings HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"PATCH /v1/settings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    ]
    .map(|bytes| {
        let mut stream = connect(&machine.socket());
        stream.write_all(bytes).unwrap();
        stream
    })
    .into();
    machine.get("/v1/settings").is(200);
    let late: Vec<String> = open
        .iter_mut()
        .map(|stream| {
            let mut answer = Vec::new();
            // Ends, by whatever means.
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        })
        .collect();
    assert!(late[4].starts_with("HTTP/1.1 408"), "{}", late[4]);
    assert!(late[5].starts_with("HTTP/1.1 408"), "{}", late[5]);
    // Callers that hang up half way leave nothing behind.
    for bytes in [&b"PATCH /v1/settings HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"[..], b"PATCH /v1/set", b""]
    {
        let mut stream = connect(&machine.socket());
        stream.write_all(bytes).unwrap();
    }
    until("alive", || machine.get("/v1/settings").status == 200);
    assert_eq!(machine.state(), before);
}

#[test]
fn callers_that_ask_and_do_not_listen_are_ended() {
    let limits = Limits { stall_time: Duration::from_millis(300), connections: 2, ..LIMITS };
    let machine = Machine::within("deaf", limits);
    let ask = "GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50);
    let deaf: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = connect(&machine.socket());
            stream.write_all(ask.as_bytes()).unwrap();
            stream
        })
        .collect();
    // Every place is taken, until they are given up.
    machine.get("/v1/settings").is(200);
    drop(deaf);
}
