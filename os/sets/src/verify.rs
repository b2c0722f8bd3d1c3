//! Reading a whole set back, and comparing.
//!
//! What a UKI should be, somebody says (a digest), or else its own signature does: it states the digest of what was
//! signed. What a root should be, the command line inside that UKI says: the root hash names every block of it.
//! Neither says *who* made the set: that is the firmware's to check, when it starts the UKI. This is about bytes that
//! got lost on their way to the disk.
//!
//! Not compared: the parity for error correction behind the hash tree, which no digest covers.

use std::io;

use authenticode::{ImageFault, Signature, SignatureFault};
use partition::{Guid, Partition, Table};
use pe::uki::Facts;
use sha2::Digest as _;
use slots::{Digest, Digests, Mismatch, Set, Written};
use verity::{BLOCK_BYTES, CommandLineError, Params, Sha256, Tree, TreeError};

use crate::extent::Extent;
use crate::image::{self, Contents, ImageError};
use crate::place::Place;

/// Data blocks read at a time: 1 MiB.
const BATCH_BLOCKS: u64 = 256;

/// A set that is on the disk as it should be.
#[derive(Debug)]
pub struct Verified {
    /// What arming it asks for.
    pub written: Written,
    /// What its UKI says.
    pub facts: Facts,
    /// Its root.
    pub root: Params,
    /// The GUID that its `ROOT` partition must have, so that the UKI finds it.
    pub root_guid: Guid,
    /// Its `ROOT` partition, as the table says.
    pub root_partition: Partition,
}

/// Why a set is not known to be whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The table has no such partition.
    #[error("the disk has no partition {name}; write the disk anew, from an image of ours")]
    NoPartition {
        /// Its name.
        name: &'static str,
    },
    /// Nothing was written there.
    #[error("set {set} is empty; write its UKI to {} and its root to {} first", set.boot_name(), set.root_name())]
    Empty {
        /// The set.
        set: Set,
    },
    /// There is something else.
    #[error("set {set} has no UKI that can be read; write it anew")]
    Image {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: ImageError,
    },
    /// A read failed.
    #[error("cannot read {name} back; try again, and replace the disk if that fails too")]
    Read {
        /// The partition.
        name: &'static str,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The UKI claims to be longer than its partition.
    #[error("the UKI of set {set} is {bytes} bytes long, its partition {room}; write it anew")]
    UkiLength {
        /// The set.
        set: Set,
        /// What its headers say.
        bytes: u64,
        /// Of the partition.
        room: u64,
    },
    /// Its headers and sections leave gaps.
    #[error("the UKI of set {set} has no digest that everybody agrees on; write it anew")]
    Layout {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: ImageFault,
    },
    /// Its signature makes no sense.
    #[error("the signature of the UKI of set {set} cannot be read; write it anew")]
    Signature {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: SignatureFault,
    },
    /// There is nothing to compare with.
    #[error(
        "the UKI of set {set} has no signature that says what it should be; name its SHA-256 with --uki-sha256"
    )]
    Unsigned {
        /// The set.
        set: Set,
    },
    /// It is something else.
    #[error(transparent)]
    Mismatch(Mismatch),
    /// The UKI does not say which root it boots.
    #[error("the command line in the UKI of set {set} names no root; write the UKI of one of our releases")]
    CommandLine {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: CommandLineError,
    },
    /// The root does not fit.
    #[error(
        "the root of set {set} takes {bytes} bytes, its partition has {room}; stage a release that fits, or write the disk anew from that release's image"
    )]
    RootLength {
        /// The set.
        set: Set,
        /// What the UKI says.
        bytes: u64,
        /// Of the partition.
        room: u64,
    },
    /// A block of it is wrong.
    #[error("{} is not the root that the UKI of set {set} boots; write it anew", set.root_name())]
    Root {
        /// The set.
        set: Set,
        /// The block.
        #[source]
        err: TreeError,
    },
}

impl VerifyError {
    /// The host could not read; waiting or another disk helps, staging again does not.
    pub fn is_host_trouble(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Image { err: ImageError::Open { .. }, .. })
    }
}

/// Reads the whole set, past what the kernel caches, and compares. `uki` is what the UKI's file should be; without it,
/// what its signature says.
pub fn verify(place: &Place, table: &Table, set: Set, uki: Option<Digest>) -> Result<Verified, VerifyError> {
    let boot = set.boot_partition(table).ok_or(VerifyError::NoPartition { name: set.boot_name() })?;
    let root = set.root_partition(table).ok_or(VerifyError::NoPartition { name: set.root_name() })?;
    let reading = |name| move |err| VerifyError::Read { name, err };

    let extent = settled(place, table, &boot).map_err(reading(set.boot_name()))?;
    let facts = match image::of_extent(&extent, set) {
        Ok(Contents::Uki(facts)) => *facts,
        Ok(Contents::Nothing | Contents::NoPartition) => return Err(VerifyError::Empty { set }),
        Err(err) => return Err(VerifyError::Image { set, err }),
    };
    let (bytes, room) = (facts.image_bytes, extent.bytes());
    let length = usize::try_from(bytes).ok().filter(|_| bytes <= room);
    let length = length.ok_or(VerifyError::UkiLength { set, bytes, room })?;
    let file = extent.read(0, length).map_err(reading(set.boot_name()))?;
    let (want, got) = compare(&file, set, uki)?;

    let params = Params::from_command_line(&facts.command_line)
        .map_err(|err| VerifyError::CommandLine { set, err })?;
    let extent = settled(place, table, &root).map_err(reading(set.root_name()))?;
    check_root(&extent, &params, set)?;
    // Every block was checked against it, so this is what was read.
    let root_hash = Digest(params.root_hash);
    let digests = |uki| Digests { uki, root: root_hash };
    let written = Written::prove(set, &digests(want), &digests(got)).map_err(VerifyError::Mismatch)?;
    Ok(Verified { written, facts, root_guid: guid(&params), root: params, root_partition: root })
}

/// The GUID of the partition that holds this root.
pub fn guid(params: &Params) -> Guid {
    // Its text form is one by construction.
    params.partuuid().parse().unwrap_or(Guid::ZERO)
}

fn settled(place: &Place, table: &Table, partition: &Partition) -> io::Result<Extent> {
    let extent = place.extent(partition, table)?;
    extent.settle()?;
    Ok(extent)
}

/// What the UKI's digest should be, and is.
fn compare(file: &[u8], set: Set, want: Option<Digest>) -> Result<(Digest, Digest), VerifyError> {
    if let Some(want) = want {
        return Ok((want, Digest(sha2::Sha256::digest(file).into())));
    }
    let image = authenticode::Image::parse(file).map_err(|err| VerifyError::Layout { set, err })?;
    let signature = image.signatures().next().ok_or(VerifyError::Unsigned { set })?;
    let stated = Signature::parse(signature).map_err(|err| VerifyError::Signature { set, err })?;
    Ok((Digest(stated.digest), Digest(image.digest())))
}

/// Every block of tree and data.
fn check_root(extent: &Extent, params: &Params, set: Set) -> Result<(), VerifyError> {
    let read = |block: u64, blocks: u64| {
        let bytes = usize::try_from(blocks * BLOCK_BYTES).unwrap_or(usize::MAX);
        extent
            .read(block * BLOCK_BYTES, bytes)
            .map_err(|err| VerifyError::Read { name: set.root_name(), err })
    };
    let layout = &params.layout;
    let (bytes, room) = (layout.total_blocks() * BLOCK_BYTES, extent.bytes());
    if bytes > room {
        return Err(VerifyError::RootLength { set, bytes, room });
    }
    let wrong = |err| VerifyError::Root { set, err };
    let tree = read(layout.hash_start_block(), layout.tree_blocks())?;
    let tree = Tree::check(params, tree, Sha2).map_err(wrong)?;
    let mut block = 0;
    while block < layout.data_blocks() {
        let batch = read(block, BATCH_BLOCKS.min(layout.data_blocks() - block))?;
        for bytes in batch.chunks(BLOCK_BYTES as usize) {
            tree.check_data(block, bytes).map_err(wrong)?;
            block += 1;
        }
    }
    Ok(())
}

struct Sha2;

impl Sha256 for Sha2 {
    fn digest(&self, [salt, block]: [&[u8]; 2]) -> [u8; 32] {
        sha2::Sha256::new().chain_update(salt).chain_update(block).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_set_from_being_whole_says_what_to_do_about_it() {
        let (set, name) = (Set::B, Set::B.root_name());
        let missing = || CommandLineError::Missing { word: "gantry.root=" };
        for err in [
            VerifyError::NoPartition { name },
            VerifyError::Empty { set },
            VerifyError::Read { name, err: io::ErrorKind::Other.into() },
            VerifyError::UkiLength { set, bytes: 2, room: 1 },
            VerifyError::Unsigned { set },
            VerifyError::CommandLine { set, err: missing() },
            VerifyError::RootLength { set, bytes: 2, room: 1 },
        ] {
            let text = err.to_string();
            let remedy = text.split_once("; ").unwrap_or_default().1;
            let verbs = ["write ", "try ", "name ", "stage "];
            assert!(verbs.iter().any(|verb| remedy.starts_with(verb)), "{text}");
        }
    }
}
