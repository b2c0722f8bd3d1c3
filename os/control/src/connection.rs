//! One connection: a line out, a line back, each within a deadline.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use supervise::control::{ANSWER_MAX_BYTES, Answer, Request};

use crate::ControlError;

#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    /// What came after the last answer's end: nothing, from an honest PID 1.
    read: Vec<u8>,
    /// An answer is missing, or half read: what comes next answers nothing that is asked later.
    broken: bool,
}

impl Connection {
    /// Connects within a deadline as well: a PID 1 that lets nobody in any more has a full queue before its door.
    pub fn open(path: &Path, within: Duration) -> Result<Self, ControlError> {
        let connect = || {
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
            set_socket_timeout(&socket, Timeout::Send, Some(within))?;
            rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
            Ok(UnixStream::from(socket))
        };
        match connect() {
            Ok(stream) => Ok(Self { stream, read: Vec::new(), broken: false }),
            Err(err) => Err(ControlError::Connect { path: path.to_owned(), err }),
        }
    }

    /// Sends the request and takes its answer.
    pub fn exchange(&mut self, request: &Request, within: Duration) -> Result<Answer, ControlError> {
        if std::mem::replace(&mut self.broken, true) {
            return Err(ControlError::Lost(io::ErrorKind::NotConnected.into()));
        }
        let until = Instant::now() + within;
        let line =
            self.send(request, until).and_then(|()| self.line(until)).map_err(|err| match err.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ControlError::NoAnswer { within },
                _ => ControlError::Lost(err),
            })?;
        let answer = Answer::from_line(&line).map_err(|what| ControlError::Answer { what })?;
        self.broken = false;
        Ok(answer)
    }

    fn send(&mut self, request: &Request, until: Instant) -> io::Result<()> {
        // A request is shorter than a socket's buffer: it is written whole, or PID 1 takes nothing any more.
        self.stream.set_write_timeout(Some(left(until)?))?;
        match self.stream.write_all(request.to_line().as_bytes()) {
            // A caller who is turned away finds the reason in what was sent to it.
            Err(err) if matches!(err.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Ok(())
            }
            other => other,
        }
    }

    fn line(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        let mut buffer = [0; 16 << 10];
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(end + 1);
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            if self.read.len() > ANSWER_MAX_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is too long"));
            }
            self.stream.set_read_timeout(Some(left(until)?))?;
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }
}

/// The time until then; none left is an error.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
