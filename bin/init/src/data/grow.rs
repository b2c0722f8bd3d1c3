//! Growing the last partition to the end of its disk: table, kernel, file system.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use block::{EditError, KernelPartition, Locked};
use partition::GrowError;

/// Offset of the superblock in an ext4 file system (kernel: Documentation/filesystems/ext4).
const SUPERBLOCK: u64 = 1024;
/// How long the boot may wait: some 10 TiB on hardware, 1 TiB under software emulation.
const BUDGET: Duration = Duration::from_secs(20);
/// One request cannot be interrupted: this much takes a second under software emulation.
const STEP_BYTES: u64 = 64 << 30;

/// A step of growth failed; what is there stays usable.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the disk's table stays as it is")]
    Table(#[source] EditError<Refusal>),
    #[error("cannot read the size of {}", node.display())]
    Measure {
        node: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("the kernel refuses {length_bytes} bytes for partition {number}")]
    Kernel {
        number: u32,
        length_bytes: u64,
        #[source]
        err: io::Error,
    },
    #[error("cannot read the superblock of {}", node.display())]
    Superblock {
        node: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("the file system refuses to grow to {blocks} blocks")]
    Resize {
        blocks: u64,
        #[source]
        err: io::Error,
    },
}

/// The table is not one to grow.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the table cannot be extended to the disk's end")]
    Plan(#[source] GrowError),
    #[error("partition {name} is not the last one of the disk")]
    NotLast { name: &'static str },
}

/// Makes the table on the disk say that the partition `name`, the last one, reaches to the disk's end, and mends a
/// damaged copy. Durable on return; nothing is written when there is nothing to gain.
pub fn table(disk: &mut Locked, name: &'static str) -> Result<(), Failure> {
    let geometry = disk.geometry();
    let edited = disk.edit(|table| {
        if table.last_partition().is_none_or(|last| last.name != name) {
            return Err(Refusal::NotLast { name });
        }
        table.grown(&geometry).map_err(Refusal::Plan)
    });
    let edited = edited.map_err(Failure::Table)?;
    if let Some(fault) = edited.before.primary.or(edited.before.backup) {
        eprintln!("warn data: partition table copy was damaged, both written anew why=\"{fault}\"");
    }
    if edited.after != edited.before.table {
        eprintln!("info data: partition table grown disk_mib={}", mib(&geometry));
    }
    Ok(())
}

fn mib(disk: &partition::Geometry) -> u64 {
    (disk.sectors() * disk.sector().bytes() as u64) >> 20
}

/// Makes the kernel see the partition as long as the table says.
pub fn kernel(disk: &Path, partition: &KernelPartition, length_bytes: u64) -> Result<(), Failure> {
    let node = &partition.node;
    let seen = size(node).map_err(|err| Failure::Measure { node: node.clone(), err })?;
    if seen == length_bytes {
        return Ok(());
    }
    let failed = |err| Failure::Kernel { number: partition.number, length_bytes, err };
    let disk = File::open(disk).map_err(failed)?;
    sys::blkpg::resize_partition(disk, partition.number, partition.start_bytes, length_bytes).map_err(failed)
}

/// How a file system fared.
pub struct Grown {
    block_bytes: u64,
    from: u64,
    to: u64,
    left: u64,
}

impl Grown {
    /// Says so, if there is anything to say.
    pub fn report(&self) {
        let mib = |blocks| (blocks * self.block_bytes) >> 20;
        if self.to != self.from {
            eprintln!("info data: file system grown from_mib={} to_mib={}", mib(self.from), mib(self.to));
        }
        if self.left != 0 {
            eprintln!("warn data: file system grows on at the next boot left_mib={}", mib(self.left));
        }
    }
}

/// Grows the ext4 mounted at `mounted` to fill its device `node`, or for as long as [`BUDGET`] lasts: everything that
/// needs `/var` waits for this, so a very large disk is filled over several boots.
pub fn file_system(mounted: &Path, node: &Path) -> Result<Grown, Failure> {
    let superblock = |err| Failure::Superblock { node: node.to_owned(), err };
    let (block_bytes, from) = length(node).map_err(superblock)?;
    let wanted = size(node).map_err(superblock)? / block_bytes;
    let started = Instant::now();
    let mut reached = from;
    while reached < wanted && started.elapsed() < BUDGET {
        let blocks = wanted.min(reached + STEP_BYTES / block_bytes);
        let failed = |err| Failure::Resize { blocks, err };
        let folder = File::open(mounted).map_err(failed)?;
        sys::ext4::resize(folder, blocks).map_err(failed)?;
        reached = blocks;
    }
    // The kernel leaves out a last group too small to be useful, so ask.
    let (_, to) = length(node).map_err(superblock)?;
    Ok(Grown { block_bytes, from, to, left: wanted - reached })
}

/// Block size and length in blocks, from the superblock. The device's page cache is the file system's own, so this
/// is current also while it is mounted.
fn length(node: &Path) -> io::Result<(u64, u64)> {
    let mut superblock = [0; 1024];
    File::open(node)?.read_exact_at(&mut superblock, SUPERBLOCK)?;
    parse(&superblock).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not ext4"))
}

fn parse(superblock: &[u8; 1024]) -> Option<(u64, u64)> {
    const MAGIC: u16 = 0xef53;
    const INCOMPAT_64BIT: u32 = 0x80;
    let u32_at = |at: usize| Some(u32::from_le_bytes(superblock.get(at..at + 4)?.try_into().ok()?));
    if superblock[0x38..0x3a] != MAGIC.to_le_bytes() {
        return None;
    }
    let shift = u32_at(0x18)?;
    // 1 KiB to 64 KiB.
    if shift > 6 {
        return None;
    }
    let high = if u32_at(0x60)? & INCOMPAT_64BIT != 0 { u32_at(0x150)? } else { 0 };
    Some((1024 << shift, u64::from(high) << 32 | u64::from(u32_at(4)?)))
}

/// Bytes of a block device, as the kernel sees it.
fn size(node: &Path) -> io::Result<u64> {
    File::open(node)?.seek(SeekFrom::End(0))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn superblock(magic: u16, shift: u32, incompat: u32) -> [u8; 1024] {
        let mut bytes = [0; 1024];
        bytes[4..8].copy_from_slice(&1000_u32.to_le_bytes());
        bytes[0x18..0x1c].copy_from_slice(&shift.to_le_bytes());
        bytes[0x38..0x3a].copy_from_slice(&magic.to_le_bytes());
        bytes[0x60..0x64].copy_from_slice(&incompat.to_le_bytes());
        bytes[0x150..0x154].copy_from_slice(&1_u32.to_le_bytes());
        bytes
    }

    #[test]
    fn the_length_is_read_from_the_superblock() {
        assert_eq!(parse(&superblock(0xef53, 2, 0)), Some((4096, 1000)));
        assert_eq!(parse(&superblock(0xef53, 2, 0x80)), Some((4096, (1 << 32) + 1000)));
    }

    #[test]
    fn another_file_system_is_refused() {
        assert_eq!(parse(&superblock(0, 2, 0)), None);
        assert_eq!(parse(&superblock(0xef53, 7, 0)), None);
    }
}
