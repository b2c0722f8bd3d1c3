//! Which of the two sets boots next, and how a set earns that.
//!
//! Ground truth is the attribute field of each `BOOT` partition's GPT entry (UEFI 2.10, 5.3.3; our partition type, so
//! bits 48 to 63 are ours; docs/formats/gpt-attributes.md):
//!
//! ```text
//! 48-51 priority | 52-55 tries left | 56 successful | 57-58 failures      all other bits are kept as found
//! ```
//!
//! | state | priority | successful | tries | failures | boots |
//! |---|---|---|---|---|---|
//! | empty | 0 | no | 0 | any | no |
//! | staged | 0 | no | > 0 | any | no: written and read back, not armed |
//! | trial | > 0 | no | > 0 | any | yes, while tries last |
//! | exhausted | > 0 | no | 0 | any | no: a trial that nobody confirmed |
//! | parked | 0 | yes | any | any | no: nothing here parks a set, other tools may |
//! | confirmed | > 0 | yes | any | < 3 | yes |
//! | failing | > 0 | yes | any | 3 | yes, after every set that stands |
//!
//! Order: sets that stand (trial, confirmed) before failing ones; then the higher priority; then A.
//!
//! Holds always, and `tests/laws.rs` walks the whole attribute space of two sets to show it:
//! - If some set can boot before an operation, some set can boot after it. (An operation changes one table, and a cut
//!   leaves the old one or the new one: `partition`, `tests/power`.)
//! - A set is armed only with the [`Written`] proof, and only behind a confirmed running set.
//! - A set that may be the only good one is never cleared: not while the running set is unconfirmed, and not before
//!   the running set has said in this boot that it lives.
//! - Starts that nobody confirms end: a trial runs out, a confirmed set yields after three. While two sets can boot, neither
//!   is started for ever without the other having its turn.
//!
//! The boot manager, the host's `signpost` and `health`, and the image builder share this crate. Reading and writing
//! tables is left to `partition`, `os/block` and the boot manager; security versions and their floor, to the boot manager.

#![no_std]
extern crate alloc;

mod attributes;
mod choice;
mod disk;
mod refusal;
mod sets;
pub mod variables;
mod written;

pub use attributes::{Attributes, FAILURES_TO_LOSE_STANDING, State, TRIAL_TRIES};
pub use choice::{Choice, Why};
pub use disk::{BOOT_TYPE, MissingSet, NoSets, ROOT_TYPE};
pub use refusal::Refusal;
pub use sets::{Set, Sets};
pub use written::{Digest, Digests, Mismatch, Written};
