//! The kernel's log: /dev/kmsg (Documentation/ABI/testing/dev-kmsg).

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

mod message;

pub use message::Message;

/// The longest text written as one record; the kernel takes 1024 less its own prefix.
const TEXT_MAX: usize = 900;

/// Largest record the kernel hands out (PRINTK_MESSAGE_MAX).
pub const RECORD_MAX: usize = 8192;

/// How urgent a record is; the console shows those more urgent than its `loglevel=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The machine cannot go on.
    Emergency = 0,
    /// Something failed.
    Error = 3,
    /// Something is not as it should be.
    Warning = 4,
    /// Normal, and shown.
    Notice = 5,
    /// For whoever looks closer.
    Debug = 7,
}

/// The writing end.
#[derive(Debug)]
pub struct Writer(File);

impl Writer {
    /// Opens the log for writing.
    pub fn open() -> io::Result<Self> {
        OpenOptions::new().write(true).open("/dev/kmsg").map(Self)
    }

    /// Writes `tag: text` as one record. A text too long is cut: the kernel would refuse it whole.
    ///
    /// Says nothing of failure: there is no better place to say it.
    pub fn write(&self, level: Level, tag: &str, text: &dyn Display) {
        let mut record = format!("<{}>{tag}: {text}", level as u8);
        let mut end = record.len().min(TEXT_MAX);
        while !record.is_char_boundary(end) {
            end -= 1;
        }
        record.truncate(end);
        // Without it the kernel waits for the rest of the line: the record is neither shown nor read until the next.
        record.push('\n');
        // One write(2) is one record.
        let _ = (&self.0).write(record.as_bytes());
    }
}

/// The reading end: every record still in the kernel's ring, then each new one.
#[derive(Debug)]
pub struct Reader(File);

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// This many bytes of the buffer hold one record.
    Bytes(usize),
    /// The ring ran over: records were lost before the next one.
    Lost,
    /// No more for now; wait for the file to become readable.
    None,
}

impl Reader {
    /// Opens the log for reading, without blocking, from the oldest record.
    pub fn open() -> io::Result<Self> {
        let flags = rustix::fs::OFlags::NONBLOCK.bits();
        OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open("/dev/kmsg").map(Self)
    }

    /// Takes the next record into `buffer`, which should hold [`RECORD_MAX`] bytes.
    pub fn next(&mut self, buffer: &mut [u8]) -> io::Result<Record> {
        match self.0.read(buffer) {
            Ok(length) => Ok(Record::Bytes(length)),
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(Record::None),
            // EPIPE: the record we stood on was overwritten; the kernel moved us to the oldest one left.
            Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(Record::Lost),
            Err(err) => Err(err),
        }
    }
}

impl AsFd for Reader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
