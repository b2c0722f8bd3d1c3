//! The log read while it is written and rotated.

use std::fs;
use std::path::PathBuf;

use files::{Rolling, Rotation};

use super::{LogLine, Tail, line};

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("apiserver-tail-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn written(number: u64) -> String {
    let unit = if number.is_multiple_of(3) { "netd" } else { "web" };
    format!(
        "2026-11-20T11:17:07.000042Z {number} {unit}: line {number} {}\n",
        "x".repeat((number % 700) as usize)
    )
}

fn numbers(lines: &[LogLine]) -> Vec<u64> {
    lines.iter().map(|line| line.boot_ms).collect()
}

#[test]
fn a_line_is_taken_apart_and_one_of_another_form_is_text() {
    let whole = line("2026-11-20T11:17:07.123456Z 12345 kernel: a: b");
    assert_eq!((whole.boot_ms, whole.unit.as_str(), whole.text.as_str()), (12345, "kernel", "a: b"));
    for text in ["", "x", "a b c", "2026 x unit: text", "2026 1 no colon"] {
        assert_eq!(line(text).text, text);
    }
}

#[test]
fn the_last_lines_come_from_as_many_files_as_it_takes() {
    let dir = scratch("last");
    let path = dir.join("host.log");
    let mut log = Rolling::open(&path, Rotation { limit_bytes: 200_000, keep: 4 }).unwrap();
    for number in 1..=2000 {
        log.append(written(number).as_bytes()).unwrap();
    }
    for most in [1, 2, 99, 100, 512, 1000, 1999] {
        let (_, lines) = Tail::open(&path, None, most).unwrap();
        assert_eq!(numbers(&lines), (2001 - most as u64..=2000).collect::<Vec<_>>(), "{most}");
    }
    let (_, all) = Tail::open(&path, None, 10_000).unwrap();
    assert_eq!(numbers(&all), (1..=2000).collect::<Vec<_>>());
    let (_, netd) = Tail::open(&path, Some("netd".into()), 5).unwrap();
    assert_eq!(numbers(&netd), [1986, 1989, 1992, 1995, 1998]);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn every_line_comes_once_however_the_log_is_rotated() {
    let dir = scratch("rotated");
    let path = dir.join("host.log");
    let (mut tail, none) = Tail::open(&path, None, 10).unwrap();
    assert!(none.is_empty(), "there is no log yet");
    let mut log = Rolling::open(&path, Rotation { limit_bytes: 5000, keep: 3 }).unwrap();
    let mut seen = Vec::new();
    for number in 1..=500 {
        let text = written(number);
        // Torn at any place, as a reader may find it. Rotation is between appends only.
        let (head, rest) = text.as_bytes().split_at(number as usize % text.len());
        log.append(head).unwrap();
        if number % 7 == 0 {
            seen.extend(numbers(&tail.more().unwrap()));
        }
        if rest.is_empty() || head.is_empty() {
            log.append(rest).unwrap();
        } else {
            // The same file: an append that does not rotate.
            use std::io::Write;
            fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(rest).unwrap();
        }
        seen.extend(numbers(&tail.more().unwrap()));
    }
    assert_eq!(seen, (1..=500).collect::<Vec<_>>());
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_reader_that_is_slow_misses_no_file_that_is_still_there() {
    let dir = scratch("slow");
    let path = dir.join("host.log");
    for (keep, pause) in [(30, 100), (30, 7), (30, 250)] {
        fs::remove_dir_all(&dir).unwrap();
        fs::create_dir_all(&dir).unwrap();
        let mut log = Rolling::open(&path, Rotation { limit_bytes: 5000, keep }).unwrap();
        let (mut tail, _) = Tail::open(&path, None, 10).unwrap();
        let mut seen = Vec::new();
        for number in 1..=500 {
            log.append(written(number).as_bytes()).unwrap();
            if number % pause == 0 {
                seen.extend(numbers(&tail.more().unwrap()));
            }
        }
        seen.extend(numbers(&tail.more().unwrap()));
        assert_eq!(seen, (1..=500).collect::<Vec<_>>(), "a look after every {pause} lines");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_line_that_is_not_whole_yet_is_given_out_when_it_is() {
    let dir = scratch("torn");
    let path = dir.join("host.log");
    fs::write(&path, "2026 1 a: one\n2026 2 a: tw").unwrap();
    let (mut tail, lines) = Tail::open(&path, None, 10).unwrap();
    assert_eq!(numbers(&lines), [1]);
    fs::write(&path, "2026 1 a: one\n2026 2 a: two\n").unwrap();
    let more = tail.more().unwrap();
    assert_eq!(more.len(), 1);
    assert_eq!(more[0].text, "two");
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn long_lines_do_not_fill_the_memory() {
    let dir = scratch("long");
    let path = dir.join("host.log");
    let text = format!("2026 1 a: {}\n", "x".repeat(60_000));
    fs::write(&path, text.repeat(400)).unwrap();
    let (_, lines) = Tail::open(&path, None, 10_000).unwrap();
    let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
    assert!((super::TEXT_BYTES..super::TEXT_BYTES + 60_000).contains(&bytes), "{bytes}");
    fs::remove_dir_all(&dir).unwrap();
}
