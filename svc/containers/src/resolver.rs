//! Follows the host's resolv.conf, so that containers that started before DHCP answered, or through a change
//! of network, find their name servers.

use std::io;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::thread;

use log::{info, warn};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};

use crate::names;

/// The thread only waits and copies a small file.
const STACK_BYTES: usize = 128 << 10;

/// Brings the containers' copies below `run` up to date whenever the one in `etc` is replaced, in a thread
/// that ends with the process.
pub fn start(etc: PathBuf, run: PathBuf) {
    let thread = thread::Builder::new().name("resolver".into()).stack_size(STACK_BYTES);
    let follow = move || {
        if let Err(err) = follow(&etc, &run) {
            warn!(why:% = err; "changes of resolv.conf not followed");
        }
    };
    if let Err(err) = thread.spawn(follow) {
        warn!(why:% = err; "changes of resolv.conf not followed");
    }
}

fn follow(etc: &Path, run: &Path) -> io::Result<()> {
    let watch = inotify::init(CreateFlags::CLOEXEC)?;
    // The directory, since a replaced file is another file.
    inotify::add_watch(&watch, etc, WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE)?;
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(&watch, &mut buffer);
    loop {
        let event = events.next()?;
        if event.file_name().is_none_or(|name| name.to_bytes() != b"resolv.conf") {
            continue;
        }
        let changed = names::refresh(run, etc);
        if changed > 0 {
            info!(containers = changed; "name servers changed");
        }
    }
}
