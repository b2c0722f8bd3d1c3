//! What runs on the host and when: units, their graph, and the machine that keeps them up.
//!
//! Nothing here acts. `bin/init` performs the machine's actions and feeds back what happened; the image builder compiles
//! unit files with [`source`] so that a set with an unknown name, a cycle or a senseless rule never reaches a host.
//!
//! - [`unit`]: one unit, resolved, and its rules' types
//! - [`set`]: a checked set of units and its stored form
//! - [`graph`]: who comes before whom
//! - [`machine`]: `step(event, now) -> actions`
//! - [`control`]: what is said over PID 1's control socket
//! - [`watchdog`]: when the hardware watchdog is fed
//! - [`source`]: unit files as written (feature `source`)

#![no_std]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![deny(clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic))]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod control;
pub mod graph;
pub mod machine;
pub mod set;
#[cfg(any(feature = "source", test))]
pub mod source;
pub mod time;
pub mod unit;
pub mod watchdog;

pub use machine::{Action, Event, Machine};
pub use set::{SetError, UnitSet};
#[cfg(any(feature = "source", test))]
pub use source::{Problem, compile};
pub use time::Instant;
pub use unit::{Unit, UnitId};
