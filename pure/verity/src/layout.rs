//! Where the three parts of a verity partition lie, in blocks.

/// Size of data and hash blocks: the page size, and what erofs and the kernel's FEC want (equal on both sides).
pub const BLOCK_BYTES: u64 = 4096;
/// Bounds of the Reed-Solomon parity bytes per 255-byte codeword (kernel: DM_VERITY_FEC_MIN_RSN, _MAX_RSN).
pub const MIN_FEC_ROOTS: u8 = 2;
/// See [`MIN_FEC_ROOTS`].
pub const MAX_FEC_ROOTS: u8 = 24;
/// A root without parity: what is damaged stays so. `cargo xtask bench boot` measures with it what parity costs.
const NO_FEC: u8 = 0;

/// 16 TiB of 4096-byte blocks: far above any root, and small enough that no sum or product below can overflow.
const MAX_BLOCKS: u64 = 1 << 32;
/// SHA-256 digests in one hash block.
const DIGESTS_PER_BLOCK: u64 = BLOCK_BYTES / 32;
const SECTORS_PER_BLOCK: u64 = BLOCK_BYTES / 512;

/// Data, hash tree and FEC in one partition, in this order. Only its constructors make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    data_blocks: u64,
    hash_start_block: u64,
    fec_start_block: u64,
    fec_roots: u8,
}

/// Why numbers do not make a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// Zero blocks, or more than any disk of ours.
    #[error("{data_blocks} data blocks: want 1 to {MAX_BLOCKS}")]
    DataBlocks {
        /// The count given.
        data_blocks: u64,
    },
    /// The hash tree would overlap the data.
    #[error("hash tree starts at block {hash_start_block}, inside {data_blocks} data blocks")]
    HashStart {
        /// The block given.
        hash_start_block: u64,
        /// End of the data.
        data_blocks: u64,
    },
    /// The FEC area would overlap the tree, or lies beyond any disk of ours.
    #[error("FEC starts at block {fec_start_block}: want {hash_end_block} to {MAX_BLOCKS}")]
    FecStart {
        /// The block given.
        fec_start_block: u64,
        /// End of the tree.
        hash_end_block: u64,
    },
    /// The kernel knows no such code.
    #[error("{fec_roots} FEC roots: want {MIN_FEC_ROOTS} to {MAX_FEC_ROOTS}, or 0 for no parity")]
    FecRoots {
        /// The count given.
        fec_roots: u8,
    },
}

impl Layout {
    /// Checks a layout that somebody else wrote down.
    pub fn new(
        data_blocks: u64,
        hash_start_block: u64,
        fec_start_block: u64,
        fec_roots: u8,
    ) -> Result<Self, LayoutError> {
        if data_blocks == 0 || data_blocks > MAX_BLOCKS {
            return Err(LayoutError::DataBlocks { data_blocks });
        }
        if hash_start_block < data_blocks || hash_start_block > MAX_BLOCKS {
            return Err(LayoutError::HashStart { hash_start_block, data_blocks });
        }
        let hash_end_block = hash_start_block + tree_blocks(data_blocks);
        if fec_start_block < hash_end_block || fec_start_block > MAX_BLOCKS {
            return Err(LayoutError::FecStart { fec_start_block, hash_end_block });
        }
        if fec_roots != NO_FEC && !(MIN_FEC_ROOTS..=MAX_FEC_ROOTS).contains(&fec_roots) {
            return Err(LayoutError::FecRoots { fec_roots });
        }
        Ok(Self { data_blocks, hash_start_block, fec_start_block, fec_roots })
    }

    /// The layout without gaps: tree right after the data, parity right after the tree.
    pub fn appended(data_blocks: u64, fec_roots: u8) -> Result<Self, LayoutError> {
        if data_blocks > MAX_BLOCKS {
            return Err(LayoutError::DataBlocks { data_blocks });
        }
        Self::new(data_blocks, data_blocks, data_blocks + tree_blocks(data_blocks), fec_roots)
    }

    /// Blocks that the verity device shows.
    pub fn data_blocks(&self) -> u64 {
        self.data_blocks
    }

    /// First block of the hash tree (its root block; there is no superblock).
    pub fn hash_start_block(&self) -> u64 {
        self.hash_start_block
    }

    /// First block of the parity; everything before it is covered by it.
    pub fn fec_start_block(&self) -> u64 {
        self.fec_start_block
    }

    /// Parity bytes per 255-byte codeword; 0 when there is no parity.
    pub fn fec_roots(&self) -> u8 {
        self.fec_roots
    }

    /// Blocks of the hash tree.
    pub fn tree_blocks(&self) -> u64 {
        tree_blocks(self.data_blocks)
    }

    /// Blocks that the parity covers: data, tree and any gap between them.
    pub fn fec_covered_blocks(&self) -> u64 {
        self.fec_start_block
    }

    /// Length of the three parts together: what the partition must hold at least.
    pub fn total_blocks(&self) -> u64 {
        let roots = u64::from(self.fec_roots);
        self.fec_start_block + self.fec_covered_blocks().div_ceil(255 - roots) * roots
    }

    /// Length of the verity device in 512-byte sectors, the unit of the device mapper.
    pub fn sectors(&self) -> u64 {
        self.data_blocks * SECTORS_PER_BLOCK
    }
}

/// Hash blocks over `data_blocks`: one level after another until a single block holds all digests below it.
/// A single data block needs none: the root hash is its digest.
fn tree_blocks(data_blocks: u64) -> u64 {
    let mut level = data_blocks;
    let mut blocks = 0;
    while level > 1 {
        level = level.div_ceil(DIGESTS_PER_BLOCK);
        blocks += level;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What veritysetup 2.7.5 made of files of these sizes: data blocks, FEC roots, hash blocks, file blocks.
    const VERITYSETUP: [(u64, u8, u64, u64); 10] = [
        (1, 2, 0, 3),
        (2, 2, 1, 5),
        (128, 2, 1, 131),
        (129, 2, 3, 134),
        (129, 24, 3, 156),
        (1000, 2, 9, 1017),
        (1000, 24, 9, 1129),
        (16384, 2, 129, 16645),
        (16385, 24, 132, 18245),
        (20000, 2, 160, 20320),
    ];

    #[test]
    fn sizes_are_those_that_veritysetup_makes() {
        for (data, roots, tree, total) in VERITYSETUP {
            let layout = Layout::appended(data, roots).unwrap();
            assert_eq!((layout.tree_blocks(), layout.total_blocks()), (tree, total), "{data} data blocks");
        }
    }

    #[test]
    fn fec_covers_data_and_tree() {
        for data in (1..20_000).step_by(7) {
            for roots in MIN_FEC_ROOTS..=MAX_FEC_ROOTS {
                let layout = Layout::appended(data, roots).unwrap();
                assert_eq!(layout.fec_covered_blocks(), data + layout.tree_blocks());
            }
        }
    }

    #[test]
    fn overlaps_and_absurd_sizes_are_refused() {
        assert!(matches!(Layout::new(0, 0, 0, 2), Err(LayoutError::DataBlocks { .. })));
        assert!(matches!(Layout::new(u64::MAX, u64::MAX, u64::MAX, 2), Err(LayoutError::DataBlocks { .. })));
        assert!(matches!(Layout::appended(u64::MAX, 2), Err(LayoutError::DataBlocks { .. })));
        assert!(matches!(Layout::new(1000, 999, 2000, 2), Err(LayoutError::HashStart { .. })));
        assert!(matches!(Layout::new(1000, u64::MAX, 2000, 2), Err(LayoutError::HashStart { .. })));
        assert!(matches!(Layout::new(1000, 1000, 1008, 2), Err(LayoutError::FecStart { .. })));
        assert!(matches!(Layout::new(1000, 1000, u64::MAX, 2), Err(LayoutError::FecStart { .. })));
        for fec_roots in [1, 25, 255] {
            assert_eq!(Layout::new(1000, 1000, 1009, fec_roots), Err(LayoutError::FecRoots { fec_roots }));
        }
        assert!(Layout::new(MAX_BLOCKS, MAX_BLOCKS, MAX_BLOCKS, 2).is_err());
        assert!(Layout::new(1000, 1000, 1009, 2).is_ok());
        assert_eq!(Layout::new(1000, 1000, 1009, 0).map(|layout| layout.total_blocks()), Ok(1009));
    }
}
