//! A mount namespace for one thread: mount_namespaces(7), unshare(2).
//!
//! Holds always: no other thread's mounts, root or current folder change.
#![allow(unsafe_code)]

use std::io;
use std::path::Path;

use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Runs `work` on a thread of its own, in a private copy of the mounts.
///
/// The thread may mount and chroot(2) as it likes; what it starts inherits that. All of it goes with the thread and the
/// last process it started.
pub fn within<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let inside = || -> io::Result<T> {
            // SAFETY: only FILES can hurt other threads; this thread was made for this call and ends with it.
            unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }?;
            // Hosts share their mounts by default, and ours would appear there.
            mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            Ok(work())
        };
        let thread = std::thread::Builder::new().name("mounts".into()).spawn_scoped(scope, inside)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Makes the tree at `from`, with all that is mounted in it, appear at `to` too.
pub fn bind(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::mount::mount_bind_recursive(from, to)?)
}
