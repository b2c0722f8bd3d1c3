//! What a process cost by the time it ended: wait4(2), getrusage(2).
//!
//! Counts the process and all its descendants that were waited for in turn; one that was left to another parent is that
//! parent's to count.
#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

pub use rustix::process::Pid;
use rustix::process::{getpid, set_child_subreaper};

/// An ended process.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// User and system CPU time.
    pub cpu: Duration,
}

/// Makes orphans among our descendants our children, to be waited for here.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Waits for the end of our child `pid`. A [`std::process::Child`] with that id must not be waited for any more.
pub fn wait(pid: Pid) -> io::Result<Ended> {
    loop {
        match wait4(pid.as_raw_nonzero().get(), 0) {
            Ok(Some(ended)) => return Ok(ended),
            Ok(None) => {}
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}

/// Takes a child that has ended, whichever; `None` when none has. Only for a program that has no other children.
pub fn take() -> io::Result<Option<Ended>> {
    match wait4(-1, libc::WNOHANG) {
        Err(err) if err.raw_os_error() == Some(libc::ECHILD) => Ok(None),
        answer => answer,
    }
}

fn wait4(pid: libc::pid_t, options: libc::c_int) -> io::Result<Option<Ended>> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to locals of the types that wait4(2) writes.
    let got = unsafe { libc::wait4(pid, &raw mut status, options, usage.as_mut_ptr()) };
    match got {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        _ => {
            // SAFETY: plain numbers, for which zeroes are a value too.
            let usage = unsafe { usage.assume_init() };
            let cpu = duration(usage.ru_utime) + duration(usage.ru_stime);
            Ok(Some(Ended { status: ExitStatus::from_raw(status), cpu }))
        }
    }
}

/// The kernel's are never negative.
fn duration(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_busy_childs_time_and_exit_code_are_seen() {
        let busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3";
        let pid = Pid::from_child(&Command::new("sh").args(["-c", busy]).spawn().unwrap());
        let ended = wait(pid).unwrap();
        assert_eq!(ended.status.code(), Some(3));
        assert!(ended.cpu > Duration::ZERO);
        assert!(wait(pid).is_err(), "it can be waited for once");
    }
}
