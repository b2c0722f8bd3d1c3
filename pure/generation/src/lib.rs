//! One committed version of a host's settings: its form on disk, and how forms of other releases become it.
//!
//! Three forms. [`Generation`] is what the host works with: typed, every value with its layer and the time it was written.
//! [`Document`] is what is stored: plain values by path, which is what migrations change. Bytes are a document in JSON behind
//! its checksum (docs/formats/settings-store.md).
//!
//! Holds always: `from_bytes(to_bytes(g)) = g`; bytes that are not exactly what was written are refused; a migration is a
//! pure function on a copy, and what an older form cannot express is not lost by a way there and back ([`join()`]).
//! Left to others: files, locks and power cuts (`os/store`), what a value means (`settings`).
#![no_std]
extern crate alloc;

mod document;
mod draft;
mod escape;
pub mod join;
mod leaves;
pub mod migrate;
mod nest;
mod summary;
mod why;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use settings::Layer;
use settings::layers::Layers;

pub use document::{Document, Rotten, Unwritable};
pub use draft::Draft;
pub use join::join;
pub use leaves::{Contents, Leaf, Leaves, Path};
pub use migrate::{Migration, Registry};
pub use summary::Summary;
pub use why::Why;

/// The form that this release writes. A new key needs no new form (an older release names it as unknown, and keeps it); one
/// that is renamed, or holds something else, does.
pub const SCHEMA: u32 = 1;

/// The longest document that is written or read. A change through the API is at most 1 MiB, a source of user data too; ten
/// thousand keys take about 600 KiB. Answers a store that fills STATE, and a document made to exhaust memory.
pub const MAX_BYTES: usize = 4 << 20;

/// One committed version of a host's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Generation {
    /// Counts up from 1; never used twice on a host.
    pub number: u64,
    /// When it was committed, by the host's clock, in seconds since 1970.
    pub unix_s: u64,
    /// Who asked for it, as the audit log names callers.
    pub by: String,
    /// What it was committed for.
    pub why: Why,
    /// The release that wrote it.
    pub release: String,
    /// Undone unless it is confirmed within so many seconds; `None`: it stands.
    pub provisional: Option<u32>,
    /// What each layer says. The image's own is not part of it: it follows the image.
    pub layers: Layers,
    /// What each source of user data said last: SHA-256 of its bytes, in hexadecimal.
    pub user_data: BTreeMap<Layer, String>,
}

impl Generation {
    /// The bytes of its file, in the form of this release.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Unwritable> {
        Document::of(self, SCHEMA).to_bytes()
    }

    /// The generation that a file of this release's form holds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Rotten> {
        Document::from_bytes(bytes, SCHEMA)?.into_generation()
    }
}
