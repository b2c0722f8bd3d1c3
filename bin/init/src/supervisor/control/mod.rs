//! The control socket: what root's programs ask of PID 1 (docs/formats/init-control.md).
//!
//! [`desk`] has the callers and their time, [`caller`] one connection's bytes, [`reply`] what an answer is made of.
//! Holds always: nobody makes PID 1 wait, and whoever asks too much, too slowly or without end costs a bounded amount of
//! memory and one turn of the loop at a time.

mod caller;
mod desk;
mod reply;
#[cfg(test)]
mod tests;

pub use desk::{Desk, LISTENER, is_caller};
pub use reply::{Reply, answer, reply};
