//! What the two firmware programs share: what time it is, how errors and panics read, how lines get onto the console, how a
//! protocol is opened.
//!
//! Holds always: a program that panics resets the machine. A hang would never be counted; a reset is, for the try was
//! spent before. What needs the firmware is built for `x86_64-unknown-uefi` only; the rest has its tests on the host.

#![no_std]
extern crate alloc;

mod chain;
pub mod clock;

#[cfg(target_os = "uefi")]
mod console;
#[cfg(target_os = "uefi")]
mod image;
#[cfg(target_os = "uefi")]
mod panic;
#[cfg(target_os = "uefi")]
mod timing;

pub use chain::Chain;
#[cfg(target_os = "uefi")]
#[doc(hidden)]
pub use console::print_line;
#[cfg(target_os = "uefi")]
pub use image::{open, own_image};
#[cfg(target_os = "uefi")]
pub use panic::panicked;
#[cfg(target_os = "uefi")]
pub use timing::Clock;
