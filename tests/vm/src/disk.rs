//! A test's own copy of a disk, and looking into it and changing it from outside while the machine is off.
//!
//! A copy is sparse and raw: taking one costs what the image really holds, and e2fsprogs and mtools can work on a
//! partition of it in place, which no qcow2 overlay would allow. `sets` puts boot sets on it, `esp` files on the ESP,
//! `gpt` reads the table with a reader of the harness's own and damages it, `data` looks at what the machine left.

mod data;
mod esp;
mod gpt;
mod sets;
mod state;

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use partition::SectorSize;
use rustix::fs::{FallocateFlags, SeekFrom};

use crate::error::{Error, Result};

pub use gpt::{Entry, TableCopy};

/// Bytes moved at a time; also the grain at which zeroes become holes.
const CHUNK: usize = 64 * 1024;

/// A raw disk image with a GUID partition table.
#[derive(Debug, Clone)]
pub struct Disk {
    path: PathBuf,
    sector: SectorSize,
}

impl Disk {
    /// Takes an existing raw image, of sectors of 512 bytes.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), sector: SectorSize::B512 }
    }

    /// The same image, made for a disk with sectors of this size.
    pub fn with_sectors(mut self, sector: SectorSize) -> Self {
        self.sector = sector;
        self
    }

    /// The size of its sectors.
    pub fn sector(&self) -> SectorSize {
        self.sector
    }

    /// Copies `from` to `to`, leaving holes as holes, and grows the copy to `size` bytes if that is more.
    pub fn copy(from: &Path, to: &Path, size: Option<u64>) -> Result<Self> {
        let source = File::open(from).map_err(Error::file("open", from))?;
        let target = File::create(to).map_err(Error::file("create", to))?;
        let length = source.metadata().map_err(Error::file("read", from))?.len();
        target.set_len(length.max(size.unwrap_or(0))).map_err(Error::file("grow", to))?;
        let mut at = 0;
        // A file system that knows no holes answers "data until the end"; zeroes are looked for as well.
        while let Ok(data) = rustix::fs::seek(&source, SeekFrom::Data(at)) {
            let end = rustix::fs::seek(&source, SeekFrom::Hole(data)).unwrap_or(length);
            copy_range(&source, data..end, &target, data).map_err(Error::file("copy to", to))?;
            at = end;
        }
        Ok(Self::at(to))
    }

    /// The image file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// First byte and length of a partition, by its GPT name.
    pub fn partition(&self, name: &str) -> Result<(u64, u64)> {
        let entry = self.entry(name)?;
        Ok((entry.start, entry.bytes))
    }

    /// Changes bytes of a partition behind the machine's back: `edit` gets the block at `offset` and alters it.
    pub fn tamper(
        &self,
        partition: &str,
        offset: u64,
        length: usize,
        edit: impl FnOnce(&mut [u8]),
    ) -> Result<()> {
        let (start, _) = self.partition(partition)?;
        let file = self.open()?;
        let mut bytes = vec![0; length];
        let at = start + offset;
        file.read_exact_at(&mut bytes, at).map_err(Error::file("read", &self.path))?;
        edit(&mut bytes);
        file.write_all_at(&bytes, at).map_err(Error::file("write", &self.path))
    }

    /// Makes a partition read as zeroes.
    pub fn zero(&self, partition: &str) -> Result<()> {
        let (start, length) = self.partition(partition)?;
        self.punch(start, length)
    }

    /// Makes a range read as zeroes, by a hole.
    fn punch(&self, start: u64, length: u64) -> Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let punched = rustix::fs::fallocate(self.open()?, flags, start, length);
        punched.map_err(|err| Error::file("make a hole in", &self.path)(err.into()))
    }

    fn open(&self) -> Result<File> {
        let opened = File::options().read(true).write(true).open(&self.path);
        opened.map_err(Error::file("open", &self.path))
    }
}

/// Copies a range of one file to `to` in another, where zeroes become holes.
fn copy_range(source: &File, range: Range<u64>, target: &File, to: u64) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut at = range.start;
    while at < range.end {
        let length = CHUNK.min(usize::try_from(range.end - at).unwrap_or(CHUNK));
        let part = &mut chunk[..length];
        source.read_exact_at(part, at)?;
        if part.iter().any(|byte| *byte != 0) {
            target.write_all_at(part, to + at - range.start)?;
        }
        at += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn copy_keeps_bytes_and_holes_and_grows() {
        let dir = std::env::temp_dir().join(format!("gantry-vm-copy-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let from = dir.join("from");
        let file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"head", 0).unwrap();
        file.write_all_at(b"middle", 33 << 20).unwrap();
        let copy = Disk::copy(&from, &dir.join("to"), Some(128 << 20)).unwrap();
        let copied = File::open(copy.path()).unwrap();
        let mut bytes = [0; 6];
        copied.read_exact_at(&mut bytes, 33 << 20).unwrap();
        let meta = copied.metadata().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(&bytes, b"middle");
        assert_eq!(meta.len(), 128 << 20);
        assert!(meta.blocks() * 512 < 8 << 20, "{} bytes allocated", meta.blocks() * 512);
    }
}
