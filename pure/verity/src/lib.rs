//! dm-verity parameters of a root partition: where data, hash tree and FEC lie, and under which root hash.
//!
//! One partition holds all three, in 4096-byte blocks, without a veritysetup superblock:
//!
//! ```text
//! 0 .. data_blocks | hash_start_block .. | fec_start_block .. total_blocks
//!   erofs          |   hash tree         |   Reed-Solomon parity over *everything before it*
//! ```
//!
//! Holds always, for every [`Layout`] that exists: the three parts are in this order and do not overlap, the
//! tree is whole, and all arithmetic on block numbers has been checked. So a command line can at worst name a
//! root that does not verify.
//!
//! The parameters travel on the (signed) kernel command line as two words, are parsed by the initramfs stage,
//! and become the dm table line of the kernel's verity target (Documentation/admin-guide/device-mapper/verity.rst).
//! [`Tree`] checks a partition's blocks against a root hash, before anybody boots from it; how to hash is its caller's.
//! Trees are not made here: the image builder runs veritysetup.
//!
//! # How the image builder must call veritysetup
//!
//! With `l = Layout::appended(data_blocks, roots)?`, on a copy of the erofs image padded with zeroes to
//! whole blocks (all three parts end up in that one file):
//!
//! ```text
//! veritysetup format --no-superblock --format=1 --hash=sha256
//!     --data-block-size=4096 --hash-block-size=4096
//!     --data-blocks={l.data_blocks()} --hash-offset={l.hash_start_block()*4096}
//!     --fec-device=root.img --fec-offset={l.fec_start_block()*4096} --fec-roots={l.fec_roots()}
//!     --salt={hex} --root-hash-file=FILE root.img root.img
//! ```
//!
//! `--uuid` has no place to go without a superblock. With a fixed salt the output is a function of the data.
//! The file then has exactly `l.total_blocks() * 4096` bytes. FEC covers blocks `0 .. fec_start_block`: the
//! data and the tree, because the parity directly follows the tree in the same file.

#![no_std]
extern crate alloc;

mod hex;
mod layout;
mod params;
mod tree;

pub use layout::{BLOCK_BYTES, Layout, LayoutError, MAX_FEC_ROOTS, MIN_FEC_ROOTS};
pub use params::{COMMAND_LINE_MAX_BYTES, CommandLineError, Params, Salt, TARGET};
pub use tree::{Sha256, Tree, TreeError};
