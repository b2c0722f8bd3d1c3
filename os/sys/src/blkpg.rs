//! Telling the kernel about a partition that grew: BLKPG (linux/blkpg.h, fs: block/ioctl.c).
#![allow(unsafe_code)]

use std::io;
use std::os::fd::AsFd;
use std::os::raw::{c_int, c_longlong, c_void};

use rustix::ioctl::{Opcode, Setter, ioctl};

/// `_IO(0x12, 105)`
const BLKPG: Opcode = 0x1269;
const BLKPG_RESIZE_PARTITION: c_int = 3;

/// `struct blkpg_partition`
#[repr(C)]
struct Partition {
    start: c_longlong,
    length: c_longlong,
    number: c_int,
    device_name: [u8; 64],
    volume_name: [u8; 64],
}

/// `struct blkpg_ioctl_arg`
#[repr(C)]
struct Request {
    op: c_int,
    flags: c_int,
    length: c_int,
    data: *const c_void,
}

/// Makes the kernel see partition `number` of the open whole disk as `length_bytes` long, from `start_bytes` on.
///
/// Works while the partition is mounted, unlike re-reading the whole table. `start_bytes` must be its present start.
/// Changes nothing on the disk.
pub fn resize_partition(disk: impl AsFd, number: u32, start_bytes: u64, length_bytes: u64) -> io::Result<()> {
    let too_large = |_| io::Error::from(rustix::io::Errno::OVERFLOW);
    let partition = Partition {
        start: c_longlong::try_from(start_bytes).map_err(too_large)?,
        length: c_longlong::try_from(length_bytes).map_err(too_large)?,
        number: c_int::try_from(number).map_err(too_large)?,
        device_name: [0; 64],
        volume_name: [0; 64],
    };
    let request = Request {
        op: BLKPG_RESIZE_PARTITION,
        flags: 0,
        // Both are a few dozen bytes; the kernel does not read this field today.
        length: size_of::<Partition>() as c_int,
        data: (&raw const partition).cast(),
    };
    // SAFETY: BLKPG reads a `struct blkpg_ioctl_arg` and the `struct blkpg_partition` it points to, both of which
    // live until the call returns; it writes to neither and keeps no pointer.
    unsafe { ioctl(disk, Setter::<BLKPG, Request>::new(request)) }?;
    Ok(())
}
