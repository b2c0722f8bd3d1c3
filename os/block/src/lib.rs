//! Disks and their partition tables: found, read, and changed in the order that keeps them whole.
//!
//! [`device`] opens a disk or an image of one, [`table`] reads its table and performs
//! [`partition::Edits`], [`edit`] does so on a disk that others edit, too. [`scan`] finds disks and partitions the way the
//! kernel names them, [`running`] those under the root.
//!
//! Holds always: nothing is written but by [`table::perform`], step by step, and a step that fails stops the rest.
//! What a table means, and which changes are safe, is decided in `pure/partition`; telling the kernel about
//! a partition's new size is `os/sys`.

pub mod device;
pub mod edit;
pub mod running;
pub mod scan;
pub mod table;

pub use device::{Access, Device, Disk};
pub use edit::{EditError, Edited, Locked, edit};
pub use running::{Running, RunningError, running};
pub use scan::{Host, KernelPartition, Located, WholeDisk};
