//! A root: a pattern, its hash tree, and zeroes where the parity would be.

use sha2::Digest as _;
use verity::{Layout, Params, Salt};

const BLOCK: usize = 4096;
/// Two levels of tree: three blocks of digests, one above them.
const DATA_BLOCKS: u64 = 300;
const SALT: &[u8] = b"salt";

/// A root and what its UKI says of it.
pub struct Root {
    /// The partition's contents.
    pub bytes: Vec<u8>,
    /// What the command line says.
    pub params: Params,
}

impl Root {
    /// Roots of two seeds differ in every block.
    pub fn of(seed: u32) -> Self {
        let mut bytes: Vec<u8> = (0..DATA_BLOCKS as u32)
            .flat_map(|number| [seed, number].map(u32::to_le_bytes).concat().repeat(BLOCK / 8))
            .collect();
        let mut digests: Vec<_> = bytes.chunks(BLOCK).map(hash).collect();
        let mut tree = Vec::new();
        while digests.len() > 1 {
            let mut level: Vec<u8> = Vec::new();
            for group in digests.chunks(BLOCK / 32) {
                group.iter().for_each(|digest| level.extend(digest));
                level.resize(level.len().next_multiple_of(BLOCK), 0);
            }
            digests = level.chunks(BLOCK).map(hash).collect();
            level.append(&mut tree);
            tree = level;
        }
        bytes.append(&mut tree);
        let layout = Layout::appended(DATA_BLOCKS, 2).unwrap();
        bytes.resize(layout.total_blocks() as usize * BLOCK, 0);
        let params = Params { root_hash: digests[0], layout, salt: Salt::new(SALT).unwrap() };
        Self { bytes, params }
    }

    /// The one whose first block this is.
    pub fn with_first_block(block: &[u8]) -> Self {
        Self::of(u32::from_le_bytes(block[..4].try_into().unwrap()))
    }
}

fn hash(block: &[u8]) -> [u8; 32] {
    sha2::Sha256::new().chain_update(SALT).chain_update(block).finalize().into()
}
