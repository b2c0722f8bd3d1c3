//! Putting records on the disk, soon and never in anybody's way: a thread of its own.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, Weak};

use super::files::Files;
use super::{Book, lock};

/// The thread's bell. It ends with it.
#[derive(Debug)]
pub struct Flush {
    bell: SyncSender<()>,
}

impl Flush {
    /// Starts the thread.
    pub fn start(book: &Arc<Mutex<Book>>) -> Self {
        let (bell, rings) = sync_channel(1);
        let book = Arc::downgrade(book);
        let started = std::thread::Builder::new().name("audit".into()).spawn(move || flush(&rings, &book));
        if let Err(err) = started {
            log::error!(why:% = err; "audit records reach the disk only when the kernel writes them");
        }
        Flush { bell }
    }

    /// Everything written so far shall be on the disk.
    pub fn soon(&self) {
        // It rings already: one flush does for all.
        let _ = self.bell.try_send(());
    }
}

fn flush(rings: &Receiver<()>, book: &Weak<Mutex<Book>>) {
    while rings.recv().is_ok() {
        let Some(book) = book.upgrade() else { return };
        // Writers go on while the disk works.
        let file = lock(&book).files.as_ref().and_then(Files::last);
        let flushed = file.map_or(Ok(()), |file| file.and_then(|file| file.sync_data()));
        if let Err(err) = flushed {
            log::error!(why:% = err; "audit records not on the disk");
        }
    }
}
