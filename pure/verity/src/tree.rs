//! The hash tree: which block of it vouches for which, and whether a partition's blocks are those of a root hash.
//!
//! dm-verity's format 1 (Documentation/admin-guide/device-mapper/verity.rst): a digest is SHA-256 of salt, then block;
//! a tree block holds the digests of 128 blocks of the level below, padded with zeroes; the levels lie on disk from
//! the top, which is one block, to the bottom, whose digests are those of the data. The root hash is the digest of
//! the top block, or of the data block where there is only one.
//!
//! Holds always: a [`Tree`] is the one that its root hash names, so what it says of a data block is the truth.

use alloc::vec::Vec;

use crate::layout::{BLOCK_BYTES, Layout};
use crate::params::Params;

const DIGEST_BYTES: usize = 32;
const BLOCK: usize = BLOCK_BYTES as usize;
const DIGESTS_PER_BLOCK: u64 = BLOCK_BYTES / DIGEST_BYTES as u64;

/// SHA-256, of whichever crate the program has anyway.
pub trait Sha256 {
    /// The digest of the parts, one after the other.
    fn digest(&self, parts: [&[u8]; 2]) -> [u8; 32];
}

/// One level of a tree: its first block, counted from the start of the partition, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Level {
    start: u64,
    blocks: u64,
}

/// A block that is not what the root hash says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Not as long as the layout says.
    #[error("hash tree of {bytes} bytes: want {want}")]
    Length {
        /// What there is.
        bytes: usize,
        /// What there should be.
        want: u64,
    },
    /// Its digest is another.
    #[error("block {block}, in the hash tree, is not what the root hash says")]
    TreeBlock {
        /// Counted from the start of the partition.
        block: u64,
    },
    /// Its digest is another.
    #[error("data block {block} is not what the root hash says")]
    DataBlock {
        /// Counted from the start of the partition.
        block: u64,
    },
}

/// A whole hash tree, checked against its root hash.
#[derive(Debug, Clone)]
pub struct Tree<'a, H> {
    params: &'a Params,
    hash: H,
    /// From the top down, as on disk.
    levels: Vec<Level>,
    bytes: Vec<u8>,
}

impl<'a, H: Sha256> Tree<'a, H> {
    /// Checks every block of the tree, `bytes`, which lie at [`Layout::hash_start_block`].
    pub fn check(params: &'a Params, bytes: Vec<u8>, hash: H) -> Result<Self, TreeError> {
        let want = params.layout.tree_blocks() * BLOCK_BYTES;
        if bytes.len() as u64 != want {
            return Err(TreeError::Length { bytes: bytes.len(), want });
        }
        let tree = Self { params, hash, levels: levels(&params.layout), bytes };
        for depth in 0..tree.levels.len() {
            let Level { start, blocks } = tree.levels[depth];
            for index in 0..blocks {
                if tree.digest(tree.block(start + index)) != tree.expected(depth, index) {
                    return Err(TreeError::TreeBlock { block: start + index });
                }
            }
        }
        Ok(tree)
    }

    /// Checks one data block of [`BLOCK_BYTES`].
    pub fn check_data(&self, block: u64, bytes: &[u8]) -> Result<(), TreeError> {
        let known = block < self.params.layout.data_blocks();
        if known && self.digest(bytes) == self.expected(self.levels.len(), block) {
            Ok(())
        } else {
            Err(TreeError::DataBlock { block })
        }
    }

    fn digest(&self, block: &[u8]) -> [u8; DIGEST_BYTES] {
        self.hash.digest([self.params.salt.as_bytes(), block])
    }

    /// What the block `index` of the level `depth` must hash to: so says its parent, or the root hash.
    fn expected(&self, depth: usize, index: u64) -> [u8; DIGEST_BYTES] {
        let Some(parent) = depth.checked_sub(1) else { return self.params.root_hash };
        let block = self.block(self.levels[parent].start + index / DIGESTS_PER_BLOCK);
        let at = (index % DIGESTS_PER_BLOCK) as usize * DIGEST_BYTES;
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(&block[at..at + DIGEST_BYTES]);
        digest
    }

    fn block(&self, block: u64) -> &[u8] {
        // Within the bytes: `levels` adds up to their length, which was checked.
        let at = (block - self.params.layout.hash_start_block()) as usize * BLOCK;
        &self.bytes[at..at + BLOCK]
    }
}

impl Layout {
    /// The first of the data blocks that the tree's block `block` vouches for; `None` when it is none of the tree's.
    /// Reading that data block through dm-verity makes the kernel check the tree block.
    pub fn first_data_block_under(&self, block: u64) -> Option<u64> {
        let levels = levels(self);
        let depth =
            levels.iter().position(|level| (level.start..level.start + level.blocks).contains(&block))?;
        let below = u32::try_from(levels.len() - depth).ok()?;
        Some((block - levels[depth].start) * DIGESTS_PER_BLOCK.pow(below))
    }
}

/// From the top down, as they lie on disk.
fn levels(layout: &Layout) -> Vec<Level> {
    let mut counts = Vec::new();
    let mut blocks = layout.data_blocks();
    while blocks > 1 {
        blocks = blocks.div_ceil(DIGESTS_PER_BLOCK);
        counts.push(blocks);
    }
    let mut start = layout.hash_start_block();
    let place = |blocks: u64| {
        let level = Level { start, blocks };
        start += blocks;
        level
    };
    counts.into_iter().rev().map(place).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use sha2::Digest as _;

    use super::*;
    use crate::hex;
    use crate::params::Salt;

    struct Sha2;

    impl Sha256 for Sha2 {
        fn digest(&self, [salt, block]: [&[u8]; 2]) -> [u8; 32] {
            sha2::Sha256::new().chain_update(salt).chain_update(block).finalize().into()
        }
    }

    fn params(root_hash: &str, data_blocks: u64, salt: &[u8]) -> Params {
        Params {
            root_hash: hex::decode(root_hash).unwrap().try_into().unwrap(),
            layout: Layout::appended(data_blocks, 2).unwrap(),
            salt: Salt::new(salt).unwrap(),
        }
    }

    /// The data block of this number: the number, all over, so that no two are alike.
    fn data(number: u64) -> Vec<u8> {
        (number as u32).to_le_bytes().repeat(BLOCK / 4)
    }

    /// A tree made the other way round: from the data up.
    fn made(params: &Params) -> (Vec<u8>, [u8; 32]) {
        let hash = |block: &[u8]| Sha2.digest([params.salt.as_bytes(), block]);
        let mut digests: Vec<_> =
            (0..params.layout.data_blocks()).map(|number| hash(&data(number))).collect();
        let mut tree = Vec::new();
        while digests.len() > 1 {
            let mut level: Vec<u8> = Vec::new();
            for group in digests.chunks(128) {
                group.iter().for_each(|digest| level.extend(digest));
                level.resize(level.len().next_multiple_of(BLOCK), 0);
            }
            digests = level.chunks(BLOCK).map(hash).collect();
            level.append(&mut tree);
            tree = level;
        }
        (tree, digests[0])
    }

    /// Count of data blocks, salt, root hash: veritysetup 2.7.5 over blocks like [`data`].
    const VERITYSETUP: &[(u64, &str, &str)] = &[
        (1, "", "ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7"),
        (3, "", "c6b0f23e285285d52eb7b2322949e11cee6ebec1bf97f613eb9a8d13235e4f24"),
        (129, "abcd", "3a6f58fc000db157f6eb8e1cf5de5a93171955d432367a37690ad3721c7a48f0"),
        (
            20_000,
            "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
            "6a5a740f5b01ea35a656c76853c836a88241c50f90a569b285a8fff9c484285b",
        ),
    ];

    #[test]
    fn root_hashes_are_those_that_veritysetup_computes() {
        for (blocks, salt, root) in VERITYSETUP {
            let params = params(root, *blocks, &hex::decode(salt).unwrap());
            let (tree, root_hash) = made(&params);
            assert_eq!(hex::encode(&root_hash), *root, "{blocks} blocks");
            let tree = Tree::check(&params, tree, Sha2).unwrap();
            for number in 0..*blocks {
                assert_eq!(tree.check_data(number, &data(number)), Ok(()));
            }
        }
    }

    #[test]
    fn any_changed_byte_is_found_in_its_block() {
        for blocks in [2, 128, 129, 20_000] {
            let mut params = params(VERITYSETUP[0].2, blocks, b"salt");
            let (good, root_hash) = made(&params);
            params.root_hash = root_hash;
            for at in (0..good.len()).step_by(1021) {
                let mut bad = good.clone();
                bad[at] ^= 1;
                let block = blocks + (at / BLOCK) as u64;
                let found = Tree::check(&params, bad, Sha2).map(drop);
                // A damaged digest shows in its child; damage in a parent is found first.
                assert_eq!(found, Err(TreeError::TreeBlock { block }), "{blocks} blocks, byte {at}");
            }
            let tree = Tree::check(&params, good.clone(), Sha2).unwrap();
            assert_eq!(tree.check_data(1, &data(0)), Err(TreeError::DataBlock { block: 1 }));
            assert_eq!(tree.check_data(blocks, &data(blocks)), Err(TreeError::DataBlock { block: blocks }));
            assert!(matches!(Tree::check(&params, good[1..].to_vec(), Sha2), Err(TreeError::Length { .. })));
        }
    }

    #[test]
    fn one_data_block_is_vouched_for_by_the_root_hash_alone() {
        let params = params(VERITYSETUP[0].2, 1, b"");
        let tree = Tree::check(&params, Vec::new(), Sha2).unwrap();
        assert_eq!(tree.check_data(0, &data(0)), Ok(()));
        assert!(tree.check_data(0, &data(1)).is_err());
        assert!(Tree::check(&params, vec![0], Sha2).is_err());
    }

    #[test]
    fn every_tree_block_leads_to_the_first_data_block_under_it() {
        // 20 000 data blocks: 157 blocks of digests, 2 above them, 1 on top.
        let layout = Layout::new(20_000, 30_000, 40_000, 2).unwrap();
        let under = |block| layout.first_data_block_under(block);
        assert_eq!([30_000, 30_001, 30_002].map(under), [Some(0), Some(0), Some(128 * 128)]);
        assert_eq!([30_003, 30_004, 30_159].map(under), [Some(0), Some(128), Some(156 * 128)]);
        assert_eq!([0, 29_999, 30_160, u64::MAX].map(under), [None; 4]);
        assert_eq!(Layout::appended(1, 2).unwrap().first_data_block_under(1), None);
    }
}
