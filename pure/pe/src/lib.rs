//! PE32+ images (Microsoft's PE/COFF specification), as far as booting needs them.
//!
//! - [`Headers`]: the checked headers of an image: its sections in a file and in memory, how long the file is.
//! - [`append`]: a UKI is a stub with sections appended; [`without_signature`] drops what a signer attached.
//! - [`Kernel`]: how to lay a Linux kernel out in memory and where to enter it, for a stub that starts it
//!   without the firmware's loader.
//! - [`uki`]: what a UKI says about itself: its version, command line, kernel and security version.
//!
//! Holds always: whatever the bytes, nothing panics, reads outside them, or takes more than linear time; and an
//! offset that a method returns lies inside the slice that it was given. Everything runs without allocation
//! but for the functions that make a new image.
//! Signatures are neither checked nor made here: the firmware checks, the image builder's signer makes.

#![no_std]
extern crate alloc;

mod append;
mod headers;
mod kernel;
pub mod uki;

pub use append::{AppendError, NewSection, append, without_signature};
pub use headers::{Fault, Headers, Section, SignatureFields};
pub use kernel::{Kernel, KernelFault};
