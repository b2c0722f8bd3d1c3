//! The partition table as the harness itself reads it, so that a mistake in our own reader does not hide itself
//! (UEFI 2.10, 5.3.2 and 5.3.3; no checksum is looked at), and damage done to it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::Disk;
use crate::error::{Error, Result};

/// The entries of a table of ours.
const ENTRIES_BYTES: u64 = 128 * 128;

/// One of the two copies of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableCopy {
    /// At the start of the disk.
    Primary,
    /// At its end.
    Backup,
}

/// A partition's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// First byte on the disk.
    pub start: u64,
    /// Length.
    pub bytes: u64,
    /// All attribute bits.
    pub attributes: u64,
}

impl Disk {
    /// A partition's entry in the primary copy, by the partition's name.
    pub fn entry(&self, name: &str) -> Result<Entry> {
        self.entry_of(TableCopy::Primary, name)
    }

    /// A partition's entry in one copy.
    pub fn entry_of(&self, copy: TableCopy, name: &str) -> Result<Entry> {
        let read = || find(&File::open(&self.path)?, self.header_at(copy)?, self.sector_bytes(), name);
        let found = read().map_err(Error::file("read the partition table of", &self.path))?;
        found.ok_or_else(|| Error::NoPartition { name: name.to_owned(), disk: self.path.clone() })
    }

    /// Overwrites one copy, header and entries, with rubbish.
    pub fn damage_table(&self, copy: TableCopy) -> Result<()> {
        let rubbish = vec![0xa5; (self.sector_bytes() + ENTRIES_BYTES) as usize];
        let at = match copy {
            TableCopy::Primary => self.sector_bytes(),
            TableCopy::Backup => self.length()? - rubbish.len() as u64,
        };
        self.open()?.write_all_at(&rubbish, at).map_err(Error::file("write", &self.path))
    }

    fn header_at(&self, copy: TableCopy) -> std::io::Result<u64> {
        Ok(match copy {
            TableCopy::Primary => self.sector_bytes(),
            TableCopy::Backup => std::fs::metadata(&self.path)?.len() - self.sector_bytes(),
        })
    }

    fn length(&self) -> Result<u64> {
        Ok(std::fs::metadata(&self.path).map_err(Error::file("measure", &self.path))?.len())
    }

    fn sector_bytes(&self) -> u64 {
        self.sector.bytes() as u64
    }
}

fn find(file: &File, header_at: u64, sector: u64, name: &str) -> std::io::Result<Option<Entry>> {
    let mut header = [0; 92];
    file.read_exact_at(&mut header, header_at)?;
    let (count, size) = (u32_at(&header, 80), u32_at(&header, 84));
    if &header[..8] != b"EFI PART" || !(128..=4096).contains(&size) {
        return Ok(None);
    }
    let entries_at = u64_at(&header, 72) * sector;
    for index in 0..u64::from(count.min(1024)) {
        let mut entry = vec![0; size as usize];
        file.read_exact_at(&mut entry, entries_at + index * u64::from(size))?;
        let units: Vec<u16> =
            entry[56..128].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let label = String::from_utf16_lossy(&units);
        if label.trim_end_matches('\0') == name {
            let (first, last) = (u64_at(&entry, 32), u64_at(&entry, 40));
            let attributes = u64_at(&entry, 48);
            return Ok(Some(Entry { start: first * sector, bytes: (last + 1 - first) * sector, attributes }));
        }
    }
    Ok(None)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
