//! The console, for the lines of units that ask for it.
//!
//! A serial line is slow and may stand still; logs must not wait for it. Holds always: at most [`QUEUE_MAX`] bytes
//! wait, whole lines are dropped and counted beyond, and the count is shown once there is room.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// Some 20 seconds of a line at 115200 baud.
const QUEUE_MAX: usize = 256 * 1024;

/// The console and what waits for it.
#[derive(Debug)]
pub struct Console {
    device: File,
    queue: VecDeque<u8>,
    dropped: u64,
}

impl Console {
    /// Opens the kernel's console.
    pub fn open() -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(Self::on(File::from(rustix::fs::open("/dev/console", flags, Mode::empty())?)))
    }

    /// Writes to a device that is open without blocking.
    fn on(device: File) -> Self {
        Self { device, queue: VecDeque::new(), dropped: 0 }
    }

    /// Queues `unit: text`.
    pub fn push(&mut self, unit: &str, text: &str) {
        let line = format!("{unit}: {text}\n");
        if self.queue.len() + line.len() > QUEUE_MAX {
            self.dropped += 1;
            return;
        }
        self.queue.extend(line.as_bytes());
    }

    /// Whether anything waits.
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Writes what the device takes now. A device that fails loses what waits: the log has it.
    pub fn flush(&mut self) {
        while !self.queue.is_empty() {
            match self.device.write(self.queue.as_slices().0) {
                Ok(0) => break,
                Ok(length) => drop(self.queue.drain(..length)),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.queue.clear(),
            }
        }
        if self.queue.is_empty() && self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            self.push("logd", &format!("warn logd: console too slow lines_not_shown={dropped}"));
        }
    }
}

impl AsFd for Console {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Console, QUEUE_MAX};
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::OwnedFd;

    #[test]
    fn a_console_that_stands_still_costs_lines_not_memory() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let mut console = Console::on(File::from(OwnedFd::from(writer)));
        for number in 0..100_000 {
            console.push("web", &format!("line {number}"));
            console.flush();
        }
        assert!(console.queue.len() <= QUEUE_MAX);
        assert!(console.dropped > 0);
        let mut seen = Vec::new();
        let mut buffer = vec![0; 65536];
        while console.is_waiting() {
            let length = reader.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..length]);
            console.flush();
        }
        drop(console);
        reader.read_to_end(&mut seen).unwrap();
        let seen = String::from_utf8(seen).unwrap();
        assert!(seen.starts_with("web: line 0\nweb: line 1\n"));
        assert!(seen.lines().last().unwrap().contains("lines_not_shown="));
    }
}
