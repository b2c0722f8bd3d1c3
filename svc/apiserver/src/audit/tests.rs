//! The record over restarts, cuts, rotations and full disks.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use wire::Role;
use wire::audit::{Event, Findings, Line, Scope, Why, verify};

use super::{Call, Log, Room};
use crate::caller::Caller;

const SMALL: Room = Room { file_bytes: 1500, files: 3 };
const LARGE: Room = Room { file_bytes: 1 << 20, files: 3 };

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("audit");
    (dir, folder)
}

fn call(log: &Log, path: &str) {
    let caller = Caller::Remote { name: "ada \"x\"\u{202e}".into(), role: Role::Admin, serial: "4f".into() };
    log.record(&Call { caller: &caller, method: "PATCH", path, status: 200, before: 1, after: 2 });
}

fn all(log: &Log) -> Vec<String> {
    log.page(0, usize::MAX)
}

fn findings(lines: &[String]) -> Findings {
    verify(lines.iter().map(String::as_str), Scope::Whole, &[])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn events(lines: &[String]) -> Vec<Event> {
    lines.iter().map(|line| Line::read(line).unwrap().record.event).collect()
}

#[test]
fn the_chain_goes_on_over_restarts() {
    let (_dir, folder) = scratch();
    for _ in 0..3 {
        let log = Log::in_folder(folder.clone(), LARGE);
        call(&log, "/v1/settings");
    }
    let log = Log::in_folder(folder, LARGE);
    let lines = all(&log);
    let findings = findings(&lines);
    assert!(findings.is_whole(), "{:?}", findings.breaks);
    assert_eq!(findings.records, 8, "one that begins, four starts, three calls");
    assert_eq!(findings.head, log.head());
    assert!(matches!(events(&lines)[0], Event::Begun { .. }));
    assert_eq!(log.page(6, 1), lines[6..7]);
}

#[test]
fn rotation_keeps_the_chain_and_says_what_it_dropped() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder.clone(), SMALL);
    for number in 0..60 {
        call(&log, &format!("/v1/generations/{number}"));
        assert!(files(&folder).len() <= SMALL.files);
        assert!(findings(&all(&log)).is_whole());
    }
    let lines = all(&log);
    assert!(findings(&lines).first.unwrap() > 1, "something was dropped");
    // The oldest file goes: records are missing that no rotation dropped.
    fs::remove_file(&files(&folder)[0]).unwrap();
    let log = Log::in_folder(folder, SMALL);
    let breaks = findings(&all(&log)).breaks;
    assert!(matches!(breaks[0].why, Why::FrontMissing { .. }), "{breaks:?}");
}

#[test]
fn a_cut_at_every_byte_of_the_last_record_leaves_a_whole_chain_and_is_said() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder.clone(), LARGE);
    call(&log, "/one");
    let before = all(&log).len();
    call(&log, "/two");
    drop(log);
    let file = files(&folder).pop().unwrap();
    let bytes = fs::read(&file).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for cut in last..bytes.len() {
        fs::write(&file, &bytes[..cut]).unwrap();
        let log = Log::in_folder(folder.clone(), LARGE);
        call(&log, "/three");
        let lines = all(&log);
        let findings = findings(&lines);
        assert!(findings.is_whole(), "cut at {cut}: {:?}", findings.breaks);
        assert_eq!(findings.repairs, u64::from(cut > last), "cut at {cut}");
        assert_eq!(lines[..before].join("\n").as_bytes(), &bytes[..last - 1]);
    }
}

#[test]
fn a_file_that_was_begun_and_has_no_record_is_forgotten() {
    for torn in ["", "{\"seq\":9"] {
        let (_dir, folder) = scratch();
        let log = Log::in_folder(folder.clone(), LARGE);
        let next = log.head().unwrap().seq + 1;
        drop(log);
        fs::write(folder.join(format!("{next:012}.log")), torn).unwrap();
        let log = Log::in_folder(folder.clone(), LARGE);
        assert_eq!(files(&folder).len(), 1);
        assert!(findings(&all(&log)).is_whole());
    }
}

#[test]
fn a_restart_does_not_cover_up_what_was_changed() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder.clone(), LARGE);
    (0..5).for_each(|_| call(&log, "/v1/settings"));
    drop(log);
    let file = files(&folder).pop().unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"status\":200", "\"status\":403", 1)).unwrap();
    let log = Log::in_folder(folder, LARGE);
    call(&log, "/later");
    let findings = findings(&all(&log));
    assert_eq!(findings.breaks.len(), 1, "{:?}", findings.breaks);
    assert!(matches!(findings.breaks[0].why, Why::Changed { seq: 3 }));
    assert_eq!(findings.repairs, 0);
}

#[test]
fn what_could_not_be_written_is_counted() {
    let (dir, folder) = scratch();
    // A file stands where the folder should be.
    fs::write(&folder, "").unwrap();
    let log = Log::in_folder(folder.clone(), LARGE);
    call(&log, "/one");
    assert!(all(&log).is_empty() && log.head().is_none());
    fs::remove_file(&folder).unwrap();
    call(&log, "/two");
    let lines = all(&log);
    let findings = findings(&lines);
    assert!(findings.is_whole(), "{:?}", findings.breaks);
    assert_eq!((findings.lost, findings.records), (2, 3), "{lines:?}");
    drop(dir);
}

#[test]
fn a_disk_that_is_full_at_the_start_takes_a_whole_log_later() {
    let (_dir, folder) = scratch();
    // The folder could be made, and nothing written into it yet.
    let (files, _) = super::Files::open(&folder, LARGE).unwrap();
    let log = Log::in_folder(folder.clone(), LARGE);
    fs::remove_file(&self::files(&folder)[0]).unwrap();
    (super::lock(&log.book).files, super::lock(&log.book).lost) = (Some(files), 1);
    call(&log, "/one");
    let lines = all(&log);
    let findings = findings(&lines);
    assert!(findings.is_whole(), "{:?}", findings.breaks);
    assert!(matches!(
        events(&lines)[..],
        [Event::Begun { .. }, Event::Lost { count: 1 }, Event::Call { .. }]
    ));
}

#[test]
fn a_piece_that_a_full_disk_took_leaves_no_hole() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder.clone(), LARGE);
    // What a write that fails half way does to a file: on, and cut off again.
    let last = super::lock(&log.book).files.as_ref().unwrap().last().unwrap().unwrap();
    let length = last.metadata().unwrap().len();
    (&last).write_all(b"{\"seq\":3,\"unix_s\"").unwrap();
    last.set_len(length).unwrap();
    call(&log, "/one");
    let lines = all(&log);
    assert!(findings(&lines).is_whole(), "{lines:?}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_flood_of_strangers_is_counted_not_recorded() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder, LARGE);
    (0..100).for_each(|_| log.refused("10.0.0.1", "no certificate", 5));
    assert_eq!(events(&all(&log)).iter().filter(|event| matches!(event, Event::Refused { .. })).count(), 5);
    assert_eq!(super::lock(&log.book).refusals.more, 95);
}

#[test]
fn no_line_is_longer_than_a_reader_takes() {
    let (_dir, folder) = scratch();
    let log = Log::in_folder(folder, LARGE);
    call(&log, &"\u{1}".repeat(60_000));
    call(&log, &"é\"".repeat(60_000));
    let lines = all(&log);
    assert!(lines.iter().all(|line| line.len() < wire::audit::LINE_BYTES));
    assert!(findings(&lines).is_whole());
}
