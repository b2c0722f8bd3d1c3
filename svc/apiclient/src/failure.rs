//! Why a command did not do what was asked, and the exit status that says so.
//!
//! Holds always: a status means one thing (docs/reference/apiclient.md lists them), and no message holds a secret value,
//! a password of a URL, or a control character from outside.

use std::path::PathBuf;

use crate::refusal::Refusal;
use crate::target::TargetError;
use crate::transport::{Answer, TransportError};

/// Exit statuses, one per thing that a script would do next.
pub mod status {
    /// Done.
    pub const DONE: u8 = 0;
    /// The server said no, and changed nothing.
    pub const REFUSED: u8 = 1;
    /// The command line or a source makes no sense; nothing was sent.
    pub const USAGE: u8 = 2;
    /// No answer: no server, no way to it, or no trust.
    pub const UNREACHABLE: u8 = 3;
    /// Another change came first, or the host is in another state than the request expects.
    pub const CONFLICT: u8 = 4;
    /// The change was committed, could not be applied, and was undone.
    pub const UNDONE: u8 = 5;
    /// The server failed, or answered what this program does not understand.
    pub const SERVER: u8 = 6;
    /// The audit log is not what was written.
    pub const TAMPERED: u8 = 7;
}

/// What stopped a command.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The target is not well named.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The request or its answer did not get through.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server said no, or failed.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// A source of settings cannot be used.
    #[error(transparent)]
    Source(#[from] crate::source::SourceError),
    /// An argument that only its command understands.
    #[error("{0}")]
    Usage(String),
    /// The host is in another state than the command expects.
    #[error("{0}")]
    Conflict(String),
    /// A stream that has no end ended.
    #[error("{0}")]
    Ended(String),
    /// Committed, but not all of it could be applied, and it stays.
    #[error(
        "generation {generation} is in effect, but not all of it is applied: {why}; mend the cause, then `apiclient apply --again`"
    )]
    Incomplete {
        /// The generation.
        generation: u64,
        /// What failed.
        why: String,
    },
    /// The answer is not what the API promises.
    #[error(
        "the server's answer to {asked} is not understood: {why}; does its version match this program's? `apiclient status` shows it"
    )]
    Answer {
        /// Method and path.
        asked: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that the command was given.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        err: std::io::Error,
    },
    /// A certificate whose key is lost.
    #[error("certificate {serial} was issued, and {} cannot be written; revoke it: apiclient certificates revoke {serial}", path.display())]
    Unwritten {
        /// Its number.
        serial: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        err: std::io::Error,
    },
    /// A log that was changed.
    #[error("{0}")]
    Tampered(String),
    /// No event loop: the kernel is out of something.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
    /// What was to be printed could not be.
    #[error("cannot write the output")]
    Output(#[source] std::io::Error),
}

impl Failure {
    /// An answer that is no success.
    pub(crate) fn refused(answer: Answer) -> Self {
        Self::Refused(Box::new(Refusal::new(answer)))
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Target(_)
            | Self::Source(_)
            | Self::Usage(_)
            | Self::File { .. }
            | Self::Unwritten { .. } => status::USAGE,
            // Files and names that no connection was tried with.
            Self::Transport(TransportError::Pem { .. } | TransportError::ServerName { .. }) => status::USAGE,
            Self::Transport(_) | Self::Ended(_) => status::UNREACHABLE,
            Self::Refused(refusal) => refusal.status(),
            Self::Conflict(_) => status::CONFLICT,
            Self::Incomplete { .. } | Self::Answer { .. } | Self::Runtime(_) | Self::Output(_) => {
                status::SERVER
            }
            Self::Tampered(_) => status::TAMPERED,
        }
    }
}
