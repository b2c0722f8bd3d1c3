//! The real program against the real server, in a folder that is a whole host.
#![allow(clippy::unwrap_used)]

mod host;
mod remote;
mod server;
