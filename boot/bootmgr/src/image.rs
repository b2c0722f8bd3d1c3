//! Reading a UKI from its raw partition, no more of it than its headers say there is.

use alloc::vec::Vec;

use partition::Partition;
use pe::Headers;
use pe::uki::{Facts, HEAD_BYTES, ReadError};

use crate::machine::Machine;

/// Larger than any `BOOT` partition we lay out (128 MiB): bounds what a hostile table and header make us allocate.
const MAX_IMAGE_BYTES: u64 = 256 << 20;
/// Of one read. Drivers of old firmware fail on larger ones.
const MAX_READ_BYTES: usize = 4 << 20;

/// Why no image came from a partition.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFault<E: core::error::Error + 'static> {
    #[error("no memory for {bytes} bytes")]
    Memory {
        bytes: usize,
        #[source]
        err: E,
    },
    #[error("cannot read sector {lba}")]
    Read {
        lba: u64,
        #[source]
        err: E,
    },
    #[error("there is no image")]
    Headers(#[source] pe::Fault),
    #[error("its headers claim {bytes} bytes, the partition has {room}")]
    Length { bytes: u64, room: u64 },
}

/// An image in memory.
pub(crate) struct Image<T> {
    memory: T,
    bytes: usize,
}

impl<T: AsRef<[u8]>> Image<T> {
    pub fn bytes(&self) -> &[u8] {
        self.memory.as_ref().get(..self.bytes).unwrap_or_default()
    }
}

/// Reads the whole image: its headers first, then as much as they say.
pub(crate) fn read<M: Machine>(
    machine: &mut M,
    partition: &Partition,
) -> Result<Image<M::Memory>, ReadFault<M::Error>> {
    let sector = machine.disk().sector().bytes();
    let room = partition.sectors().saturating_mul(sector as u64).min(MAX_IMAGE_BYTES);
    let head_bytes = HEAD_BYTES.min(room as usize);
    let mut head = memory(machine, head_bytes)?;
    read_into(machine, partition.first_lba, head.as_mut())?;
    let headers = Headers::parse(head.as_ref()).map_err(ReadFault::Headers)?;
    let bytes = headers.image_len();
    if bytes > room {
        return Err(ReadFault::Length { bytes, room });
    }
    let bytes = bytes as usize;
    let mut image = memory(machine, bytes.next_multiple_of(sector))?;
    // What was judged is what is used: the head is not read again.
    let (known, rest) = image.as_mut().split_at_mut(head_bytes.min(bytes.next_multiple_of(sector)));
    known.copy_from_slice(&head.as_ref()[..known.len()]);
    let mut lba = partition.first_lba + (known.len() / sector) as u64;
    for part in rest.chunks_mut(MAX_READ_BYTES) {
        read_into(machine, lba, part)?;
        lba += (part.len() / sector) as u64;
    }
    Ok(Image { memory: image, bytes })
}

/// What the image in a partition says about itself, unverified, with a few small reads.
pub(crate) fn facts<M: Machine>(
    machine: &mut M,
    partition: &Partition,
) -> Result<Facts, ReadError<M::Error>> {
    let sector = machine.disk().sector().bytes() as u64;
    Facts::read(|offset, bytes| {
        let first = offset / sector;
        let end = (offset + bytes as u64).div_ceil(sector).min(partition.sectors());
        let Some(count) = end.checked_sub(first).filter(|count| *count > 0) else { return Ok(Vec::new()) };
        let mut memory = machine.memory((count * sector) as usize)?;
        machine.read(partition.first_lba + first, memory.as_mut())?;
        let skip = (offset - first * sector) as usize;
        let wanted = memory.as_ref().get(skip..).unwrap_or_default();
        Ok(wanted[..bytes.min(wanted.len())].to_vec())
    })
}

fn memory<M: Machine>(machine: &mut M, bytes: usize) -> Result<M::Memory, ReadFault<M::Error>> {
    machine.memory(bytes).map_err(|err| ReadFault::Memory { bytes, err })
}

fn read_into<M: Machine>(machine: &mut M, lba: u64, into: &mut [u8]) -> Result<(), ReadFault<M::Error>> {
    machine.read(lba, into).map_err(|err| ReadFault::Read { lba, err })
}
