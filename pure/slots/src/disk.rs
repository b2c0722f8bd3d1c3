//! Sets in a partition table.

use partition::{Guid, Partition, Table, guid};

use crate::attributes::Attributes;
use crate::sets::{Set, Sets};

/// Type of the `BOOT` partitions: ours, so that all attribute bits are ours and no other tool has ideas about them.
pub const BOOT_TYPE: Guid = guid!("3a87fb39-fbef-46c2-92dc-61693d1a1022");
/// Type of the `ROOT` partitions: root file system, x86-64, of the Discoverable Partitions Specification.
pub const ROOT_TYPE: Guid = guid!("4f68bce3-e8cd-4db1-96e7-fbcaf984b709");

/// A table with neither set: not one of our disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partition table has neither BOOT-A nor BOOT-B (type {BOOT_TYPE}); this is not a disk of ours")]
pub struct NoSets;

/// A table without one of the partitions to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the partition table has no {} (type {BOOT_TYPE})", set.boot_name())]
pub struct MissingSet {
    /// The set.
    pub set: Set,
}

impl Set {
    /// The partition with this set's UKI: by type and name, the first of several.
    pub fn boot_partition(self, table: &Table) -> Option<Partition> {
        table.partitions().find(|p| p.type_guid == BOOT_TYPE && p.name == self.boot_name())
    }

    /// The partition that this set's root is written to: by type and name, the first of several. (What a UKI boots is found by
    /// the root hash instead.)
    pub fn root_partition(self, table: &Table) -> Option<Partition> {
        table.partitions().find(|p| p.type_guid == ROOT_TYPE && p.name == self.root_name())
    }
}

impl Sets {
    /// Reads both sets. One that has no partition is empty: the other must boot all the same.
    pub fn of_table(table: &Table) -> Result<Self, NoSets> {
        let [a, b] = Set::BOTH.map(|set| set.boot_partition(table));
        if a.is_none() && b.is_none() {
            return Err(NoSets);
        }
        let attributes =
            |p: Option<Partition>| p.map_or(Attributes::EMPTY, |p| Attributes::from_bits(p.attributes));
        Ok(Self::new(attributes(a), attributes(b)))
    }

    /// The table that says this of both sets, and of everything else what `table` says.
    pub fn table(self, table: &Table) -> Result<Table, MissingSet> {
        let mut changed = table.clone();
        for set in Set::BOTH {
            let attributes = self.get(set);
            match set.boot_partition(table) {
                Some(p) => {
                    let bits = attributes.apply(p.attributes);
                    changed = changed.with_attributes(p.number, bits).map_err(|_| MissingSet { set })?;
                }
                None if attributes == Attributes::EMPTY => {}
                None => return Err(MissingSet { set }),
            }
        }
        Ok(changed)
    }
}
