//! The request to end, as every service hears it: SIGTERM, or SIGINT at a developer's terminal.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::signals::{self, Signals};

/// Readable once this process has been asked to end. It stays readable: nobody asks twice.
#[derive(Debug)]
pub struct Stop(Signals);

impl Stop {
    /// From now on the two signals end nothing by themselves. Call before starting threads, which inherit it.
    pub fn listen() -> io::Result<Self> {
        Signals::take(&[signals::TERM, signals::INT]).map(Self)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
