//! Spaces to walk, and proofs.

#![allow(dead_code, clippy::unwrap_used)]

use slots::{Attributes, Digest, Digests, Set, Sets, Written};

/// All 2,048.
pub fn every_attributes() -> impl Iterator<Item = Attributes> + Clone {
    (0..1_u64 << 11).map(|bits| Attributes::from_bits(bits << 48))
}

/// All 4,194,304.
pub fn every_pair() -> impl Iterator<Item = Sets> {
    every_attributes().flat_map(|a| every_attributes().map(move |b| Sets::new(a, b)))
}

pub fn digests() -> Digests {
    Digests { uki: Digest([1; 32]), root: Digest([2; 32]) }
}

/// The set was written and read back.
pub fn proof(set: Set) -> Written {
    Written::prove(set, &digests(), &digests()).unwrap()
}
