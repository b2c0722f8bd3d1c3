//! The disk as a table sees it: sector size and count.

use core::fmt;

/// Alignment of partitions: what every partitioning tool uses, and a multiple of any flash block we know.
const ALIGN_BYTES: u64 = 1024 * 1024;
/// MBR, two headers, two sectors of entries, and room for one partition at the alignment.
const MIN_BYTES: u64 = 4 * ALIGN_BYTES;
/// 2^63 bytes: keeps every byte offset in an `i64`, as system calls want it.
const MAX_BYTES: u64 = 1 << 63;

/// Logical sector size of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SectorSize {
    /// The usual one.
    B512,
    /// "4Kn" disks.
    B4096,
}

impl SectorSize {
    /// `None` for a size that no disk we support has.
    pub fn from_bytes(bytes: u64) -> Option<Self> {
        match bytes {
            512 => Some(Self::B512),
            4096 => Some(Self::B4096),
            _ => None,
        }
    }

    /// Bytes per sector.
    pub fn bytes(self) -> usize {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }

    /// Sectors per alignment unit (1 MiB).
    pub fn alignment(self) -> u64 {
        ALIGN_BYTES / self.bytes() as u64
    }
}

impl fmt::Display for SectorSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.bytes())
    }
}

/// Sector size and count of one disk. Small and absurd disks do not make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    sector: SectorSize,
    sectors: u64,
}

/// A disk that cannot carry a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("disk of {sectors} sectors of {sector} bytes: want {MIN_BYTES} bytes to 2^63")]
pub struct GeometryError {
    sectors: u64,
    sector: SectorSize,
}

impl Geometry {
    /// Checks that the disk can carry a table at all.
    pub fn new(sector: SectorSize, sectors: u64) -> Result<Self, GeometryError> {
        let bytes = sectors.checked_mul(sector.bytes() as u64);
        match bytes {
            Some(MIN_BYTES..=MAX_BYTES) => Ok(Self { sector, sectors }),
            _ => Err(GeometryError { sectors, sector }),
        }
    }

    /// Sector size.
    pub fn sector(&self) -> SectorSize {
        self.sector
    }

    /// Count of sectors.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// Number of the last sector: where the backup header belongs.
    pub fn last_lba(&self) -> u64 {
        self.sectors - 1
    }
}
