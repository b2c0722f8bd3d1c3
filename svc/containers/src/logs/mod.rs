//! What containers write: read from named pipes, kept in a file per container, shown on our own output.
//!
//! The shim holds both ends of the pipes, so nothing is lost while this service restarts: the pipe keeps what
//! fits and then makes the container wait. When the container has ended and the shim has closed its ends,
//! [`Pump::drained`] returns after the last line is in the file.

mod lines;
mod mirror;
mod pump;

pub use mirror::Mirror;
pub use pump::{Pump, PumpError};
