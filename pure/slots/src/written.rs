//! Proof that a set holds what it should.

use core::fmt;

use crate::sets::Set;

/// SHA-256 of an image, or the root hash of a verity tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Digests of both images of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digests {
    /// Of the UKI in the `BOOT` partition.
    pub uki: Digest,
    /// Of the `ROOT` partition's contents: its root hash will do, for a tree that was checked whole.
    pub root: Digest,
}

/// An image of a set reads back as something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("set {set}: {image} reads back as {got}, expected {want}; write the set anew")]
pub struct Mismatch {
    /// The set.
    pub set: Set,
    /// `UKI` or `root`.
    pub image: &'static str,
    /// What it should be.
    pub want: Digest,
    /// What is on the disk.
    pub got: Digest,
}

/// Proof that a set was read back after it was written and flushed, and holds what it should. Only the comparison makes
/// one. It speaks of the moment of reading: whoever writes to the set afterwards must throw it away.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the proof is what `mark_valid` and `arm` ask for"]
pub struct Written {
    set: Set,
}

impl Written {
    /// Compares. `read_back` must come from the disk itself, past every cache; `want`, from what was to be written (or, for
    /// a set found on the disk, from its own signature and its UKI's command line).
    pub fn prove(set: Set, want: &Digests, read_back: &Digests) -> Result<Self, Mismatch> {
        for (image, want, got) in [("UKI", want.uki, read_back.uki), ("root", want.root, read_back.root)] {
            if want != got {
                return Err(Mismatch { set, image, want, got });
            }
        }
        Ok(Self { set })
    }

    /// The set that it is about.
    pub fn set(&self) -> Set {
        self.set
    }
}
