//! The running root: which messages are about it, and its blocks, read past every cache.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use block::Running;
use rustix::fs::OFlags;
use verity::{BLOCK_BYTES, COMMAND_LINE_MAX_BYTES, CommandLineError, Params};

use crate::reports::Subject;

const BLOCK: usize = BLOCK_BYTES as usize;
/// Read at a time, where everything is read.
const BATCH_BLOCKS: u64 = 64;
/// A read that fails is tried once more: an error on the way is not yet one on the disk.
const ATTEMPTS: u32 = 2;

/// The verity device under `/`.
#[derive(Debug)]
pub struct Root {
    device: File,
    params: Params,
}

/// The root cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// sysfs does not show it.
    #[error("cannot find the root's devices in sysfs")]
    Sysfs(#[source] io::Error),
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The verity device.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// No command line.
    #[error("cannot read the kernel's command line")]
    CommandLine(#[source] files::Error),
    /// It names no root.
    #[error("the kernel's command line does not say which root this is")]
    Params(#[source] CommandLineError),
}

impl Root {
    /// Opens the device, and says which messages are about it.
    pub fn open(running: &Running) -> Result<(Self, Subject), RootError> {
        let line = files::read(Path::new("/proc/cmdline"), COMMAND_LINE_MAX_BYTES)
            .map_err(RootError::CommandLine)?;
        let params = Params::from_command_line(&String::from_utf8_lossy(&line)).map_err(RootError::Params)?;
        let device = Path::new("/dev").join(name_of(&running.device).map_err(RootError::Sysfs)?);
        let file = File::options()
            .read(true)
            .custom_flags(OFlags::DIRECT.bits().cast_signed())
            .open(&device)
            .map_err(|err| RootError::Open { path: device, err })?;
        let subject = subject(running).map_err(RootError::Sysfs)?;
        Ok((Self { device: file, params }, subject))
    }

    /// Reads, through verity, what needs this block of the partition: itself if it is data, some data that it vouches for if it
    /// is of the hash tree. False when that does not come. A block of neither is not needed until another is damaged.
    pub fn reads(&self, block: u64) -> bool {
        let layout = &self.params.layout;
        let data =
            if block < layout.data_blocks() { Some(block) } else { layout.first_data_block_under(block) };
        data.is_none_or(|data| self.comes(data, 1))
    }

    /// Reads everything; the first block that does not come.
    pub fn first_bad(&self) -> Option<u64> {
        let blocks = self.params.layout.data_blocks();
        let step = BATCH_BLOCKS as usize;
        let whole = |start: u64| start + BATCH_BLOCKS <= blocks && self.comes(start, BATCH_BLOCKS);
        let bad = |start: u64| (start..blocks.min(start + BATCH_BLOCKS)).find(|block| !self.comes(*block, 1));
        (0..blocks).step_by(step).filter(|start| !whole(*start)).find_map(bad)
    }

    fn comes(&self, block: u64, blocks: u64) -> bool {
        let bytes = blocks as usize * BLOCK;
        // O_DIRECT wants a buffer on a boundary of the device's blocks.
        let mut memory = vec![0; bytes + BLOCK];
        let start = memory.as_ptr().align_offset(BLOCK).min(BLOCK);
        let buffer = &mut memory[start..start + bytes];
        (0..ATTEMPTS).any(|_| self.device.read_exact_at(buffer, block * BLOCK_BYTES).is_ok())
    }
}

fn subject(running: &Running) -> io::Result<Subject> {
    let sysfs = Path::new("/sys/dev/block").join(&running.partition.device);
    let size = fs::read_to_string(sysfs.join("size"))?;
    let size: u64 = size.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
    let start = running.partition.start_bytes / 512;
    Ok(Subject {
        partition: running.partition.device.clone(),
        disk: running.disk.name.clone(),
        sectors: start..start + size,
    })
}

/// The kernel's name of a device, `dm-0`: where its link in sysfs leads.
fn name_of(device: &str) -> io::Result<String> {
    let target = fs::read_link(Path::new("/sys/dev/block").join(device))?;
    let name = target.file_name().and_then(|name| name.to_str()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use verity::{Layout, Salt};

    use super::*;

    /// A root of 300 blocks on a device that ends inside block 250.
    fn cut() -> Root {
        let device = tempfile::tempfile().unwrap();
        device.set_len(250 * BLOCK_BYTES + 100).unwrap();
        let layout = Layout::new(300, 400, 500, 2).unwrap();
        let params = Params { root_hash: [0; 32], layout, salt: Salt::new(&[]).unwrap() };
        Root { device, params }
    }

    #[test]
    fn a_block_is_fine_when_what_needs_it_can_be_read() {
        let root = cut();
        assert_eq!([0, 249, 250, 299].map(|block| root.reads(block)), [true, true, false, false]);
        // The tree: its top, and a block of digests each for data from 0, 128 and 256 on.
        assert_eq!([400, 401, 402, 403].map(|block| root.reads(block)), [true, true, true, false]);
        // The gap and the parity are nobody's data.
        assert!([300, 399, 500, 10_000].into_iter().all(|block| root.reads(block)));
    }

    #[test]
    fn the_first_block_that_does_not_come_is_found() {
        let root = cut();
        assert_eq!(root.first_bad(), Some(250));
        for blocks in [251, 256, 300] {
            root.device.set_len(blocks * BLOCK_BYTES).unwrap();
            assert_eq!(root.first_bad(), (blocks < 300).then_some(blocks));
        }
    }
}
