//! The server as its callers see it: over its real socket, on a host that is a folder, with a PID 1 that is a thread.
#![allow(clippy::unwrap_used)]

mod bottlerocket;
mod changes;
mod confirm;
mod follow;
mod generations;
mod hostile;
mod http;
mod init;
mod many;
mod read;
mod remote;
mod server;
