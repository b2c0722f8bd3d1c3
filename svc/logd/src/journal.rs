//! The log being written: lines collected, appended once a round, synced in time.

use std::fmt::Write;
use std::time::{Duration, Instant};

use files::{Rolling, RollingError, Rotation, Stamp};
use sys::kmsg::{Level, Writer};

/// A power cut may take the lines of this long. Shorter wears flash disks for little: a sync writes a journal block
/// and a data block at least.
const SYNC_AFTER: Duration = Duration::from_secs(5);
/// An error is often the last thing said, so it waits less; not nothing, so that a storm of errors is not one of syncs.
const SYNC_ERRORS_AFTER: Duration = Duration::from_millis(200);

/// Lines on their way to the disk.
#[derive(Debug)]
pub struct Journal {
    store: Rolling,
    pending: String,
    sync_at: Option<Instant>,
    /// The disk refuses; said once, until it takes again.
    failing: bool,
    lost_lines: u64,
    pending_lines: u64,
}

impl Journal {
    /// Starts on an open store.
    pub fn new(store: Rolling) -> Self {
        Self { store, pending: String::new(), sync_at: None, failing: false, lost_lines: 0, pending_lines: 0 }
    }

    /// Keeps this much from now on.
    pub fn keep(&mut self, rotation: Rotation) {
        if let Err(err) = self.store.keep(rotation) {
            self.note_failure(&err);
        }
    }

    /// Adds one line of a unit. It is appended at the end of the round.
    pub fn add(&mut self, stamp: Stamp, unit: &str, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.pending, "{stamp} {unit}: {text}");
        self.added(text.starts_with("error "));
    }

    /// Adds one line that names its writer itself, as the kernel's log has them.
    pub fn add_named(&mut self, stamp: Stamp, text: &str, urgent: bool) {
        let _ = writeln!(self.pending, "{stamp} {text}");
        self.added(urgent);
    }

    fn added(&mut self, urgent: bool) {
        self.pending_lines += 1;
        let at = Instant::now() + if urgent { SYNC_ERRORS_AFTER } else { SYNC_AFTER };
        self.sync_at = Some(self.sync_at.map_or(at, |before| before.min(at)));
    }

    /// Bytes that wait for the end of the round.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Appends what was added, and syncs when it is time.
    pub fn end_round(&mut self) {
        if !self.pending.is_empty() {
            let appended = self.store.append(self.pending.as_bytes());
            let lines = std::mem::take(&mut self.pending_lines);
            self.pending.clear();
            match appended {
                Ok(()) => self.note_success(),
                Err(err) => {
                    self.lost_lines += lines;
                    self.note_failure(&err);
                }
            }
        }
        if self.sync_at.is_some_and(|at| Instant::now() >= at) {
            self.sync();
        }
    }

    /// On return, what was appended is on the disk, if the disk takes it.
    pub fn sync(&mut self) {
        self.sync_at = None;
        if let Err(err) = self.store.sync() {
            self.note_failure(&err);
        }
    }

    /// When [`Journal::end_round`] should be called even if nothing comes.
    pub fn due(&self) -> Option<Instant> {
        self.sync_at
    }

    /// Through the kernel's log, which is read back: only on a change, or one failure would feed the next.
    fn note_failure(&mut self, err: &RollingError) {
        if !std::mem::replace(&mut self.failing, true)
            && let Ok(log) = Writer::open()
        {
            log.write(Level::Error, "logd", &format_args!("cannot keep the log why={:?}", files::chain(err)));
        }
    }

    fn note_success(&mut self) {
        if std::mem::replace(&mut self.failing, false) {
            let lost = std::mem::take(&mut self.lost_lines);
            self.add(Stamp::now(), "logd", &format!("warn logd: the log goes on lines_lost={lost}"));
        }
    }
}
