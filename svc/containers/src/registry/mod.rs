//! Registries, as clients see them (OCI distribution specification 1.1): manifests and blobs by name and
//! digest.
//!
//! Holds always: nothing is read without a bound ([`Limits`]); a password goes only to the endpoint it was
//! configured for and to the token service that endpoint names, never from https to http, and never along a
//! redirect. Left to others: what the bytes mean, and whether they have the digest they should (`image`).

mod auth;
mod challenge;
mod endpoint;
mod http;
mod session;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, endpoints};
pub use http::Http;
pub use session::Session;

/// Bounds on what a registry may make us take. A registry, or whoever sits between, is not trusted for size.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One manifest or index; the distribution specification asks clients for at least 4 MiB. Answers:
    /// endless manifest.
    pub manifest_bytes: usize,
    /// One image configuration. Answers: endless history or labels.
    pub config_bytes: usize,
    /// One answer of a token service.
    pub token_bytes: usize,
    /// Layers of one image; overlayfs itself ends at 500. Answers: an image that is all mounts.
    pub layers: usize,
    /// All compressed layers of one image. Answers: filling the data partition. Far above real images.
    pub image_bytes: u64,
    /// Redirects followed for one request. Answers: loops.
    pub redirects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            manifest_bytes: 4 << 20,
            config_bytes: 4 << 20,
            token_bytes: 64 << 10,
            layers: 256,
            image_bytes: 64 << 30,
            redirects: 5,
        }
    }
}

/// Something a registry did not give.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured endpoint is no URL we can use.
    #[error("endpoint {url} is not an http or https URL with a host")]
    BadUrl {
        /// As configured, or as redirected to.
        url: String,
    },
    /// The request did not come back.
    #[error("no answer from {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong on the way.
        #[source]
        err: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The body stopped half way.
    #[error("the answer of {url} broke off")]
    BrokenOff {
        /// What was asked.
        url: String,
        /// What went wrong on the way.
        #[source]
        err: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nothing came for too long.
    #[error("{url} stalled for {seconds} s")]
    Stalled {
        /// What was asked.
        url: String,
        /// How long we waited.
        seconds: u64,
    },
    /// The registry said no.
    #[error("{url} answered {status}")]
    Refused {
        /// What was asked.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// More came than we take.
    #[error("the answer of {url} is longer than {limit} bytes")]
    TooLong {
        /// What was asked.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// Redirected too often, or from https to http.
    #[error("{url} redirects where we do not follow")]
    BadRedirect {
        /// What was asked.
        url: String,
    },
    /// It wants a login that we do not have or do not understand.
    #[error("{url} wants a login that cannot be made: {why}")]
    Login {
        /// What was asked.
        url: String,
        /// What is missing.
        why: &'static str,
    },
}
