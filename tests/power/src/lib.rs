//! Machines that lose their power: a disk with a volatile cache, the firmware's own repairs, and the real boot manager.
//!
//! A [`campaign`] runs some piece of work on a simulated [`Disk`] once for each of its writes and flushes, cutting the power there.
//! What a cut leaves is not one disk but many ([`fates`]). On each of them the firmware does what firmware does ([`firmware`]),
//! then `bootmgr::run`, the program that runs on real machines, must start a set with an intact image; and the power
//! may fail again while they do.
//!
//! The settings store runs on a [`folder`] that forgets what was not flushed, with a fault model of its own.
//!
//! # Fault model of the disk
//!
//! - Of the writes since the last flush, any subset of sectors survives, whatever their order; a sector written twice may
//!   hold either.
//! - A sector being written may be torn: new before a point and old behind it, the other way round, or garbage throughout. So
//!   may one whose new bytes are its old ones.
//! - What was flushed stays. A reset without a cut keeps the cache; a write reaches no sector but its own.
//!
//! Outside the model: a drive whose flush lies, damage to sectors that nobody writes, and drives of 512-byte sectors that lose a
//! whole physical sector of 4096 bytes (the MBR, the primary header and its first entries share one: firmware finds no
//! table then, whatever we do).

pub mod campaign;
pub mod careless;
mod disk;
pub mod fates;
pub mod firmware;
pub mod folder;
mod image;
mod layout;
mod machine;

pub use disk::{Disk, Off};
pub use layout::{BOTH_SIZES, gib, grown_disk, installed, numbered, plan, table_of};
pub use machine::{Images, boot};
