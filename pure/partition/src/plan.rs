//! A new table from a list of partitions with sizes.

use alloc::string::String;
use alloc::vec::Vec;

use gpt_disk_types::{GptPartitionAttributes, GptPartitionEntry, GptPartitionType, Guid, U64Le};

use crate::copy::{entries_sectors, le};
use crate::edits::Edits;
use crate::geometry::Geometry;
use crate::table::{Table, TableError};

/// Slots in a new table: the least that the specification allows (16 KiB), and what firmware expects.
const ENTRIES: usize = 128;

/// How large a planned partition becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// At least this many bytes, rounded up to 1 MiB.
    Bytes(u64),
    /// All that is left; only for the last partition.
    Rest,
}

/// A partition of a table to build. GUIDs come from the caller: nothing here is random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPartition {
    /// PARTNAME, at most 35 characters.
    pub name: String,
    /// What kind of partition it is.
    pub type_guid: Guid,
    /// PARTUUID.
    pub guid: Guid,
    /// How large.
    pub size: Size,
    /// Attribute bits.
    pub attributes: u64,
}

/// Why a plan makes no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// More partitions than slots.
    #[error("{count} partitions, but a table has {ENTRIES}")]
    TooMany {
        /// Planned partitions.
        count: usize,
    },
    /// The name is too long or holds characters outside the basic plane.
    #[error("partition name {name:?} does not fit a GPT entry")]
    Name {
        /// The name.
        name: String,
    },
    /// The all-zero type means "unused slot".
    #[error("partition {name} has no type")]
    Type {
        /// The partition.
        name: String,
    },
    /// The disk is full, or `Rest` is followed by another partition.
    #[error("no room for partition {name}")]
    NoRoom {
        /// The partition that found no place.
        name: String,
    },
    /// The partitions contradict each other.
    #[error("the planned table is not valid")]
    Table(#[source] TableError),
}

/// Lays the partitions out in order on 1 MiB boundaries.
pub fn build(disk: &Geometry, disk_guid: Guid, plan: &[PlannedPartition]) -> Result<Table, PlanError> {
    if plan.len() > ENTRIES {
        return Err(PlanError::TooMany { count: plan.len() });
    }
    let align = disk.sector().alignment();
    let reserved = entries_sectors(ENTRIES, disk.sector()) + 1;
    // First sector that no partition may use: the backup copy's, rounded down.
    let end = (disk.sectors() - reserved) / align * align;
    let mut entries = Vec::new();
    entries.resize(ENTRIES, GptPartitionEntry::default());
    let mut next = align;
    for (entry, planned) in entries.iter_mut().zip(plan) {
        let no_room = || PlanError::NoRoom { name: planned.name.clone() };
        if planned.type_guid.is_zero() {
            return Err(PlanError::Type { name: planned.name.clone() });
        }
        let room = end.checked_sub(next).filter(|room| *room > 0).ok_or_else(no_room)?;
        let sectors = match planned.size {
            Size::Bytes(bytes) => {
                bytes.div_ceil(1024 * 1024).max(1).checked_mul(align).ok_or_else(no_room)?
            }
            Size::Rest => room,
        };
        if sectors > room {
            return Err(no_room());
        }
        let name = planned.name.parse().map_err(|_| PlanError::Name { name: planned.name.clone() })?;
        *entry = GptPartitionEntry {
            partition_type_guid: GptPartitionType(planned.type_guid),
            unique_partition_guid: planned.guid,
            starting_lba: le(next),
            ending_lba: le(next + sectors - 1),
            attributes: GptPartitionAttributes(U64Le::from_u64(planned.attributes)),
            name,
        };
        next += sectors;
    }
    Table::new(*disk, disk_guid, entries).map_err(PlanError::Table)
}

impl Table {
    /// What to write on an empty disk so that it carries this table.
    pub fn fresh_edits(&self) -> Edits {
        Edits::fresh(self)
    }
}
