//! The boot manager: the first of our programs that runs.
//!
//! Firmware program; `cargo xtask image` builds it and puts it on the ESP twice. What it decides is the library; this
//! program gives the library the firmware's disk, loader, variables and console.

#![cfg_attr(target_os = "uefi", no_std, no_main)]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod firmware;

#[cfg(not(target_os = "uefi"))]
fn main() {
    eprintln!("bootmgr is a UEFI program: `cargo xtask image` builds it");
    std::process::exit(64);
}
