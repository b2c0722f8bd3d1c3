//! Images: from a reference to a chain of snapshots and a configuration.
//!
//! Holds always: every byte that comes from a registry has the digest that the reference, or a manifest
//! already verified, gives it; an image's name is recorded only when all of its content is in the store, so
//! that an image that is there can be started without a network.

mod config;
mod manifest;
mod pull;
mod unpack;

pub use config::Config;
pub use pull::{Image, Puller};

use crate::{containerd, registry};

/// An image that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A registry did not give something.
    #[error("registry failed")]
    Registry(#[from] registry::Error),
    /// containerd did not do something.
    #[error("content store failed")]
    Store(#[from] containerd::Error),
    /// The registry served other bytes than the digest says.
    #[error("got content with digest {got}, expected {want}")]
    Digest {
        /// From the reference or the manifest.
        want: String,
        /// Of what came.
        got: String,
    },
    /// The bytes of a document are not what they should be.
    #[error("cannot read the image's {what}")]
    Document {
        /// Which.
        what: &'static str,
        /// Where it stops making sense.
        #[source]
        err: serde_json::Error,
    },
    /// The document is well-formed, but we cannot or will not use it.
    #[error("cannot use the image: {why}")]
    Unusable {
        /// Why.
        why: String,
    },
    /// Every endpoint failed; each was logged on its own.
    #[error("no endpoint of {endpoints} could give it")]
    Nowhere {
        /// How many there were.
        endpoints: usize,
        /// What the last one did.
        #[source]
        last: Option<Box<Error>>,
    },
}

fn unusable(why: impl Into<String>) -> Error {
    Error::Unusable { why: why.into() }
}

/// `sha256:` and the hex digits.
pub fn sha256(bytes: &[u8]) -> String {
    digest_text("sha256", aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

/// Checks bytes against a digest of either algorithm that references allow.
fn check_digest(want: &str, bytes: &[u8]) -> Result<(), Error> {
    let got = if want.starts_with("sha512:") {
        digest_text("sha512", aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, bytes).as_ref())
    } else {
        sha256(bytes)
    };
    if got == want { Ok(()) } else { Err(Error::Digest { want: want.to_owned(), got }) }
}

fn digest_text(algorithm: &str, digest: &[u8]) -> String {
    let mut text = format!("{algorithm}:");
    for byte in digest {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_of_another_digest_is_refused() {
        // printf abc | sha256sum; printf abc | sha512sum
        let sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        for digest in [sha256, sha512] {
            assert!(check_digest(digest, b"abc").is_ok());
            assert!(matches!(check_digest(digest, b"abd"), Err(Error::Digest { .. })));
        }
    }
}
