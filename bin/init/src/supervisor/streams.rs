//! Services' outputs on their way to logd.
//!
//! Each start of a service gets a pipe. PID 1 keeps the reading end until the pipe is empty and no writer is left, and
//! hands a copy to whichever logd runs: a logd that crashes, or starts late, loses nothing.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Pipes kept for a logd that does not run. Past this the oldest goes: a host whose logd is held must not run out of
/// descriptors because some unit restarts for days.
const KEPT_MAX: usize = 256;

#[derive(Debug)]
struct Stream {
    /// As logd wants it: `NAME\0console` or `NAME\0quiet`.
    label: Vec<u8>,
    pipe: OwnedFd,
    handed: bool,
}

/// All streams that may still carry something.
#[derive(Debug, Default)]
pub struct Streams {
    kept: Vec<Stream>,
    logd: Option<OwnedFd>,
}

impl Streams {
    /// Keeps the reading end of a new pipe.
    pub fn add(&mut self, unit: &str, console: bool, pipe: OwnedFd) {
        if self.kept.len() >= KEPT_MAX {
            self.kept.remove(0);
        }
        let flag = if console { "console" } else { "quiet" };
        self.kept.push(Stream { label: format!("{unit}\0{flag}").into_bytes(), pipe, handed: false });
    }

    /// A new logd listens at the other end of this socket: it gets everything.
    pub fn attach(&mut self, logd: OwnedFd) {
        self.detach();
        self.logd = Some(logd);
    }

    /// logd is gone.
    pub fn detach(&mut self) {
        self.logd = None;
        for stream in &mut self.kept {
            stream.handed = false;
        }
    }

    /// Hands over what was not yet. True when the socket is full: call again once it can be written.
    pub fn hand_over(&mut self) -> bool {
        let Some(logd) = &self.logd else { return false };
        for stream in self.kept.iter_mut().filter(|stream| !stream.handed) {
            match sys::channel::send(logd, &stream.label, stream.pipe.as_fd()) {
                Ok(()) => stream.handed = true,
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return true,
                // logd is ending; its exit is on its way to us.
                Err(_) => return false,
            }
        }
        false
    }

    /// Where [`Self::hand_over`] writes to.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.logd.as_ref().map(AsFd::as_fd)
    }

    /// Lets go of pipes that are empty and have no writer.
    pub fn prune(&mut self) {
        let mut polled: Vec<PollFd<'_>> =
            self.kept.iter().map(|stream| PollFd::new(&stream.pipe, PollFlags::IN)).collect();
        if poll(&mut polled, Some(&Timespec::default())).is_err() {
            return;
        }
        let over =
            |fd: &PollFd<'_>| fd.revents().contains(PollFlags::HUP) && !fd.revents().contains(PollFlags::IN);
        let mut keep: Vec<bool> = polled.iter().map(|fd| !over(fd)).collect();
        keep.reverse();
        self.kept.retain(|_| keep.pop().unwrap_or(true));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Write};

    use rustix::pipe::{PipeFlags, pipe_with};
    use sys::handed::{Received, receive};

    use super::*;

    fn taken(logd: &OwnedFd) -> Vec<(String, OwnedFd)> {
        let mut buffer = [0; 64];
        let mut taken = Vec::new();
        while let Ok(Received::Message(length, Some(fd))) = receive(logd, &mut buffer) {
            taken.push((String::from_utf8(buffer[..length].to_vec()).unwrap(), fd));
        }
        taken
    }

    #[test]
    fn a_second_logd_gets_every_stream_that_may_still_carry_something() {
        let mut streams = Streams::default();
        let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        streams.add("web", true, read);
        let (read, ended) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        streams.add("job", false, read);
        drop(ended);
        assert!(!streams.hand_over(), "nobody to hand to is nothing to wait for");

        let (ours, first) = sys::channel::pair().unwrap();
        streams.attach(ours);
        assert!(!streams.hand_over());
        let labels: Vec<String> = taken(&first).into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, ["web\0console", "job\0quiet"]);
        drop(first);

        streams.prune();
        streams.detach();
        File::from(write).write_all(b"last words").unwrap();
        let (ours, second) = sys::channel::pair().unwrap();
        streams.attach(ours);
        streams.hand_over();
        let mut again = taken(&second);
        assert_eq!(again.len(), 1);
        let mut text = String::new();
        File::from(again.remove(0).1).read_to_string(&mut text).unwrap();
        assert_eq!(text, "last words");
        streams.prune();
        assert!(streams.kept.is_empty());
    }
}
