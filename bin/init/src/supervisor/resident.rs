//! PID 1 stays in memory: a root that rots, or a disk that is gone, must not keep it from restarting the machine.
//!
//! A page of it that cannot be read when it is needed is a SIGBUS, which ends PID 1 and so the machine (the kernel panics);
//! locked, it goes on, ends units in order, and takes `health`'s request for a restart. Costs: docs/decisions/0014-watchdog.md.

use std::thread;

use rustix::mm::{MlockAllFlags, mlockall};
use sys::kmsg::{Level, Writer};

/// The thread makes one system call.
const STACK_BYTES: usize = 64 << 10;

/// Begins to read all of this program and to keep it, and what it maps later. In a thread: the first unit waits for nothing
/// of it. Failing costs the assurance only.
pub fn start() {
    let _ = thread::Builder::new().name("resident".into()).stack_size(STACK_BYTES).spawn(|| {
        if let Err(err) = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)
            && let Ok(log) = Writer::open()
        {
            log.write(Level::Warning, "init", &format_args!("cannot stay in memory why=\"{err}\""));
        }
    });
}
