//! What firmware does to a disk before it starts anything from it.
//!
//! EDK2 as its source has it (MdeModulePkg/Universal/Disk/PartitionDxe/Gpt.c, `PartitionInstallGptChildHandles` and
//! `PartitionRestoreGptTable`; the same in every release since 2006, and in OVMF of Debian 12 and 13):
//!
//! 1. Without an entry of type 0xEE from sector 1 on in the MBR there is no table, whatever follows.
//! 2. The primary copy counts if its header's checksum, place and entry size and its entries' checksum are right. If so, and the
//!    copy *where it says* is not right, that one is written from the primary: header, then entries.
//! 3. If the primary does not count, the copy in the disk's *last sector* is tried, and if right the primary is
//!    written from it: header, then entries.
//! 4. Two copies that are right and differ stay as they are, and the primary counts.
//! 5. Nothing is flushed. What it repaired may still be in the disk's cache when it starts us.

use bytemuck::{Zeroable, bytes_of};
use gpt_disk_types::crc::{Crc, Table};
use gpt_disk_types::{Crc32, GptHeader, LbaLe, MasterBootRecord};

use crate::disk::{Disk, Off};

static CRC32: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Crc32::ALGORITHM);

/// How the firmware treats damaged tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// Repairs them.
    Edk2,
    /// Reads whichever copy is right, and writes nothing.
    Careful,
}

impl Firmware {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Edk2, Self::Careful];

    /// Looks at the disk. False when it finds no table, and so nothing to start.
    pub fn start(self, disk: &mut Disk) -> Result<bool, Off> {
        if !protective(disk) {
            return Ok(false);
        }
        let last = disk.geometry().last_lba();
        let Some(primary) = right(disk, 1)? else {
            let Some(backup) = right(disk, last)? else { return Ok(false) };
            if self == Self::Edk2 {
                restore(disk, &backup)?;
            }
            return Ok(true);
        };
        let other = primary.alternate_lba.to_u64();
        let reachable = other <= last;
        if self == Self::Edk2 && reachable && right(disk, other)?.is_none() {
            restore(disk, &primary)?;
        }
        Ok(true)
    }
}

/// Point 1.
fn protective(disk: &Disk) -> bool {
    let sector = disk.sector(0);
    let mut mbr = MasterBootRecord::zeroed();
    let size = bytes_of(&mbr).len();
    bytemuck::bytes_of_mut(&mut mbr).copy_from_slice(&sector[..size]);
    mbr.partitions.iter().any(|p| p.os_indicator == 0xee && p.starting_lba.to_u32() == 1)
}

/// The header in sector `lba`, if it and its entries are right.
fn right(disk: &Disk, lba: u64) -> Result<Option<GptHeader>, Off> {
    let mut header = GptHeader::zeroed();
    let size = bytes_of(&header).len();
    let mut sector = vec![0; disk.geometry().sector().bytes()];
    disk.read(lba, &mut sector)?;
    bytemuck::bytes_of_mut(&mut header).copy_from_slice(&sector[..size]);
    let sound = header.is_signature_valid()
        && header.header_size.to_u32() as usize == size
        && header.calculate_header_crc32() == { header.header_crc32 }
        && header.my_lba.to_u64() == lba
        && header.size_of_partition_entry.to_u32() >= 128;
    if !sound {
        return Ok(None);
    }
    let crc = Crc32(gpt_disk_types::U32Le::from_u32(CRC32.checksum(&entries(disk, &header)?)));
    Ok((crc == { header.partition_entry_array_crc32 }).then_some(header))
}

fn entries(disk: &Disk, header: &GptHeader) -> Result<Vec<u8>, Off> {
    let bytes = header.number_of_partition_entries.to_u32() * header.size_of_partition_entry.to_u32();
    let mut entries = vec![0; bytes as usize];
    disk.read(header.partition_entry_lba.to_u64(), &mut entries)?;
    Ok(entries)
}

/// Writes the other copy from this one.
fn restore(disk: &mut Disk, from: &GptHeader) -> Result<(), Off> {
    let (mine, other) = (from.my_lba, from.alternate_lba);
    let place = if mine.to_u64() == 1 { from.last_usable_lba.to_u64() + 1 } else { 2 };
    let mut header = *from;
    (header.my_lba, header.alternate_lba, header.partition_entry_lba) = (other, mine, LbaLe::from_u64(place));
    header.update_header_crc32();
    let mut entries = entries(disk, from)?;
    let sector = disk.geometry().sector().bytes();
    let mut bytes = bytes_of(&header).to_vec();
    bytes.resize(sector, 0);
    disk.write(other.to_u64(), &bytes)?;
    entries.resize(entries.len().next_multiple_of(sector), 0);
    disk.write(place, &entries)
}
