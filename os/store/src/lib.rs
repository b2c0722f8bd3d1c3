//! Generations of settings on the STATE partition.
//!
//! One folder per form of the document (`1/`, `2/`, ..), in it one file per generation (docs/formats/settings-store.md). The
//! current generation is the one with the highest number that is whole. A release reads and writes the folder of its own
//! form, and leaves in each older folder that is there what an older release would make of the same settings.
//!
//! Holds always: at every instant, and whatever of its unflushed writes a power cut takes, the store is as it was before a
//! commit or as after it, whole; what [`Store::commit`] returned stays. A generation is never changed but by being confirmed, a number
//! never used again. Nothing but a prune removes one, and it never removes the current one nor what that would go back to.
//! Left to others: what settings mean (`settings`), the document and its migrations (`generation`), when to go back (`configure`,
//! `apiserver`).
#![warn(missing_docs)]

mod commit;
mod disk;
mod error;
mod folder;
mod gather;
mod prune;
mod shelf;
mod store;

pub use disk::Disk;
pub use error::{CommitError, LeaveError, Problem, ReadError, StoreError};
pub use folder::{Entry, Folder};
pub use generation::{Draft, Generation, Registry, Summary, Why};
pub use prune::{KEEP, Keep};
pub use store::{Opened, Store};
