//! Why the service cannot begin, or go on.

use std::io;
use std::path::PathBuf;

/// What the service as a whole failed at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel gave us no event queue.
    #[error("cannot set up the event loop")]
    Runtime(#[source] io::Error),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The socket cannot be made.
    #[error("cannot listen on {}", path.display())]
    Listen {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

impl Error {
    /// Trying again with the same files would fail again.
    pub fn is_configuration(&self) -> bool {
        false
    }
}
