//! Growing a mounted ext4 file system: EXT4_IOC_RESIZE_FS (fs/ext4/ext4.h; what resize2fs(8) calls).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Setter, ioctl, opcode};

const RESIZE_FS: rustix::ioctl::Opcode = opcode::write::<u64>(b'f', 16);

/// Grows the mounted ext4 that `folder` is on to `blocks` of its own block size. Returns when it is that large.
///
/// Safe to repeat, also after a power cut half way: growth is journalled group by group. A target no larger than the
/// present size changes nothing (the kernel never shrinks). The device must already be that large.
pub fn resize(folder: impl AsFd, blocks: u64) -> io::Result<()> {
    // SAFETY: the request number encodes "reads a u64 from the caller", which is what Setter passes; the kernel
    // keeps no pointer to it.
    unsafe { ioctl(folder, Setter::<RESIZE_FS, u64>::new(blocks)) }?;
    Ok(())
}
