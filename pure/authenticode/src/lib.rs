//! Signatures of PE images as the firmware checks them (Microsoft's "Windows Authenticode Portable Executable Signature
//! Format", UEFI 2.10 section 32.2): what is hashed, what is attached, and what is written about it in DER.
//!
//! - [`Image`]: an image whose every byte its digest covers; the list of signatures behind it; attaching and detaching.
//! - [`Statement`]: what a signer says about a digest, as the bytes to be signed and then as the finished PKCS#7 message.
//!   [`detached`] is the same for data that is not in the message (authenticated variables).
//! - [`Signature`]: such a message, read: whose it is, over which digest, and which bytes were signed.
//! - [`Certificate`]: the few fields of an X.509 certificate that the above need.
//!
//! Holds always: whatever the bytes, nothing panics or takes more than linear time; the same inputs give the same bytes
//! (no time of signing, no randomness); an image that [`Image::parse`] accepts has no byte that neither the digest covers nor the
//! format excludes.
//! Keys and the RSA operation are not here: `tools/signing` has them for the build, the firmware for the machine.

#![no_std]
extern crate alloc;

mod certificate;
mod image;
mod oids;
mod read;
mod structures;
mod write;

pub use certificate::Certificate;
pub use image::{Digest, Image, ImageFault};
pub use read::{Signature, SignatureFault};
pub use write::{Statement, detached};
