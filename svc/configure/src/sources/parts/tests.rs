//! Documents of several parts, read.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use settings::{LIMITS, validate};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A document of parts, each a header's lines and a body.
fn document(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = b"Content-Type: multipart/mixed; boundary=MARK\nMIME-Version: 1.0\n\n".to_vec();
    for (header, body) in parts {
        text.extend([b"--MARK\n", header.as_bytes(), b"\n\n", body, b"\n"].concat());
    }
    text.extend(b"--MARK--\n");
    text
}

const GANTRY: &str = "Content-Type: text/x-gantry";

fn problems(bytes: &[u8]) -> Vec<(String, String)> {
    let (_, problems) = read(bytes, Layer::Imds, &LIMITS);
    problems.into_iter().map(|problem| (problem.path, problem.why.into_owned())).collect()
}

#[test]
fn later_parts_lie_over_earlier_ones() {
    let text = document(&[
        (GANTRY, b"[settings]\nmotd = 'one'\n[settings.network]\nhostname = 'one'\n"),
        ("Content-Type: application/toml", b"settings.motd = 'two'\n"),
        ("", b"# a comment\n\n[settings.kernel.sysctl]\n'vm.swappiness' = '10'\n"),
        ("Content-Type: application/octet-stream", &gzip(b"settings.dns.search-list = ['packed']\n")),
    ]);
    let (tree, wrong) = read(&text, Layer::Imds, &LIMITS);
    assert_eq!(wrong, []);
    assert!(tree.node(&["settings", "motd"]).unwrap().under().is_none(), "one source says one thing");
    let (settings, wrong) = validate(&tree);
    assert_eq!(wrong, []);
    assert_eq!(settings.motd.unwrap().as_str(), "two");
    assert_eq!(settings.network.hostname.unwrap().as_str(), "one");
    assert_eq!(settings.kernel.sysctl.len(), 1);
    assert_ne!(settings.dns, settings::model::Dns::default());
}

#[test]
fn parts_for_others_are_named_and_skipped() {
    let text = document(&[
        ("Content-Type: text/cloud-config", b"#cloud-config\nhostname: x\n"),
        ("Content-Type: text/x-shellscript", b"#!/bin/sh\n"),
        ("Content-Type: text/plain", b"#cloud-config\nx = 1\n"),
        ("Content-Type: text/plain", b"hostname: 'a=b'\n"),
        (&format!("Content-Type: text/{}\u{1b}", "x".repeat(100)), b"x = 1\n"),
        (GANTRY, b"settings.motd = 'ours'\n"),
    ]);
    let (tree, _) = read(&text, Layer::Imds, &LIMITS);
    assert!(tree.node(&["settings", "motd"]).is_some());
    let problems = problems(&text);
    let paths: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["(part 1)", "(part 2)", "(part 3)", "(part 4)", "(part 5)"]);
    assert!(problems[0].1.starts_with("skipped: text/cloud-config is not for this host"));
    assert!(problems[2].1.starts_with("skipped: it does not look like TOML"));
    assert!(
        problems[4].1.starts_with("skipped: its type "),
        "a type cannot forge a line: {:?}",
        problems[4].1
    );
}

#[test]
fn problems_in_a_part_say_which() {
    let text = document(&[
        (GANTRY, b"[settings]\nmotd = 'x'\n[settings.dns]\n= broken\n"),
        (GANTRY, b"\xff"),
        (GANTRY, b"{}"),
    ]);
    let problems = problems(&text);
    assert_eq!(problems[0].0, "settings.dns");
    assert!(problems[0].1.starts_with("part 1: line 4"), "{problems:?}");
    assert_eq!(problems[1], ("(part 2)".into(), "line 1: not UTF-8".into()));
    assert!(problems[2].0 == "(part 3)" && problems[2].1.contains("JSON"));
}

#[test]
fn a_table_torn_in_any_part_stays_torn() {
    let good = "[settings.containers.web]\nimage = 'a'\n[settings.containers.web.environment]\nA = '1'\n";
    let bad = "[settings.containers.web]\nread-only = tru\n";
    for order in [[good, bad], [bad, good]] {
        let text = document(&order.map(|part| (GANTRY, part.as_bytes())));
        let (tree, _) = read(&text, Layer::Imds, &LIMITS);
        assert!(tree.node(&["settings", "containers", "web"]).unwrap().is_torn());
    }
}

#[test]
fn a_document_without_a_part_for_us_says_so() {
    let only = document(&[("Content-Type: text/cloud-config", b"#cloud-config\n")]);
    for text in [only, document(&[]), b"Content-Type: multipart/mixed\n\nx".to_vec()] {
        let (tree, _) = read(&text, Layer::Imds, &LIMITS);
        assert!(tree.root.is_empty());
        let last = problems(&text).pop().unwrap();
        assert!(last.0 == "(document)" && last.1.starts_with("no part of it is TOML"), "{last:?}");
    }
}

#[test]
fn bombs_in_parts_share_one_bound() {
    let bomb =
        STANDARD.encode(gzip(&[b"settings.motd = 'x'\n".as_slice(), &vec![b'\n'; 600 << 10]].concat()));
    let header = format!("{GANTRY}\nContent-Transfer-Encoding: base64");
    let twenty: Vec<_> = (0..20).map(|_| (header.as_str(), bomb.as_bytes())).collect();
    let problems = problems(&document(&twenty));
    assert_eq!(problems.len(), 19, "one fits");
    assert!(problems.iter().all(|(_, why)| why.starts_with("unpacks to more than")), "{problems:?}");

    let nested = gzip(&gzip(&vec![0; 64 << 20]));
    let problems = self::problems(&document(&[(GANTRY, &nested)]));
    assert_eq!(problems[0], ("(part 1)".into(), "line 1: not UTF-8".into()), "packed once is unpacked once");
}

#[test]
fn values_are_counted_over_all_parts() {
    let many = format!("settings.x = [{}]\n", "1,".repeat(LIMITS.nodes / 2));
    let part = (GANTRY, many.as_bytes());
    assert_eq!(problems(&document(&[part])), []);
    let problems = problems(&document(&[part, part, part]));
    assert!(
        problems.iter().all(|(path, why)| path != "(part 1)" && why.starts_with("more than ")),
        "{problems:?}"
    );
    assert_eq!(problems.len(), 2);
}
