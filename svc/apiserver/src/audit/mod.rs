//! The record of calls: who asked for what, chained by hashes (`wire::audit`), on the STATE partition.
//!
//! Every call over the network and every change by anybody is a record; so is everybody who was not let in, up to a number
//! a minute. A record is in the file before the answer is sent, and on the disk a moment later, by a thread that does nothing
//! else: what a power cut takes is the newest records, never one out of the middle. STATE, because containers cannot fill
//! it and it outlives the images of both sets; bounded, because it is small.
//!
//! What cannot be recorded is said in the host's log and counted in the next record that can. docs/formats/audit-log.md

mod files;
mod flush;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wire::audit::{Event, Hash, Head, Record};

use crate::caller::Caller;
use crate::host::Host;
use files::Files;
use flush::Flush;

/// How much of it is kept.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// A file this long is followed by the next.
    pub file_bytes: u64,
    /// How many there are at most.
    pub files: usize,
}

/// An eighth of STATE; about a hundred thousand calls.
const ROOM: Room = Room { file_bytes: 2 << 20, files: 16 };

/// Longest text of a caller's that a record repeats, so that a line stays below [`wire::audit::LINE_BYTES`].
const TEXT_BYTES: usize = 400;

const MINUTE: Duration = Duration::from_secs(60);

/// One call, as it is recorded when it is answered.
#[derive(Debug)]
pub struct Call<'a> {
    /// Who asked.
    pub caller: &'a Caller,
    /// The method, as it came.
    pub method: &'a str,
    /// The path, without its query.
    pub path: &'a str,
    /// The answer's status.
    pub status: u16,
    /// The generation in effect before.
    pub before: u64,
    /// The generation in effect after.
    pub after: u64,
}

/// The record.
#[derive(Debug)]
pub struct Log {
    book: Arc<Mutex<Book>>,
    flush: Flush,
}

#[derive(Debug)]
struct Book {
    folder: PathBuf,
    room: Room,
    /// None: they could not be opened.
    files: Option<Files>,
    /// Records that could not be written since the last that could.
    lost: u64,
    refusals: Refusals,
}

/// How many were refused within this minute.
#[derive(Debug)]
struct Refusals {
    since: Instant,
    recorded: u32,
    more: u64,
}

impl Log {
    /// Opens the record of `host`.
    pub fn open(host: &Host) -> Self {
        Log::in_folder(host.audit.clone(), ROOM)
    }

    /// Opens the record in `folder`.
    pub fn in_folder(folder: PathBuf, room: Room) -> Self {
        let refusals = Refusals { since: Instant::now(), recorded: 0, more: 0 };
        let mut book = Book { folder, room, files: None, lost: 0, refusals };
        book.write(Event::Started);
        if let Some(head) = book.files.as_ref().and_then(Files::head) {
            log::info!(head:% = head; "audit log opened");
        }
        let book = Arc::new(Mutex::new(book));
        let flush = Flush::start(&book);
        flush.soon();
        Log { book, flush }
    }

    /// Records one call. What cannot be recorded is said in the host's log.
    pub fn record(&self, call: &Call<'_>) {
        let event = Event::Call {
            caller: short(&call.caller.to_string()),
            method: short(call.method),
            path: short(call.path),
            status: call.status,
            before: call.before,
            after: call.after,
        };
        lock(&self.book).write(event);
        self.flush.soon();
    }

    /// Records that somebody from `peer` was not let in; at most `most` a minute, the rest is counted.
    pub fn refused(&self, peer: &str, why: &str, most: u32) {
        let mut book = lock(&self.book);
        let refusals = &mut book.refusals;
        if refusals.since.elapsed() >= MINUTE {
            (refusals.since, refusals.recorded) = (Instant::now(), 0);
        }
        if refusals.recorded >= most {
            refusals.more += 1;
            return;
        }
        refusals.recorded += 1;
        let more = std::mem::take(&mut refusals.more);
        book.write(Event::Refused { peer: short(peer), why: short(why), more });
        drop(book);
        self.flush.soon();
    }

    /// Records after number `since`, the oldest first, `most` at most, as they are stored. Reads files.
    pub fn page(&self, since: u64, most: usize) -> Vec<String> {
        let paths = match &lock(&self.book).files {
            Some(files) => files.paths_after(since),
            None => return Vec::new(),
        };
        files::page(&paths, since, most)
    }

    /// The last record: who keeps it elsewhere will see if it is cut off.
    pub fn head(&self) -> Option<Head> {
        lock(&self.book).files.as_ref().and_then(Files::head)
    }
}

impl Book {
    /// Appends one record, and before it what has to be said first.
    fn write(&mut self, event: Event) {
        if let Err(err) = self.try_write(&event) {
            self.lost += 1;
            // With everything that the record would have said: this line takes its place.
            log::error!(why:% = err, event:? = event; "audit record not written");
        }
    }

    fn try_write(&mut self, event: &Event) -> io::Result<()> {
        let mut first = VecDeque::new();
        let files = match &mut self.files {
            Some(files) => files,
            none => {
                let (files, torn_bytes) = Files::open(&self.folder, self.room)?;
                if torn_bytes > 0 {
                    log::warn!(bytes = torn_bytes; "audit log ended in the middle of a record; the piece is cut off");
                    first.push_back(Event::Repaired { bytes: torn_bytes });
                }
                none.insert(files)
            }
        };
        // Not only when it is opened: the disk may have been full then.
        if files.head().is_none() {
            let mut name = [0; 16];
            aws_lc_rs::rand::fill(&mut name).map_err(|_| io::Error::other("no randomness"))?;
            first.push_front(Event::Begun { log: crate::remote::authority::hex(&name) });
        }
        if self.lost > 0 {
            first.push_back(Event::Lost { count: self.lost });
        }
        for event in first.iter().chain([event]) {
            append(files, event)?;
            if matches!(event, Event::Lost { .. }) {
                self.lost = 0;
            }
        }
        Ok(())
    }
}

fn append(files: &mut Files, event: &Event) -> io::Result<()> {
    if files.is_full() {
        let kept_from = files.first_kept_after_next();
        let (line, head) = line(files.head(), Event::Rotated { kept_from });
        files.begin_next(&line, head)?;
        log::info!(head:% = head; "audit log rotated");
    }
    let (line, head) = line(files.head(), event.clone());
    files.append(&line, head)
}

/// The next record after `last`, as a line with its line feed.
fn line(last: Option<Head>, event: Event) -> (String, Head) {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (seq, previous) = last.map_or((1, Hash::NONE), |last| (last.seq + 1, last.hash));
    let (mut line, head) = Record { seq, unix_s, event, previous }.to_line();
    line.push('\n');
    (line, head)
}

/// A caller's text as a record repeats it.
fn short(text: &str) -> String {
    if text.len() <= TEXT_BYTES {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(TEXT_BYTES)])
}

/// A panic leaves a book whose files were written to their end, or not at all.
fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
