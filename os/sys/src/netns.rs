//! Network namespaces with a name: network_namespaces(7), setns(2), unshare(2).
//!
//! A name is a file that `/proc/thread-self/ns/net` is bind-mounted on, as iproute2 does it: the namespace lives as long
//! as the mount, whether or not a process is in it. Holds always: no thread that existed before a call changes its
//! namespace; everything that must happen inside one happens on a thread made for it. Which names exist, and when they
//! go, is the caller's.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::fstatfs;
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// What statfs says of a namespace file (linux/magic.h, `NSFS_MAGIC`).
const NSFS_MAGIC: u64 = 0x6e73_6673;

/// Makes an empty network namespace and names it `path`, which must not exist. Its directory must.
///
/// When this fails nothing is left at `path`.
pub fn create(path: &Path) -> io::Result<OwnedFd> {
    OpenOptions::new().write(true).create_new(true).mode(0o444).open(path)?;
    let made = on_own_thread(|| {
        // SAFETY: only FILES can hurt other threads; this thread was made for this call and ends with it.
        unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
        mount_bind("/proc/thread-self/ns/net", path)?;
        Ok(())
    })
    .and_then(|()| File::open(path));
    if made.is_err() {
        let _ = std::fs::remove_file(path);
    }
    made.map(OwnedFd::from)
}

/// Opens the namespace named `path`; `None` when nothing is there, or only the file that a mount was once on.
pub fn open(path: &Path) -> io::Result<Option<OwnedFd>> {
    match File::open(path) {
        Ok(file) => Ok((fstatfs(&file)?.f_type as u64 == NSFS_MAGIC).then(|| file.into())),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err),
    }
}

/// Takes the name away. The namespace itself ends with the last process in it.
pub fn remove(path: &Path) -> io::Result<()> {
    match unmount(path, UnmountFlags::DETACH) {
        // Not a mount: a name half made before a crash.
        Ok(()) | Err(rustix::io::Errno::INVAL) => {}
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        Err(err) => return Err(err.into()),
    }
    std::fs::remove_file(path)
}

/// Runs `work` inside `netns`, on a thread of its own. Sockets opened there stay in that namespace, and may be
/// returned and used from any other.
pub fn within<T: Send>(netns: impl AsFd, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    let netns = netns.as_fd();
    on_own_thread(move || {
        move_into_link_name_space(netns, Some(LinkNameSpaceType::Network))?;
        Ok(work())
    })
}

fn on_own_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".into()).spawn_scoped(scope, work)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
