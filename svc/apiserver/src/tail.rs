//! The end of the host's log, which `logd` writes and rotates: `host.log`, then `host.log.1` and so on, the older the higher.
//!
//! Holds always: no line comes twice and none is left out, however often the log is rotated meanwhile, as long as what was
//! rotated is still there to be read.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use wire::types::LogLine;

/// What is read at once, going back.
const CHUNK: usize = 64 << 10;
/// Most rotated files that are looked at; `logd` keeps fewer.
const ROTATED: u32 = 32;
/// Longest line: four times what `logd` makes of one.
const LINE_BYTES: usize = 128 << 10;

/// Most text of the last lines together: containers make them as long as they like, and callers ask for thousands.
const TEXT_BYTES: usize = 8 << 20;

/// The log cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct TailError {
    path: PathBuf,
    #[source]
    err: io::Error,
}

/// The last lines, the last first.
struct Last {
    lines: Vec<LogLine>,
    most: usize,
    /// Bytes that the text of more of them may have. None left: it is full, with the line that took them.
    room: usize,
}

impl Last {
    fn is_full(&self) -> bool {
        self.lines.len() >= self.most || self.room == 0
    }

    fn push(&mut self, line: LogLine) {
        self.room = self.room.saturating_sub(line.text.len());
        self.lines.push(line);
    }
}

/// A place in the log: everything before it was given out.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    unit: Option<String>,
    /// None: there is no log yet.
    file: Option<File>,
    at: u64,
}

impl Tail {
    /// The last lines of a unit (or of all), `most` of them or as many as have room together, and the place behind them.
    pub fn open(path: &Path, unit: Option<String>, most: usize) -> Result<(Self, Vec<LogLine>), TailError> {
        let mut tail = Tail { path: path.to_owned(), unit, file: None, at: 0 };
        let failed = |err| TailError { path: path.to_owned(), err };
        tail.file = open(path).map_err(failed)?;
        let mut lines = Last { lines: Vec::new(), most, room: TEXT_BYTES };
        if let Some(file) = &tail.file {
            let length = file.metadata().map_err(failed)?.len();
            // A line that is being written is given out when it is whole.
            tail.at = tail.back(file, length, &mut lines).map_err(failed)?;
        }
        for number in 1..=ROTATED {
            if lines.is_full() {
                break;
            }
            let Some(file) = open(&rotated(path, number)).map_err(failed)? else { break };
            let length = file.metadata().map_err(failed)?.len();
            tail.back(&file, length, &mut lines).map_err(failed)?;
        }
        lines.lines.reverse();
        Ok((tail, lines.lines))
    }

    /// Lines that were written since.
    pub fn more(&mut self) -> Result<Vec<LogLine>, TailError> {
        let mut lines = Vec::new();
        self.forth(&mut lines).map_err(|err| TailError { path: self.path.clone(), err })?;
        Ok(lines)
    }

    fn forth(&mut self, lines: &mut Vec<LogLine>) -> io::Result<()> {
        // Opened before the old one is read to its end, which nobody writes to once there is a new one.
        let newest = open(&self.path)?;
        if let Some(file) = self.file.take() {
            self.at = self.read_on(&file, lines)?;
            let same = match &newest {
                Some(newest) => newest.metadata()?.ino() == file.metadata()?.ino(),
                // Between its renaming and the next: the same goes on.
                None => true,
            };
            if same {
                self.file = Some(file);
                return Ok(());
            }
            self.at = 0;
            // Rotated more than once since: those between come first.
            for between in self.between(&file, newest.as_ref())?.iter().rev() {
                self.read_on(between, lines)?;
            }
        }
        if let Some(newest) = newest {
            self.at = self.read_on(&newest, lines)?;
            self.file = Some(newest);
        }
        Ok(())
    }

    /// Files that are newer than `old` and older than `newest`, the newest first.
    fn between(&self, old: &File, newest: Option<&File>) -> io::Result<Vec<File>> {
        let old = old.metadata()?.ino();
        let mut seen: Vec<u64> =
            newest.map(|newest| newest.metadata().map(|of| of.ino())).transpose()?.into_iter().collect();
        let mut between = Vec::new();
        for number in 1..=ROTATED {
            let Some(file) = open(&rotated(&self.path, number))? else { break };
            let this = file.metadata()?.ino();
            if this == old {
                break;
            }
            // One that was given its next name while we looked.
            if !seen.contains(&this) {
                seen.push(this);
                between.push(file);
            }
        }
        Ok(between)
    }

    /// Takes whole lines from here on; returns the place behind the last.
    fn read_on(&self, file: &File, lines: &mut Vec<LogLine>) -> io::Result<u64> {
        let (mut at, mut held) = (self.at, Vec::new());
        let mut chunk = vec![0; CHUNK];
        loop {
            let length = file.read_at(&mut chunk, at + held.len() as u64)?;
            if length == 0 {
                return Ok(at);
            }
            held.extend_from_slice(&chunk[..length]);
            let whole = held.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let texts = held[..whole].split(|byte| *byte == b'\n').filter(|text| !text.is_empty());
            lines.extend(texts.filter_map(|text| self.wanted(text)));
            at += whole as u64;
            held.drain(..whole);
            if held.len() > LINE_BYTES {
                // Not a line that logd wrote.
                at += held.len() as u64;
                held.clear();
            }
        }
    }

    /// Takes lines back from `end`, the last first; returns the place behind the last whole line.
    fn back(&self, file: &File, end: u64, lines: &mut Last) -> io::Result<u64> {
        let (mut start, mut held) = (end, Vec::new());
        let mut behind = None;
        while start > 0 && !lines.is_full() && held.len() <= LINE_BYTES {
            let length = CHUNK.min(usize::try_from(start).unwrap_or(CHUNK));
            start -= length as u64;
            let mut chunk = vec![0; length];
            file.read_exact_at(&mut chunk, start)?;
            chunk.append(&mut held);
            if behind.is_none() {
                let Some(last) = chunk.iter().rposition(|byte| *byte == b'\n') else {
                    held = chunk;
                    continue;
                };
                behind = Some(start + last as u64 + 1);
                chunk.truncate(last + 1);
            }
            // What stands before the first line's end begins earlier, but in the file's first chunk.
            let first = match start {
                0 => 0,
                _ => chunk.iter().position(|byte| *byte == b'\n').map_or(chunk.len(), |end| end + 1),
            };
            for text in chunk[first..].split(|byte| *byte == b'\n').rev().filter(|text| !text.is_empty()) {
                if lines.is_full() {
                    break;
                }
                self.wanted(text).into_iter().for_each(|line| lines.push(line));
            }
            chunk.truncate(first);
            held = chunk;
        }
        Ok(behind.unwrap_or(0))
    }

    fn wanted(&self, text: &[u8]) -> Option<LogLine> {
        let line = line(&String::from_utf8_lossy(text));
        self.unit.as_ref().is_none_or(|unit| line.unit == *unit).then_some(line)
    }
}

/// The name of the log that was rotated so many times.
fn rotated(path: &Path, times: u32) -> PathBuf {
    let mut older = path.as_os_str().to_owned();
    older.push(format!(".{times}"));
    older.into()
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

/// `2026-11-20T11:17:07.123456Z 12345 unit: text`. A line of another form is all text.
fn line(text: &str) -> LogLine {
    let parts = || {
        let (time, rest) = text.split_once(' ')?;
        let (boot_ms, rest) = rest.split_once(' ')?;
        let (unit, text) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        let boot_ms = boot_ms.parse().ok()?;
        Some(LogLine { time: time.into(), boot_ms, unit: unit.into(), text: text.into() })
    };
    parts().unwrap_or_else(|| LogLine {
        time: String::new(),
        boot_ms: 0,
        unit: String::new(),
        text: text.into(),
    })
}

#[cfg(test)]
mod tests;
