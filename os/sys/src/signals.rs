//! Signals as readable events (signalfd(2)), children that ended (wait(2)), and signals to others (kill(2)).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::process::{Pid, WaitOptions};

/// A child ended.
pub const CHLD: i32 = libc::SIGCHLD;
/// Hang up; for a service, to take its files again.
pub const HUP: i32 = libc::SIGHUP;
/// Interrupt; for PID 1, Ctrl-Alt-Del.
pub const INT: i32 = libc::SIGINT;
/// Terminate.
pub const TERM: i32 = libc::SIGTERM;
/// Kill.
pub const KILL: i32 = libc::SIGKILL;

/// A set of signals that are read instead of delivered.
#[derive(Debug)]
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks these signals for this thread (call it before making others) and makes them readable.
    pub fn take(numbers: &[i32]) -> io::Result<Self> {
        // SAFETY: the set is initialised by sigemptyset before anything reads it; signalfd gives a new descriptor that
        // nobody else owns, or -1.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for number in numbers {
                if libc::sigaddset(&raw mut set, *number) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            if libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) < 0 {
                return Err(io::Error::last_os_error());
            }
            match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(Self(OwnedFd::from_raw_fd(fd))),
            }
        }
    }

    /// The next signal that came, if any.
    pub fn next(&self) -> Option<i32> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        let length = rustix::io::read(&self.0, &mut info).ok()?;
        // The number is the structure's first field.
        let number = info.first_chunk::<4>().filter(|_| length == info.len())?;
        i32::try_from(u32::from_ne_bytes(*number)).ok()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The number of the real-time signal `offset` above the first that the C library leaves free.
pub fn real_time(offset: i32) -> i32 {
    libc::SIGRTMIN() + offset
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What waiting for children found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaped {
    /// This child is gone; its number may be used again from now on.
    Child(Pid, Ended),
    /// There are children, all running.
    Running,
    /// There are no children.
    None,
}

/// Takes one ended child, ours or an orphan that came to us, without waiting.
pub fn reap() -> Reaped {
    match rustix::process::wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => {
            let ended = match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Ended::Code(code),
                (None, Some(signal)) => Ended::Signal(signal),
                (None, None) => return Reaped::Running,
            };
            Reaped::Child(pid, ended)
        }
        Ok(None) => Reaped::Running,
        Err(_) => Reaped::None,
    }
}

/// Sends a signal to a child that was not reaped yet: until then its number is nobody else's.
pub fn send(pid: Pid, number: i32) -> io::Result<()> {
    // SAFETY: kill touches no memory; any number and process id is a valid question.
    match unsafe { libc::kill(pid.as_raw_pid(), number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to every process but the caller and PID 1. Only PID 1 has a use for it.
pub fn send_to_all(number: i32) -> io::Result<()> {
    if std::process::id() != 1 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // SAFETY: as in `send`.
    match unsafe { libc::kill(-1, number) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
