//! Why the remote API is not there, or not as the settings want it.

use std::io;

use super::authority::MakeError;

/// What could not be done.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody has told this host the time yet.
    #[error(
        "the clock stands before 2026, and certificates made now would be valid at the wrong time: waiting for the time to be set"
    )]
    Clock,
    /// The folder of the host's own authority.
    #[error("the host's own authority of certificates cannot be used")]
    Keep(#[source] files::Error),
    /// The folder itself.
    #[error("the folder of the host's own authority cannot be made")]
    Folder(#[source] io::Error),
    /// What is in it.
    #[error(
        "{path} is not what this host wrote there; restore it, or remove the folder: then a new authority is made, and clients need new certificates"
    )]
    Kept {
        /// The file.
        path: String,
        /// Why.
        #[source]
        err: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A certificate of our own.
    #[error("no certificate could be made for the server")]
    Make(#[source] MakeError),
    /// A part of the settings.
    #[error("{key}: {why}")]
    Setting {
        /// Its key.
        key: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A part of the settings, in the words of the TLS library.
    #[error("{key} cannot be used")]
    Tls {
        /// Its key.
        key: &'static str,
        /// Why.
        #[source]
        err: rustls::Error,
    },
    /// The port.
    #[error("settings.api.port: cannot listen on TCP port {port}")]
    Listen {
        /// Its number.
        port: u16,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// There are too many.
    #[error("{most} certificates are valid already: revoke some, or wait until some expire")]
    Full {
        /// The limit.
        most: usize,
    },
}

impl RemoteError {
    /// Whether it goes away by itself, so that nobody's change is to blame.
    pub fn passes(&self) -> bool {
        matches!(self, RemoteError::Clock)
    }
}
