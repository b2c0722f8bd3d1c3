//! A valid table: partitions by number, name and GUID, and the tables that follow from it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use gpt_disk_types::{GptHeader, GptPartitionAttributes, GptPartitionEntry, Guid, U64Le};

use crate::copy::{Copy, Fault, entries_sectors, le};
use crate::geometry::Geometry;

/// What both copies say, and where they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Geometry that the table was made for: its last sector is the backup header's.
    disk: Geometry,
    disk_guid: Guid,
    primary_entries_lba: u64,
    backup_entries_lba: u64,
    first_usable: u64,
    last_usable: u64,
    /// All slots, unused ones too.
    entries: Vec<GptPartitionEntry>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its number, from 1, as in `/dev/vda1`.
    pub number: u32,
    /// What kind of partition it is.
    pub type_guid: Guid,
    /// PARTUUID.
    pub guid: Guid,
    /// First sector.
    pub first_lba: u64,
    /// Last sector, inclusive.
    pub last_lba: u64,
    /// Attribute bits, untouched. 48 to 63 belong to the partition type.
    pub attributes: u64,
    /// PARTNAME.
    pub name: String,
}

impl Partition {
    /// Length in sectors.
    pub fn sectors(&self) -> u64 {
        self.last_lba - self.first_lba + 1
    }
}

/// Why entries do not make a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Ends before it begins, or leaves the usable range.
    #[error("partition {number} lies outside the usable range")]
    Outside {
        /// The partition.
        number: u32,
    },
    /// Two partitions share a sector.
    #[error("partitions {one} and {other} overlap")]
    Overlap {
        /// The one that begins first.
        one: u32,
        /// The other.
        other: u32,
    },
    /// Two partitions share a GUID, or one has none: a search by PARTUUID would be a guess.
    #[error("partition {number} has no GUID of its own")]
    Guid {
        /// The partition.
        number: u32,
    },
    /// There is no such partition.
    #[error("there is no partition {number}")]
    Absent {
        /// The number asked for.
        number: u32,
    },
}

/// Why a table cannot grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrowError {
    /// The disk ends before the table's backup copy.
    #[error("disk has {sectors} sectors, the table was made for {table_sectors}")]
    Shrunk {
        /// Of the disk now.
        sectors: u64,
        /// Of the disk the table was made for.
        table_sectors: u64,
    },
    /// The disk's sectors have another size.
    #[error("the table was made for another sector size")]
    SectorSize,
    /// Nothing to grow.
    #[error("table has no partition")]
    Empty,
}

impl Table {
    /// Joins a checked copy and its entries. `sectors` begins at [`Copy::entries_lba`].
    pub fn from_copy(copy: &Copy, sectors: &[u8], disk: &Geometry) -> Result<Self, Fault> {
        let entries = copy.entries(sectors)?;
        let last = copy.lba().max(copy.other_lba());
        let made_for = Geometry::new(disk.sector(), last + 1).map_err(|_| Fault::Geometry)?;
        let array = copy.entries_sectors();
        // A copy does not say where the other one has its entries: take the place where they always are.
        let (primary_entries_lba, backup_entries_lba) = if copy.is_primary() {
            (copy.entries_lba(), last.checked_sub(array).ok_or(Fault::Geometry)?)
        } else {
            (2, copy.entries_lba())
        };
        if backup_entries_lba <= copy.last_usable() || primary_entries_lba + array > copy.first_usable() {
            return Err(Fault::Geometry);
        }
        let disk_guid = copy.header.disk_guid;
        let table = Self {
            disk: made_for,
            disk_guid,
            primary_entries_lba,
            backup_entries_lba,
            first_usable: copy.first_usable(),
            last_usable: copy.last_usable(),
            entries,
        };
        table.check().map_err(|_| Fault::Entries)?;
        Ok(table)
    }

    /// A table with both copies in their usual places.
    pub(crate) fn new(
        disk: Geometry,
        disk_guid: Guid,
        entries: Vec<GptPartitionEntry>,
    ) -> Result<Self, TableError> {
        let array = entries_sectors(entries.len(), disk.sector());
        let backup_entries_lba = disk.last_lba() - array;
        let table = Self {
            disk,
            disk_guid,
            primary_entries_lba: 2,
            backup_entries_lba,
            first_usable: 2 + array,
            last_usable: backup_entries_lba - 1,
            entries,
        };
        table.check()?;
        Ok(table)
    }

    fn check(&self) -> Result<(), TableError> {
        let mut used: Vec<Partition> = self.partitions().collect();
        for p in &used {
            if p.first_lba > p.last_lba || p.first_lba < self.first_usable || p.last_lba > self.last_usable {
                return Err(TableError::Outside { number: p.number });
            }
            let twins = used.iter().filter(|other| other.guid == p.guid).count();
            if p.guid.is_zero() || twins > 1 {
                return Err(TableError::Guid { number: p.number });
            }
        }
        used.sort_by_key(|p| p.first_lba);
        for pair in used.windows(2) {
            if pair[1].first_lba <= pair[0].last_lba {
                return Err(TableError::Overlap { one: pair[0].number, other: pair[1].number });
            }
        }
        Ok(())
    }

    /// The disk that the table was made for; the real one may have grown since.
    pub fn disk(&self) -> &Geometry {
        &self.disk
    }

    /// GUID of the disk.
    pub fn disk_guid(&self) -> Guid {
        self.disk_guid
    }

    /// All partitions, by number.
    pub fn partitions(&self) -> impl Iterator<Item = Partition> + '_ {
        (1..).zip(&self.entries).filter(|(_, entry)| entry.is_used()).map(|(number, entry)| Partition {
            number,
            type_guid: { entry.partition_type_guid }.0,
            guid: entry.unique_partition_guid,
            first_lba: entry.starting_lba.to_u64(),
            last_lba: entry.ending_lba.to_u64(),
            attributes: entry.attributes.0.to_u64(),
            name: { entry.name }.to_string(),
        })
    }

    /// The partition with this PARTUUID; there is at most one.
    pub fn by_guid(&self, guid: Guid) -> Option<Partition> {
        self.partitions().find(|p| p.guid == guid)
    }

    /// The first partition with this name.
    pub fn by_name(&self, name: &str) -> Option<Partition> {
        self.partitions().find(|p| p.name == name)
    }

    /// The partition that ends last.
    pub fn last_partition(&self) -> Option<Partition> {
        self.partitions().max_by_key(|p| p.last_lba)
    }

    /// The same table with one partition's attribute bits replaced.
    pub fn with_attributes(&self, number: u32, attributes: u64) -> Result<Self, TableError> {
        let mut table = self.clone();
        table.entry_mut(number)?.attributes = GptPartitionAttributes(U64Le::from_u64(attributes));
        Ok(table)
    }

    /// The same table with one partition's GUID replaced: a root's changes with its contents. Refused where another
    /// partition has it already.
    pub fn with_guid(&self, number: u32, guid: Guid) -> Result<Self, TableError> {
        let mut table = self.clone();
        table.entry_mut(number)?.unique_partition_guid = guid;
        table.check()?;
        Ok(table)
    }

    fn entry_mut(&mut self, number: u32) -> Result<&mut GptPartitionEntry, TableError> {
        let slot = (number as usize).checked_sub(1).and_then(|slot| self.entries.get_mut(slot));
        slot.filter(|entry| entry.is_used()).ok_or(TableError::Absent { number })
    }

    /// The table for the disk as it is now: backup copy at its end, and the last partition reaching as far as
    /// the alignment allows. The same table when there is nothing to gain.
    pub fn grown(&self, disk: &Geometry) -> Result<Self, GrowError> {
        if disk.sector() != self.disk.sector() {
            return Err(GrowError::SectorSize);
        }
        if disk.sectors() < self.disk.sectors() {
            let (sectors, table_sectors) = (disk.sectors(), self.disk.sectors());
            return Err(GrowError::Shrunk { sectors, table_sectors });
        }
        let last = self.last_partition().ok_or(GrowError::Empty)?;
        let mut table = self.moved(disk);
        let aligned_end = (table.last_usable + 1) / disk.sector().alignment() * disk.sector().alignment();
        // A table whose usable sectors end in the first MiB has no aligned end: it stays as it is.
        let end = aligned_end.saturating_sub(1).max(last.last_lba);
        table.entries[last.number as usize - 1].ending_lba = le(end);
        Ok(table)
    }

    /// The same partitions, with the backup copy at the end of `disk`, which has grown or not.
    pub(crate) fn moved(&self, disk: &Geometry) -> Self {
        let mut table = self.clone();
        if disk.sectors() > self.disk.sectors() {
            table.disk = *disk;
            table.backup_entries_lba = disk.last_lba() - entries_sectors(self.entries.len(), disk.sector());
            table.last_usable = table.backup_entries_lba - 1;
        }
        table
    }

    pub(crate) fn entries(&self) -> &[GptPartitionEntry] {
        &self.entries
    }

    /// The copy with its header in sector 1.
    pub(crate) fn primary(&self) -> Copy {
        self.copy(1, self.disk.last_lba(), self.primary_entries_lba)
    }

    /// The copy with its header in the last sector.
    pub(crate) fn backup(&self) -> Copy {
        self.copy(self.disk.last_lba(), 1, self.backup_entries_lba)
    }

    fn copy(&self, lba: u64, other: u64, entries_lba: u64) -> Copy {
        let header = GptHeader {
            my_lba: le(lba),
            alternate_lba: le(other),
            first_usable_lba: le(self.first_usable),
            last_usable_lba: le(self.last_usable),
            disk_guid: self.disk_guid,
            partition_entry_lba: le(entries_lba),
            ..GptHeader::default()
        };
        Copy::seal(header, &self.entries, self.disk.sector())
    }
}
