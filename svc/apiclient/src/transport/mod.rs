//! Requests out, answers in: HTTP/1.1 over the local socket, or over TLS 1.3 to another host.
//!
//! Holds always: a node sees no byte of a request before its certificate is verified; every wait ends at a deadline; no answer takes more
//! memory than its limit. One connection per request: a command makes few, and a broken one spoils nothing else.

mod answer;
mod client;
mod error;
mod stream;
mod tls;
mod url;

pub use answer::{Answer, Streaming};
pub use client::{Ask, Client, Method};
pub use error::TransportError;
pub use url::Url;

pub(crate) use client::fetch;
