//! A test's own copy of a disk, and looking into it from outside once the machine is off.
//!
//! A copy is sparse and raw: taking one costs what the image really holds, and e2fsprogs can read a partition of it in
//! place, which no qcow2 overlay would allow.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom;

use crate::error::{Error, Result};
use crate::tools::Tools;

/// Bytes moved at a time; also the grain at which zeroes become holes.
const CHUNK: usize = 64 * 1024;

/// A raw disk image with a GUID partition table.
#[derive(Debug, Clone)]
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Takes an existing raw image.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
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
            copy_range(&source, &target, data, end).map_err(Error::file("copy to", to))?;
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
        let file = File::open(&self.path).map_err(Error::file("open", &self.path))?;
        let found = gpt_entry(&file, name).map_err(Error::file("read the partition table of", &self.path))?;
        found.ok_or_else(|| Error::NoPartition { name: name.to_owned(), disk: self.path.clone() })
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
        let file = File::options()
            .read(true)
            .write(true)
            .open(&self.path)
            .map_err(Error::file("open", &self.path))?;
        let mut bytes = vec![0; length];
        let at = start + offset;
        file.read_exact_at(&mut bytes, at).map_err(Error::file("read", &self.path))?;
        edit(&mut bytes);
        file.write_all_at(&bytes, at).map_err(Error::file("write", &self.path))
    }

    /// Ok(report) says that the DATA partition was unmounted and is whole, by a checker that is not ours.
    pub fn check_data(&self, tools: &Tools) -> Result<std::result::Result<String, String>> {
        let superblock = self.data_superblock(tools)?;
        if superblock.contains("needs_recovery") {
            return Ok(Err("its journal has to be replayed: it was not unmounted".to_owned()));
        }
        let output = tools.run_unchecked("e2fsck", ["-fn".to_owned(), self.data_device()?])?;
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(if output.status.success() { Ok(report) } else { Err(report) })
    }

    /// A file of the DATA partition, read by e2fsprogs.
    pub fn read_data(&self, tools: &Tools, path: &str) -> Result<String> {
        let request = format!("cat {path}");
        let output = tools.run("debugfs", ["-R".to_owned(), request, self.data_device()?])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Size of the DATA partition's file system in bytes, from its superblock.
    pub fn data_size(&self, tools: &Tools) -> Result<u64> {
        let text = self.data_superblock(tools)?;
        let field = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        Ok(field("Block count:") * field("Block size:"))
    }

    fn data_superblock(&self, tools: &Tools) -> Result<String> {
        let request = "show_super_stats -h".to_owned();
        let output = tools.run("debugfs", ["-R".to_owned(), request, self.data_device()?])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// e2fsprogs' way to name a file system inside a file.
    fn data_device(&self) -> Result<String> {
        let (start, _) = self.partition("DATA")?;
        Ok(format!("{}?offset={start}", self.path.display()))
    }
}

fn copy_range(source: &File, target: &File, mut at: u64, end: u64) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    while at < end {
        let length = CHUNK.min(usize::try_from(end - at).unwrap_or(CHUNK));
        let part = &mut chunk[..length];
        source.read_exact_at(part, at)?;
        if part.iter().any(|byte| *byte != 0) {
            target.write_all_at(part, at)?;
        }
        at += length as u64;
    }
    Ok(())
}

/// The harness reads the table with a reader of its own, so that a mistake in ours does not hide itself
/// (UEFI 2.10, 5.3.2 and 5.3.3; 512-byte sectors; no checksum is looked at).
fn gpt_entry(file: &File, name: &str) -> std::io::Result<Option<(u64, u64)>> {
    const SECTOR: u64 = 512;
    let mut header = [0; 92];
    file.read_exact_at(&mut header, SECTOR)?;
    let entries_at = u64_at(&header, 72) * SECTOR;
    let (count, size) = (u32_at(&header, 80), u32_at(&header, 84));
    if &header[..8] != b"EFI PART" || !(128..=4096).contains(&size) {
        return Ok(None);
    }
    for index in 0..u64::from(count.min(1024)) {
        let mut entry = vec![0; size as usize];
        file.read_exact_at(&mut entry, entries_at + index * u64::from(size))?;
        let units: Vec<u16> =
            entry[56..128].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        let label = String::from_utf16_lossy(&units);
        if label.trim_end_matches('\0') == name {
            let (first, last) = (u64_at(&entry, 32), u64_at(&entry, 40));
            return Ok(Some((first * SECTOR, (last + 1 - first) * SECTOR)));
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
