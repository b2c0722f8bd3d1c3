//! What can go wrong while signing.

use std::path::PathBuf;

use authenticode::{ImageFault, SignatureFault};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Of a key, a certificate or an enrolment file.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// Of a key, a certificate or an enrolment file.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// A folder that is not empty, yet has no db.crt.
    #[error("{dir} has no db.crt; `cargo xtask keys --dir DIR` makes keys in an empty folder", dir = dir.display())]
    NotKeys {
        /// The folder.
        dir: PathBuf,
    },
    /// A key that somebody else keeps.
    #[error("{dir} has neither {name}.key nor {name}.command", dir = dir.display())]
    NoSigner {
        /// The folder.
        dir: PathBuf,
        /// PK, KEK or db.
        name: &'static str,
    },
    /// The file is not PEM, or holds something else.
    #[error("{path} holds no {what}", path = path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// The text in `owner` is no GUID.
    #[error("{path} holds no GUID", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
    },
    /// Not an RSA key of 2048 bits or more.
    #[error("cannot use the key: {why}")]
    Key {
        /// What the crypto library says.
        why: String,
    },
    /// They are not a pair.
    #[error("the key is not that of the certificate {certificate:?}")]
    Pair {
        /// The certificate's common name.
        certificate: String,
    },
    /// No randomness, no memory.
    #[error("cannot make a key and its certificate")]
    Generate,
    /// The library refuses.
    #[error("cannot sign with the key file")]
    Sign,
    /// The command for an external key could not run.
    #[error("cannot run {command}")]
    Start {
        /// Program and arguments.
        command: String,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// The command for an external key says no.
    #[error("{command}: {status}; it said {stderr:?}")]
    Command {
        /// Program and arguments.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        stderr: String,
    },
    /// What came back is not a signature of the certificate's key over the message.
    #[error("what the signer returned is no signature by {certificate:?} (RSA, PKCS#1 v1.5, SHA-256)")]
    WrongSignature {
        /// The certificate's common name.
        certificate: String,
    },
    /// The certificate cannot be used for signing.
    #[error("cannot use the certificate")]
    Certificate(#[source] SignatureFault),
    /// The image cannot be signed.
    #[error("cannot sign the image")]
    Image(#[source] ImageFault),
    /// Something is too long for its place in a structure.
    #[error("cannot encode a signature")]
    Encode,
    /// No signature of the image is by the certificate and fits.
    #[error("image has no valid signature by {certificate:?}: {why}")]
    Unverified {
        /// The certificate's common name.
        certificate: String,
        /// What is wrong with the last one, or that there is none.
        why: &'static str,
    },
    /// No date, or none that the firmware's format can hold.
    #[error("not a time of the form 2026-11-20 or 2026-11-20T14:30:00: {text:?}")]
    Timestamp {
        /// As given.
        text: String,
    },
}
