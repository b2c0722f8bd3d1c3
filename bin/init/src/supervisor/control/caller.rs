//! One caller: the line that comes, the answer that goes.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use supervise::control::{Answer, REQUEST_MAX_BYTES};
use supervise::{Instant, UnitId};
use sys::events::Interest;

/// A caller that has begun a line ends it in this time, or is let go.
const LINE_WITHIN_MS: u64 = 10_000;
/// An answer is taken in this time, or its caller is let go.
const TAKEN_WITHIN_MS: u64 = 10_000;

/// What a caller does at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It may ask.
    Asking,
    /// Its request is the machine's.
    Asked,
    /// It waits for a unit.
    Waiting {
        /// Which.
        unit: UnitId,
        /// How long at most.
        until: Instant,
    },
    /// It takes its answer.
    Taking,
}

/// Whether a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It does.
    Stay,
    /// The caller is gone, or is to go.
    Leave,
}

#[derive(Debug)]
pub struct Caller {
    stream: UnixStream,
    pub doing: Doing,
    /// At most one request and what comes with it: no more is read before that is answered.
    input: Vec<u8>,
    /// Since when the input has been there.
    since: Instant,
    /// At most one answer.
    output: Vec<u8>,
    sent: usize,
    /// Nothing more after this answer.
    last: bool,
}

impl Caller {
    /// The stream does not block.
    pub fn new(stream: UnixStream, now: Instant) -> Self {
        Self {
            stream,
            doing: Doing::Asking,
            input: Vec::new(),
            since: now,
            output: Vec::new(),
            sent: 0,
            last: false,
        }
    }

    /// What to wait for. Nothing of a caller is read before its last request is answered.
    pub fn interest(&self) -> Interest {
        match self.doing {
            Doing::Asking => Interest::Read,
            Doing::Asked | Doing::Waiting { .. } => Interest::End,
            Doing::Taking => Interest::Write,
        }
    }

    /// When its patience with us, or ours with it, is over.
    pub fn deadline(&self) -> Option<Instant> {
        match self.doing {
            Doing::Asking if self.input.is_empty() => None,
            Doing::Asking => Some(self.since.after_ms(LINE_WITHIN_MS)),
            Doing::Asked => None,
            Doing::Waiting { until, .. } => Some(until),
            Doing::Taking => Some(self.since.after_ms(TAKEN_WITHIN_MS)),
        }
    }

    /// Since when it has had nothing to do; none while it has.
    pub fn idle_since(&self) -> Option<Instant> {
        (self.doing == Doing::Asking && self.input.is_empty()).then_some(self.since)
    }

    /// Something is to be read, can be written, or the other side is gone: which of these, its interest says.
    pub fn woken(&mut self, now: Instant) -> Next {
        match self.doing {
            Doing::Asking => self.read(now),
            Doing::Asked | Doing::Waiting { .. } => Next::Leave,
            Doing::Taking => self.write(now),
        }
    }

    /// Whether a whole line is there, or more than any request.
    pub fn has_line(&self) -> bool {
        self.doing == Doing::Asking && (self.input.contains(&b'\n') || self.input.len() > REQUEST_MAX_BYTES)
    }

    /// Takes the line. One that is too long is taken as far as it came; nothing is taken after it.
    pub fn take_line(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.has_line() {
            return None;
        }
        let end = self.input.iter().position(|byte| *byte == b'\n');
        self.last = end.is_none();
        let rest = self.input.split_off(end.map_or(self.input.len(), |end| end + 1));
        self.since = now;
        self.doing = Doing::Asked;
        Some(std::mem::replace(&mut self.input, rest))
    }

    /// Hands over the answer, as far as the caller takes it at once.
    pub fn answer(&mut self, answer: &Answer, now: Instant) -> Next {
        self.output = answer.to_line().into_bytes();
        self.sent = 0;
        self.since = now;
        self.doing = Doing::Taking;
        self.write(now)
    }

    /// The same to somebody who is not let in.
    pub fn turn_away(mut self, answer: &Answer, now: Instant) {
        self.last = true;
        // A fresh socket has room for it. When it has not, that is the answer.
        let _ = self.answer(answer, now);
    }

    /// What is kept of it.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.input.capacity() + self.output.capacity()
    }

    fn read(&mut self, now: Instant) -> Next {
        let mut buffer = [0; REQUEST_MAX_BYTES + 1];
        let room = buffer.len().saturating_sub(self.input.len());
        if room == 0 {
            return Next::Stay;
        }
        match self.stream.read(&mut buffer[..room]) {
            Ok(0) => Next::Leave,
            Ok(length) => {
                if self.input.is_empty() {
                    self.since = now;
                }
                self.input.extend_from_slice(&buffer[..length]);
                Next::Stay
            }
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Next::Stay,
            Err(_) => Next::Leave,
        }
    }

    fn write(&mut self, now: Instant) -> Next {
        while self.sent < self.output.len() {
            match self.stream.write(&self.output[self.sent..]) {
                Ok(length) => self.sent += length,
                Err(err) if err.kind() == ErrorKind::Interrupted => {}
                Err(err) if err.kind() == ErrorKind::WouldBlock => return Next::Stay,
                Err(_) => return Next::Leave,
            }
        }
        if self.last {
            return Next::Leave;
        }
        // The memory of a long answer goes with it.
        self.output = Vec::new();
        self.since = now;
        self.doing = Doing::Asking;
        Next::Stay
    }
}

impl AsFd for Caller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
