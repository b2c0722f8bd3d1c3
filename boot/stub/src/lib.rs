//! What the UKI stub decides, apart from the firmware: what its image holds, and what of it is measured.
//!
//! A UKI is one signed PE image: this stub, with the kernel, the initramfs and the kernel's command line as
//! sections appended. The firmware verifies all of it before the stub runs.
//!
//! Holds always: kernel, initramfs and command line come from the stub's own image in memory, which the firmware
//! has verified, and from nowhere else: no file, no variable, no load options, no second read of the disk.
//! Talking to the firmware is `main.rs` and `firmware/`; parsing is `pure/pe`.

#![no_std]
extern crate alloc;

pub mod measure;
pub mod payload;
