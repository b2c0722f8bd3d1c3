//! The files of the record: each named after its first record's number, the last of them written to.
//!
//! Holds always: a file is on the disk, whole, before the next one is begun; what is behind the last genuine record of the
//! last file is a piece of a record that a power cut left, and is cut off when the files are opened. Lines before that are
//! never touched, whatever they say: finding out what happened to them is the verifier's.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use wire::audit::{Event, Head, LINE_BYTES, Line};

use super::Room;

const SUFFIX: &str = ".log";

/// The open files.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    room: Room,
    /// Numbers of each file's first record, rising. The last one's file is open.
    firsts: VecDeque<u64>,
    last: Option<File>,
    length: u64,
    head: Option<Head>,
    /// The oldest record that no rotation dropped. Remembered, not looked up: a file that somebody removed is still missed.
    kept_from: u64,
}

impl Files {
    /// Opens those in `folder`, and makes the folder. Also tells how many bytes at the end were no record.
    pub fn open(folder: &Path, room: Room) -> io::Result<(Self, u64)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut firsts = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_suffix(SUFFIX))
                .and_then(|number| number.parse::<u64>().ok());
            firsts.extend(number);
        }
        firsts.sort_unstable();
        let mut files = Files {
            folder: folder.to_owned(),
            room,
            firsts: firsts.into(),
            last: None,
            length: 0,
            head: None,
            kept_from: 1,
        };
        let mut torn_bytes = 0;
        // A file without one record was begun when the power was cut; the one before it is whole.
        while let Some(&first) = files.firsts.back() {
            let path = files.path(first);
            let end = end_of(&path)?;
            let file = OpenOptions::new().append(true).open(&path)?;
            torn_bytes += file.metadata()?.len() - end.length;
            if end.head.is_some() {
                file.set_len(end.length)?;
                (files.last, files.length, files.head) = (Some(file), end.length, end.head);
                files.kept_from = end.kept_from;
                break;
            }
            fs::remove_file(&path)?;
            files.firsts.pop_back();
        }
        Ok((files, torn_bytes))
    }

    /// The last record.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Whether the next record belongs into the next file.
    pub fn is_full(&self) -> bool {
        self.last.is_some() && self.length >= self.room.file_bytes
    }

    /// The number of the oldest record that will be kept when the next file is there.
    pub fn first_kept_after_next(&self) -> u64 {
        match (self.firsts.len() + 1).saturating_sub(self.room.files) {
            0 => self.kept_from,
            gone => self.firsts.get(gone).or(self.firsts.back()).copied().unwrap_or(self.kept_from),
        }
    }

    /// Begins the next file with its first record, and removes the oldest ones. When this returns, all that came before is
    /// on the disk.
    pub fn begin_next(&mut self, line: &str, head: Head) -> io::Result<()> {
        if let Some(last) = &self.last {
            last.sync_data()?;
        }
        let path = self.path(head.seq);
        // Appending, for the place to write at would stay behind a piece that a full disk took and that was cut off.
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let begun = file.set_len(0).and_then(|()| file.write_all(line.as_bytes()));
        if let Err(err) = begun.and_then(|()| file.sync_all()).and_then(|()| self.sync_folder()) {
            // The file before it goes on; this one must not be taken for its successor.
            let _ = fs::remove_file(&path);
            return Err(err);
        }
        self.kept_from = self.first_kept_after_next();
        self.firsts.push_back(head.seq);
        (self.last, self.length, self.head) = (Some(file), line.len() as u64, Some(head));
        while self.firsts.len() > self.room.files {
            let Some(oldest) = self.firsts.pop_front() else { break };
            if let Err(err) = fs::remove_file(self.path(oldest)) {
                log::warn!(first = oldest, why:% = err; "old audit log not removed");
            }
        }
        Ok(())
    }

    /// Appends a record, whole or not at all.
    pub fn append(&mut self, line: &str, head: Head) -> io::Result<()> {
        let Some(file) = &mut self.last else { return self.begin_next(line, head) };
        if let Err(err) = file.write_all(line.as_bytes()) {
            // A full disk takes a piece; the next record must not follow on the same line.
            file.set_len(self.length)?;
            return Err(err);
        }
        self.length += line.len() as u64;
        self.head = Some(head);
        Ok(())
    }

    /// What there is to be put on the disk.
    pub fn last(&self) -> Option<io::Result<File>> {
        self.last.as_ref().map(File::try_clone)
    }

    /// The files that may hold records after number `since`, the oldest first.
    pub fn paths_after(&self, since: u64) -> Vec<PathBuf> {
        let from = self.firsts.iter().rposition(|first| *first <= since.saturating_add(1)).unwrap_or(0);
        self.firsts.iter().skip(from).map(|first| self.path(*first)).collect()
    }

    fn path(&self, first: u64) -> PathBuf {
        self.folder.join(format!("{first:012}{SUFFIX}"))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

/// Where a file's last genuine record ends, and what it is.
struct End {
    length: u64,
    head: Option<Head>,
    /// As its rotation says: each file but the very first begins with one.
    kept_from: u64,
}

fn end_of(path: &Path) -> io::Result<End> {
    let mut end = End { length: 0, head: None, kept_from: 1 };
    let mut at = 0;
    each_line(path, |bytes| {
        at += bytes.len() as u64;
        let line = bytes.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
        if let Some(line) = line.and_then(|line| Line::read(line).ok()).filter(|line| line.genuine) {
            let kept_from = match line.record.event {
                Event::Rotated { kept_from } => kept_from,
                _ => end.kept_from,
            };
            end = End { length: at, head: Some(line.head()), kept_from };
        }
        true
    })?;
    Ok(end)
}

/// Lines of `paths` after record `since`, without line feeds. A line whose number cannot be read is among them: the reader
/// shall see it.
pub fn page(paths: &[PathBuf], since: u64, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for path in paths {
        let read = each_line(path, |bytes| {
            let line = String::from_utf8_lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes));
            if lines.len() < most && number(&line).is_none_or(|seq| seq > since) {
                lines.push(line.into_owned());
            }
            lines.len() < most
        });
        match read {
            // It was the oldest, and its time came between.
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => log::warn!(path:% = path.display(), why:% = err; "audit log not read"),
            Ok(()) => {}
        }
    }
    lines
}

fn number(line: &str) -> Option<u64> {
    line.strip_prefix("{\"seq\":")?.split_once(',')?.0.parse().ok()
}

/// Gives each line with its line feed, in pieces where it is longer than any record; until `take` has enough.
fn each_line(path: &Path, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = LINE_BYTES as u64 + 1;
        if reader.by_ref().take(most).read_until(b'\n', &mut line)? == 0 || !take(&line) {
            return Ok(());
        }
    }
}
