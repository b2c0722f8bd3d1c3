//! The bytes of one partition: through its own device node on a host, at its place in an image file elsewhere.
//!
//! Its own node, because that is where others write it: the kernel caches a disk and each of its partitions apart, so
//! bytes just written to a partition need not be seen through the disk.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use block::WholeDisk;
use partition::{Partition, SectorSize};
use rustix::fs::Advice;

/// An open partition.
#[derive(Debug)]
pub struct Extent {
    file: File,
    path: PathBuf,
    start: u64,
    bytes: u64,
}

impl Extent {
    /// Opens the partition for reading. `disk` is the path of the disk or image, `kernel` what the kernel knows of it.
    pub fn open(
        disk: &Path,
        kernel: Option<&WholeDisk>,
        sector: SectorSize,
        partition: &Partition,
    ) -> io::Result<Self> {
        let sector_bytes = sector.bytes() as u64;
        let bytes = partition.sectors() * sector_bytes;
        let node = kernel.and_then(|disk| disk.kernel_partition(partition, sector_bytes));
        let (path, start) = match node {
            Some(node) => (node.node.clone(), 0),
            None => (disk.to_owned(), partition.first_lba * sector_bytes),
        };
        Ok(Self { file: File::open(&path)?, path, start, bytes })
    }

    /// The file behind it, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// On return, what anybody wrote here is durable, and the next read asks the device as far as the kernel allows.
    pub fn settle(&self) -> io::Result<()> {
        self.file.sync_all()?;
        let length = std::num::NonZeroU64::new(self.bytes);
        Ok(rustix::fs::fadvise(&self.file, self.start, length, Advice::DontNeed)?)
    }

    /// Reads `bytes` bytes from `offset` on, fewer where the partition ends.
    pub fn read(&self, offset: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let left = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; bytes.min(left)];
        self.file.read_exact_at(&mut buffer, self.start + offset)?;
        Ok(buffer)
    }
}
