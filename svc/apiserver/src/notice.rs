//! Being told when files change: inotify(7), as something to wait for.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Room for a burst of names; what does not fit comes with the next read.
const BYTES: usize = 4096;

/// Files that are watched.
pub struct Notice {
    queue: AsyncFd<OwnedFd>,
}

impl Notice {
    fn of(queue: OwnedFd) -> io::Result<Self> {
        #[expect(deprecated, reason = "sound for an OwnedFd, which nothing else closes or replaces")]
        let queue = AsyncFd::new(queue)?;
        Ok(Notice { queue })
    }

    /// Of names put into a folder, and of what is written to its files.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&queue, folder, WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
        Notice::of(queue)
    }

    /// Of names put into the folders of the store: a generation gets its name when it is whole.
    pub fn of_store(store: &Path) -> io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let own = store.join(generation::SCHEMA.to_string());
        // The first commit makes it; made here, there is nothing to miss.
        std::fs::create_dir_all(&own)?;
        inotify::add_watch(&queue, &own, flags)?;
        Notice::of(queue)
    }

    /// Waits until something changed since the last call.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.queue.readable().await?;
            let drained = ready.try_io(|queue| drain(queue.get_ref()));
            match drained {
                Ok(Ok(true)) => return Ok(()),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(err)) => return Err(err),
            }
        }
    }
}

/// Takes every event there is. False, or "would block": there was none.
fn drain(queue: &OwnedFd) -> io::Result<bool> {
    let mut buffer = [MaybeUninit::<u8>::uninit(); BYTES];
    let mut reader = Reader::new(queue, &mut buffer);
    let mut any = false;
    loop {
        match reader.next() {
            Ok(_) => any = true,
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if any => return Ok(true),
            Err(err) => return Err(err.into()),
        }
    }
}
