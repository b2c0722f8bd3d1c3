//! The image builder: Debian's packages, our binaries and `image/` in, `out/VARIANT/` out.
//!
//! Holds always: the same inputs give the same bytes (fixed times, owners, identifiers, orders); every file of the
//! root is named by a rule of the variant; what a package file holds is what the lock file's digest says. The modules
//! are steps, each cached by its inputs; [`build`] is their order. It leaves to others: the formats it writes
//! (`pure/pe`, `pure/partition`, `pure/verity`), the units' meaning (`pure/supervise`).

pub mod apt;
pub mod build;
pub mod cache;
pub mod command;
pub mod date;
pub mod defaults;
pub mod digest;
pub mod disk;
pub mod ext4;
pub mod fetch;
pub mod filesystem;
pub mod firmware;
pub mod initramfs;
pub mod kernel;
pub mod lints;
pub mod listing;
pub mod lock;
pub mod packages;
pub mod programs;
pub mod progress;
pub mod publish;
pub mod release;
pub mod renew;
pub mod root;
pub mod sbat;
pub mod sbom;
pub mod signed;
pub mod tools;
pub mod tree;
pub mod uki;
pub mod units;
pub mod variant;
