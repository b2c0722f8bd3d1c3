//! Files, read with a limit and replaced whole, and error chains in one line.
//!
//! Always holds: no read allocates more than its caller's limit allows, whatever the file says its size is; a
//! replaced file is the old one or the new one, whole, at every instant and after a power cut.
//! Left to others: which paths, which limits, who may read.
#![warn(missing_docs)]

mod chain;
mod read;
mod replace;
mod rolling;
mod stamp;

use std::io;
use std::path::PathBuf;

pub use chain::chain;
pub use read::{read, read_text};
pub use replace::{replace, sweep};
pub use rolling::{Rolling, RollingError, Rotation};
pub use stamp::Stamp;

/// A file that could not be read or replaced.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or a folder on its way could not be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// What was to be opened.
        path: PathBuf,
        /// Why the kernel refused.
        #[source]
        err: io::Error,
    },
    /// Reading stopped half way.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was being read.
        path: PathBuf,
        /// Why the kernel refused.
        #[source]
        err: io::Error,
    },
    /// The file holds more than the caller is ready to take.
    #[error("{} is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The caller's limit.
        limit: usize,
    },
    /// The file should be text and is not.
    #[error("{} is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where it stops being text.
        #[source]
        err: std::string::FromUtf8Error,
    },
    /// The path names no file in a folder (`/`, `..`).
    #[error("{} does not name a file", path.display())]
    NoName {
        /// The path as given.
        path: PathBuf,
    },
    /// The new content could not be written beside the old.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file being replaced.
        path: PathBuf,
        /// Why the kernel refused.
        #[source]
        err: io::Error,
    },
    /// The new content is on disk, but does not carry the name yet.
    #[error("cannot put the new {} in place", path.display())]
    Rename {
        /// The file being replaced.
        path: PathBuf,
        /// Why the kernel refused.
        #[source]
        err: io::Error,
    },
}

impl Error {
    /// Whether the file (or a folder on its way) simply is not there.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Open { err, .. } if err.kind() == io::ErrorKind::NotFound)
    }
}
