//! GUID partition tables (UEFI 2.10, chapter 5): read, checked, built, grown and edited.
//!
//! Nothing here touches a disk. A reader hands in sectors and gets a [`Table`] or the reason why not; a change
//! is a new `Table` plus [`Edits`], the ordered sector writes and flushes that make the disk say so.
//!
//! Holds always:
//! - A [`Table`] is valid: both of its copies and all of its partitions lie on the disk, apart from each other.
//! - Performed in order, with a power cut after any sector (and with writes between two flushes surviving in
//!   any combination), [`Edits`] leave the old table or the new one readable, whole, in at least one copy, and in a place
//!   where firmware looks for it (`tests/power`).
//! - Entries that we do not change keep every byte, attributes included.
//!
//! ```text
//! sector 0       protective MBR
//!        1       primary header         (copy: header + entries, each with a CRC-32)
//!        2..     primary entries
//!        ..      partitions, on 1 MiB boundaries
//!        ..      backup entries
//!        last    backup header
//! ```
//!
//! On-disk structures and GUIDs are those of `gpt_disk_types`; checks, order of writes and growth are ours.
//! Opening and flushing real disks is left to `os/block` and the boot manager; what attribute bits mean, to
//! their users.

#![no_std]
extern crate alloc;

mod copy;
mod edits;
mod geometry;
mod load;
mod plan;
mod table;

pub use copy::{Copy, Fault};
pub use edits::{Edit, Edits};
pub use geometry::{Geometry, GeometryError, SectorSize};
pub use gpt_disk_types::{Guid, guid};
pub use load::{Copies, LoadError, Loaded, Sectors, load};
pub use plan::{PlanError, PlannedPartition, Size, build};
pub use table::{GrowError, Partition, Table, TableError};
