//! Why there is no answer.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use rustls::{AlertDescription, CertificateError};

/// Why there is no answer, and what would help.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The local socket.
    #[error("cannot reach the API server at {}{}", path.display(), socket_remedy(err))]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// The network.
    #[error("cannot reach {peer}")]
    Connect {
        /// The peer.
        peer: String,
        /// Why not.
        #[source]
        err: io::Error,
    },
    /// A PEM file.
    #[error("cannot use {}: {why}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, or with reading it.
        why: String,
    },
    /// The name of the peer is no name.
    #[error("{name:?} is neither a DNS name nor an address, so no certificate can be for it")]
    ServerName {
        /// What was given.
        name: String,
    },
    /// One side does not trust the other.
    #[error("no TLS connection to {peer}: {}", tls_remedy(err))]
    Tls {
        /// The peer.
        peer: String,
        /// What TLS says.
        #[source]
        err: rustls::Error,
    },
    /// Silence.
    #[error("{peer} did not {what} within {seconds} s{remedy}")]
    TimedOut {
        /// The peer.
        peer: String,
        /// What it should have done.
        what: &'static str,
        /// How long we waited.
        seconds: u64,
        /// What to do now.
        remedy: &'static str,
    },
    /// The connection ended in the middle.
    #[error("the connection to {peer} ended before the answer to {asked} was complete{}", lost_remedy(*changes))]
    Lost {
        /// The peer.
        peer: String,
        /// Method and path.
        asked: String,
        /// The request may have changed something.
        changes: bool,
        /// What happened.
        #[source]
        err: Box<dyn StdError + Send + Sync>,
    },
    /// An answer beyond reason.
    #[error("the answer of {peer} to {asked} is longer than {limit} bytes")]
    TooLong {
        /// The peer.
        peer: String,
        /// Method and path.
        asked: String,
        /// The limit.
        limit: usize,
    },
}

fn socket_remedy(err: &io::Error) -> &'static str {
    match err.kind() {
        io::ErrorKind::NotFound => {
            "; on a Gantry host the server makes this socket, from elsewhere name the host with --node HOST"
        }
        io::ErrorKind::PermissionDenied => "; only root and members of the group api (274) may",
        io::ErrorKind::ConnectionRefused => "; nobody listens there: the server is not running",
        _ => "",
    }
}

fn lost_remedy(changes: bool) -> &'static str {
    match changes {
        true => "; the change may have been made or not: `apiclient history` tells",
        false => "",
    }
}

fn tls_remedy(err: &rustls::Error) -> &'static str {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    match err {
        // Hosts that made their own authorities gave them the same name: then it is the signature that differs.
        InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the node's certificate is not from the authority in --ca; this is another host, or another authority's"
        }
        InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the node's certificate is for another name; give the one it has with --server-name NAME",
        InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the node's certificate has expired, or the clock here is wrong"
        }
        InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "the node's certificate is not valid yet; compare the clocks"
        }
        InvalidCertificate(_) => "the node's certificate cannot be believed",
        AlertReceived(AlertDescription::CertificateRequired) => "the node wants a client certificate",
        AlertReceived(AlertDescription::CertificateExpired) => {
            "the node says that our certificate has expired, or is not valid yet; get a new one, compare the clocks"
        }
        AlertReceived(AlertDescription::CertificateRevoked) => {
            "the node says that our certificate was revoked; get a new one"
        }
        AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::DecryptError,
        ) => "the node does not believe our certificate; its settings.api.client-ca must hold our authority",
        AlertReceived(AlertDescription::AccessDenied) => {
            "the node knows our certificate and gives it no access"
        }
        AlertReceived(AlertDescription::ProtocolVersion) | PeerIncompatible(_) => {
            "the other side does not speak TLS 1.3 as we do; is this a Gantry host's API port?"
        }
        InvalidMessage(_) => "what answers there does not speak TLS; is this the right port?",
        _ => "the handshake failed",
    }
}

/// What TLS has to do with an error that came through other layers. An [`io::Error`]'s own cause is behind `get_ref`.
pub fn tls_cause<'e>(err: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let mut at = Some(err);
    while let Some(err) = at {
        if let Some(tls) = err.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        if let Some(inner) = err.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return tls_cause(inner);
        }
        at = err.source();
    }
    None
}
