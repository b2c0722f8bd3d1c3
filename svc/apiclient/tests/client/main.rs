//! The program, run in this process, against servers that say what a test wants said.
#![allow(clippy::unwrap_used)]

mod answers;
mod common;
mod tls;
