//! A change to a disk's table as an ordered list of writes and flushes.

use alloc::vec::Vec;

use bytemuck::bytes_of;
use gpt_disk_types::{MasterBootRecord, U32Le};

use crate::copy::{Copy, entries_bytes};
use crate::table::Table;

/// One step. Writes between two flushes may reach the disk in any order, or in part; a flush returns when all
/// before it are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Write whole sectors.
    Write {
        /// First sector.
        lba: u64,
        /// A multiple of the sector size.
        bytes: Vec<u8>,
    },
    /// Make everything so far durable.
    Flush,
}

/// Steps to perform in order. Stop at the first that fails: what is on disk then is still whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a table changes on disk only when its edits are performed"]
pub struct Edits(Vec<Edit>);

impl Edits {
    /// Nothing to do: the disk says so already.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Edit] {
        &self.0
    }

    /// A disk that has no table to lose.
    pub(crate) fn fresh(table: &Table) -> Self {
        let mut edits = Self::default();
        edits.mbr(table);
        edits.copy(&table.primary(), table);
        edits.copy(&table.backup(), table);
        edits
    }

    /// Both copies, one after the other. The copy that is written second is the one that must be good until
    /// the first is durable: so write first a copy that is damaged, or the backup when none is.
    ///
    /// The flush before it all is for what somebody else wrote: EDK2 repairs a damaged copy before it starts us and flushes
    /// nothing, so the copy that we read as good may be in the disk's cache only while we tear the other one up.
    ///
    /// The protective MBR stays as it is. Firmware that cannot read it sees no table at all, and there is no second copy.
    pub(crate) fn both_copies(table: &Table, primary_first: bool) -> Self {
        let mut edits = Self(alloc::vec![Edit::Flush]);
        let (primary, backup) = (table.primary(), table.backup());
        let (first, second) = if primary_first { (primary, backup) } else { (backup, primary) };
        edits.copy(&first, table);
        edits.copy(&second, table);
        edits
    }

    /// Entries, header, flush.
    fn copy(&mut self, copy: &Copy, table: &Table) {
        let bytes = entries_bytes(table.entries(), table.disk().sector());
        self.0.push(Edit::Write { lba: copy.entries_lba(), bytes });
        self.0.push(Edit::Write { lba: copy.lba(), bytes: copy.sector_bytes() });
        self.0.push(Edit::Flush);
    }

    /// The protective MBR tells firmware that there is a table, and tools that know none to keep their hands off. Nobody who
    /// boots us reads its length, so it is written once and not when the disk grows.
    fn mbr(&mut self, table: &Table) {
        let sectors = table.disk().sectors();
        let mut mbr = MasterBootRecord::protective_mbr(sectors);
        // UEFI 5.2.3: all ones where the size does not fit. The crate is one short there.
        mbr.partitions[0].size_in_lba = U32Le::from_u32(u32::try_from(sectors - 1).unwrap_or(u32::MAX));
        let mut bytes = bytes_of(&mbr).to_vec();
        bytes.resize(table.disk().sector().bytes(), 0);
        self.0.push(Edit::Write { lba: 0, bytes });
    }
}
