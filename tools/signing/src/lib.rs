//! Signing for Secure Boot: keys, images, the variables that enrol them, and what a TPM will have measured.
//!
//! - [`Signer`]: a certificate and something that signs with its key: a [`KeyFile`], or an [`External`] command (a token, a service).
//! - [`sign_image`] attaches a signature, [`verify_image`] checks one as the firmware would.
//! - [`Keys`]: a folder with the keys PK, KEK and db; [`Keys::ensure`] makes test keys once.
//! - [`variable`]: signature lists and authenticated variables (`.auth`), which enrol certificates in a firmware.
//! - [`pcrs`]: the TPM's registers 4 and 11 after a boot of given images.
//!
//! Holds always: what was signed verifies with the certificate that it names, for each signature is checked before it is used; the
//! same key and input give the same bytes. Private keys stay in files of mode 0600 or behind the command; nothing here prints or copies them.
//! The formats are `pure/authenticode`'s; see docs/formats/secure-boot.md.

mod error;
mod external;
mod generate;
mod image;
mod key_file;
mod keys;
pub mod pcrs;
mod pem;
mod signer;
pub mod variable;

pub use error::Error;
pub use external::External;
pub use image::{add_signature, sign_image, signers, verify_image};
pub use key_file::KeyFile;
pub use keys::{Keys, Name};
pub use pem::certificate as certificate_file;
pub use signer::Signer;
