//! What can go wrong between us and the kernel.

use std::io;

/// A request that the kernel did not carry out, or a socket that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No socket could be had; `EPROTONOSUPPORT` means the kernel lacks the protocol.
    #[error("cannot open a netlink socket")]
    Open(#[source] io::Error),
    /// The request never left, or its answer never came.
    #[error("cannot {verb}: no exchange with the kernel")]
    Exchange {
        /// What was asked for.
        verb: &'static str,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The kernel said no.
    #[error("cannot {verb}{}{why}", if .why.is_empty() { "" } else { ": " })]
    Refused {
        /// What was asked for.
        verb: &'static str,
        /// The kernel's own words (extended acknowledgement), often empty.
        why: String,
        /// The error number.
        #[source]
        err: io::Error,
    },
    /// The kernel's answer is not in the form that its specification gives.
    #[error("cannot {verb}: the kernel's answer is malformed")]
    Malformed {
        /// What was asked for.
        verb: &'static str,
    },
    /// A name that the kernel could not hold (a zero byte, or too long).
    #[error("cannot {verb}: {name:?} is not a name the kernel takes")]
    Name {
        /// What was asked for.
        verb: &'static str,
        /// The name.
        name: String,
    },
}

impl Error {
    /// The error number with which the kernel refused, if it did.
    pub fn errno(&self) -> Option<rustix::io::Errno> {
        match self {
            Error::Refused { err, .. } => rustix::io::Errno::from_io_error(err),
            _ => None,
        }
    }

    /// The thing asked about does not exist.
    pub fn is_absent(&self) -> bool {
        use rustix::io::Errno;
        matches!(self.errno(), Some(Errno::NODEV | Errno::NOENT | Errno::SRCH | Errno::ADDRNOTAVAIL))
    }

    /// The thing asked for exists already.
    pub fn is_present(&self) -> bool {
        self.errno() == Some(rustix::io::Errno::EXIST)
    }
}
