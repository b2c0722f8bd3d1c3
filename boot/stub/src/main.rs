//! The UKI stub: starts the kernel that is in its own image, with the initramfs and the command line beside it.
//!
//! Firmware program; `cargo xtask efi` builds it. It ignores load options always: the command line is what was
//! signed. When it cannot go on it returns an error to whoever started it (firmware or boot manager), which then
//! tries what is next; when it panics, the machine is reset.

#![cfg_attr(target_os = "uefi", no_std, no_main)]

#[cfg(target_os = "uefi")]
extern crate alloc;

#[cfg(target_os = "uefi")]
mod firmware;

#[cfg(not(target_os = "uefi"))]
fn main() {
    eprintln!("stub is a UEFI program: build it with `cargo xtask efi`");
    std::process::exit(64);
}
