//! The services' outputs: who writes, and the line each is in the middle of.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};

use crate::line::Splitter;

/// More than a host has units and restarts at one time; what comes beyond is refused, so that whoever starts services
/// in a loop cannot exhaust descriptors.
const STREAMS_MAX: usize = 512;
/// Longest unit name taken over.
const NAME_MAX: usize = 128;

/// One service's output, from its start to its end.
#[derive(Debug)]
pub struct Stream {
    /// The unit's name.
    pub unit: String,
    /// Whether its lines go to the console as well.
    pub console: bool,
    pipe: OwnedFd,
    splitter: Splitter,
}

/// Why a stream was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandOverError {
    /// Not `NAME\0console` or `NAME\0quiet`.
    #[error("message is not a unit name and a flag")]
    Form,
    /// No descriptor came with it.
    #[error("no descriptor came with unit {unit}")]
    NoPipe {
        /// Whose.
        unit: String,
    },
    /// Too many at one time.
    #[error("unit {unit} is one stream too many")]
    TooMany {
        /// Whose.
        unit: String,
    },
}

/// What one read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes; there may be more.
    Some,
    /// Nothing for now.
    Nothing,
    /// The last writer is gone, or the pipe is broken.
    Ended,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Streams(Vec<Stream>);

impl Streams {
    /// Takes over the pipe that came with `message`.
    pub fn add(&mut self, message: &[u8], pipe: Option<OwnedFd>) -> Result<(), HandOverError> {
        let (unit, console) = parse(message).ok_or(HandOverError::Form)?;
        let unit = unit.to_owned();
        let Some(pipe) = pipe else { return Err(HandOverError::NoPipe { unit }) };
        if self.0.len() >= STREAMS_MAX {
            return Err(HandOverError::TooMany { unit });
        }
        self.0.push(Stream { unit, console, pipe, splitter: Splitter::default() });
        Ok(())
    }

    /// Their pipes, in an order that [`Streams::get_mut`] knows until one is removed.
    pub fn pipes(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(|stream| stream.pipe.as_fd())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The one at this place.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Stream> {
        self.0.get_mut(index)
    }

    /// Forgets those that have ended.
    pub fn remove(&mut self, ended: &[usize]) {
        let mut index = 0;
        self.0.retain(|_| {
            index += 1;
            !ended.contains(&(index - 1))
        });
    }
}

impl Stream {
    /// Reads once, if there is anything to read, and calls `emit` with unit, console flag and each finished line.
    pub fn read(&mut self, buffer: &mut [u8], emit: &mut impl FnMut(&str, bool, &str)) -> io::Result<Read> {
        // The pipe's other holders decide whether it blocks, so ask before reading.
        let mut ready = [PollFd::new(&self.pipe, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| rustix::event::poll(&mut ready, Some(&Timespec::default())))? == 0 {
            return Ok(Read::Nothing);
        }
        let (unit, console) = (&self.unit, self.console);
        let mut line = |text: &str| emit(unit, console, text);
        match rustix::io::read(&self.pipe, &mut *buffer) {
            Ok(0) => {
                self.splitter.end(&mut line);
                Ok(Read::Ended)
            }
            Ok(length) => {
                self.splitter.feed(&buffer[..length], &mut line);
                Ok(Read::Some)
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Read::Nothing),
            Err(err) => {
                self.splitter.end(&mut line);
                Err(err.into())
            }
        }
    }

    /// The unfinished line, when nothing more will come.
    pub fn end(&mut self, emit: &mut impl FnMut(&str, bool, &str)) {
        let (unit, console) = (&self.unit, self.console);
        self.splitter.end(&mut |text| emit(unit, console, text));
    }
}

/// Unit and console flag.
fn parse(message: &[u8]) -> Option<(&str, bool)> {
    let (unit, flag) = str::from_utf8(message).ok()?.split_once('\0')?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.@/".contains(letter);
    if unit.is_empty() || unit.len() > NAME_MAX || !unit.chars().all(plain) {
        return None;
    }
    match flag.trim_end_matches('\0') {
        "console" => Some((unit, true)),
        "quiet" => Some((unit, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{HandOverError, Read, Streams, parse};
    use std::io::{Write, pipe};
    use std::os::fd::OwnedFd;

    #[test]
    fn hand_over_messages_are_name_and_flag() {
        assert_eq!(parse(b"netd\0console"), Some(("netd", true)));
        assert_eq!(parse(b"netd\0quiet\0"), Some(("netd", false)));
        for bad in [&b"netd"[..], b"\0quiet", b"a b\0quiet", b"netd\0loud", b"\xff\0quiet", &[b'a'; 200]] {
            assert_eq!(parse(bad), None);
        }
        let mut streams = Streams::default();
        assert_eq!(streams.add(b"netd\0quiet", None), Err(HandOverError::NoPipe { unit: "netd".into() }));
    }

    #[test]
    fn a_stream_is_read_until_its_writer_is_gone() {
        let (reader, mut writer) = pipe().unwrap();
        let mut streams = Streams::default();
        streams.add(b"web\0console", Some(OwnedFd::from(reader))).unwrap();
        let mut lines = Vec::new();
        let mut read = |streams: &mut Streams| {
            let mut emit = |unit: &str, console, text: &str| lines.push(format!("{unit} {console} {text}"));
            streams.get_mut(0).unwrap().read(&mut [0; 64], &mut emit).unwrap()
        };
        assert_eq!(read(&mut streams), Read::Nothing);
        writer.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut streams), Read::Some);
        drop(writer);
        assert_eq!(read(&mut streams), Read::Ended);
        streams.remove(&[0]);
        assert_eq!(streams.count(), 0);
        assert_eq!(lines, ["web true one", "web true tw"]);
    }
}
