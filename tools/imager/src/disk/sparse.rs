//! Copying into a sparse file: blocks of zeroes stay holes.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};

/// The file system's block on every build host we know: the smallest hole.
const BLOCK_BYTES: usize = 4096;
const CHUNK_BYTES: usize = 1 << 20;
const ZEROES: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// Copies all of `from` to `start`, where there is `room`. The place must not have been written before.
pub(super) fn write(from: &mut impl Read, disk: &File, start: u64, room: u64) -> Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut done = 0;
    loop {
        let len = fill(from, &mut chunk).context("cannot read the content")?;
        if len == 0 {
            return Ok(());
        }
        ensure!(done + len as u64 <= room, "the content is larger than the partition ({room} bytes)");
        for (index, block) in chunk[..len].chunks(BLOCK_BYTES).enumerate() {
            if block != &ZEROES[..block.len()] {
                let at = start + done + (index * BLOCK_BYTES) as u64;
                disk.write_all_at(block, at).context("cannot write the disk image")?;
            }
        }
        done += len as u64;
    }
}

/// Reads until the buffer is full or the source ends, so that blocks stay aligned.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match from.read(&mut buffer[len..])? {
            0 => break,
            more => len += more,
        }
    }
    Ok(len)
}
