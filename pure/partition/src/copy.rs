//! One of the two copies of a table: a header in its own sector, and the entries it points to.

use alloc::vec::Vec;

use bytemuck::bytes_of;
use gpt_disk_types::{
    Crc32, GptHeader, GptHeaderRevision, GptPartitionEntry, LbaLe, U32Le,
    crc::{self, Table},
};

use crate::geometry::{Geometry, SectorSize};

/// Size of the header of revision 1.0, and of its entries: what every tool writes. Larger ones are legal and
/// unheard of; refusing them keeps "entries that we do not change keep every byte" true.
const HEADER_BYTES: usize = 92;
const ENTRY_BYTES: usize = 128;
/// Eight times the usual count: bounds what a hostile header makes us read (128 KiB).
const MAX_ENTRIES: u32 = 1024;
/// Sixteen bytes at a time, for 16 KiB of table: each start checks and makes a dozen copies of 16 KiB.
static CRC32: crc::Crc<u32, Table<16>> = crc::Crc::<u32, Table<16>>::new(&Crc32::ALGORITHM);

/// A header that has been checked by itself and against the disk; its entries may not have been read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    pub(crate) header: GptHeader,
    sector: SectorSize,
}

/// Why a copy is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No "EFI PART" there: never written, or overwritten.
    #[error("no GPT signature")]
    Signature,
    /// A format that we do not know.
    #[error("unknown GPT revision, header size or entry size")]
    Format,
    /// Header bytes do not match their checksum.
    #[error("header checksum is wrong")]
    HeaderChecksum,
    /// The header says that it belongs into another sector.
    #[error("header belongs to sector {claimed}")]
    WrongPlace {
        /// The sector it claims.
        claimed: u64,
    },
    /// Too many entries, or none.
    #[error("table has {count} entries")]
    EntryCount {
        /// The count it claims.
        count: u32,
    },
    /// Usable range, entries and headers overlap or leave the disk.
    #[error("usable range, entries or other copy out of place")]
    Geometry,
    /// Entries do not match their checksum.
    #[error("entries' checksum is wrong")]
    EntriesChecksum,
    /// Entries are intact but make no sense.
    #[error("entries are contradictory")]
    Entries,
    /// The sectors could not be read.
    #[error("cannot be read")]
    Unreadable,
    /// The disk has grown since the table was made. Firmware looks for a backup copy in the last sector only, so this
    /// one would not help it.
    #[error("is not at the end of the disk, which has grown")]
    NotAtEnd,
}

impl Copy {
    /// Checks the header found in sector `lba` of a disk. `sector` must hold at least that one sector.
    pub fn parse(sector: &[u8], lba: u64, disk: &Geometry) -> Result<Self, Fault> {
        let bytes = sector.get(..HEADER_BYTES).ok_or(Fault::Unreadable)?;
        let header: GptHeader = bytemuck::try_pod_read_unaligned(bytes).map_err(|_| Fault::Unreadable)?;
        if !header.is_signature_valid() {
            return Err(Fault::Signature);
        }
        let (size, revision) = (header.header_size, header.revision);
        if revision != GptHeaderRevision::VERSION_1_0 || size.to_u32() as usize != HEADER_BYTES {
            return Err(Fault::Format);
        }
        let claimed_crc = header.header_crc32;
        if header.calculate_header_crc32() != claimed_crc {
            return Err(Fault::HeaderChecksum);
        }
        let my_lba = header.my_lba;
        if my_lba.to_u64() != lba {
            return Err(Fault::WrongPlace { claimed: my_lba.to_u64() });
        }
        let entry_size = header.size_of_partition_entry;
        if entry_size.to_u32() as usize != ENTRY_BYTES {
            return Err(Fault::Format);
        }
        let count = header.number_of_partition_entries.to_u32();
        if count == 0 || count > MAX_ENTRIES {
            return Err(Fault::EntryCount { count });
        }
        let copy = Self { header, sector: disk.sector() };
        if copy.fits(disk) { Ok(copy) } else { Err(Fault::Geometry) }
    }

    /// Order on disk: MBR, primary header, primary entries, usable range, backup entries, backup header.
    fn fits(&self, disk: &Geometry) -> bool {
        let (first, last) = (self.first_usable(), self.last_usable());
        let (mine, other) = (self.lba(), self.other_lba());
        let entries = self.entries_lba();
        let Some(entries_end) = entries.checked_add(self.entries_sectors()) else { return false };
        let entries_fit = if self.is_primary() {
            entries > mine && entries_end <= first && other > last
        } else {
            entries > last && entries_end <= mine && other == 1 && first > other
        };
        first <= last && entries_fit && mine.max(other) <= disk.last_lba()
    }

    /// The primary copy's header lives in sector 1.
    pub fn is_primary(&self) -> bool {
        self.lba() == 1
    }

    /// Sector of this header.
    pub fn lba(&self) -> u64 {
        self.header.my_lba.to_u64()
    }

    /// Sector of the other copy's header.
    pub fn other_lba(&self) -> u64 {
        self.header.alternate_lba.to_u64()
    }

    pub(crate) fn first_usable(&self) -> u64 {
        self.header.first_usable_lba.to_u64()
    }

    pub(crate) fn last_usable(&self) -> u64 {
        self.header.last_usable_lba.to_u64()
    }

    /// First sector of the entries.
    pub fn entries_lba(&self) -> u64 {
        self.header.partition_entry_lba.to_u64()
    }

    /// Count of sectors that the entries take.
    pub fn entries_sectors(&self) -> u64 {
        entries_sectors(self.header.number_of_partition_entries.to_u32() as usize, self.sector)
    }

    /// Checks the entries and reads them. `sectors` begins at [`Copy::entries_lba`].
    pub(crate) fn entries(&self, sectors: &[u8]) -> Result<Vec<GptPartitionEntry>, Fault> {
        let count = self.header.number_of_partition_entries.to_u32() as usize;
        let bytes = sectors.get(..count * ENTRY_BYTES).ok_or(Fault::Unreadable)?;
        let claimed = self.header.partition_entry_array_crc32;
        if checksum(bytes) != claimed {
            return Err(Fault::EntriesChecksum);
        }
        Ok(bytes.chunks_exact(ENTRY_BYTES).filter_map(|b| bytemuck::try_pod_read_unaligned(b).ok()).collect())
    }

    /// Writes the fields that the caller does not choose, checksums included.
    pub(crate) fn seal(mut header: GptHeader, entries: &[GptPartitionEntry], sector: SectorSize) -> Self {
        header.number_of_partition_entries = U32Le::from_u32(entries.len() as u32);
        header.partition_entry_array_crc32 = checksum(bytemuck::cast_slice(entries));
        header.update_header_crc32();
        Self { header, sector }
    }

    /// The header's whole sector.
    pub(crate) fn sector_bytes(&self) -> Vec<u8> {
        let mut bytes = bytes_of(&self.header).to_vec();
        bytes.resize(self.sector.bytes(), 0);
        bytes
    }
}

/// Sectors that `count` entries take.
pub(crate) fn entries_sectors(count: usize, sector: SectorSize) -> u64 {
    (count * ENTRY_BYTES).div_ceil(sector.bytes()) as u64
}

/// Entries as whole sectors.
pub(crate) fn entries_bytes(entries: &[GptPartitionEntry], sector: SectorSize) -> Vec<u8> {
    let mut bytes = bytemuck::cast_slice(entries).to_vec();
    bytes.resize(entries_sectors(entries.len(), sector) as usize * sector.bytes(), 0);
    bytes
}

/// Shorthand for a sector number in a header or an entry.
pub(crate) fn le(lba: u64) -> LbaLe {
    LbaLe::from_u64(lba)
}

fn checksum(bytes: &[u8]) -> Crc32 {
    Crc32(U32Le::from_u32(CRC32.checksum(bytes)))
}
