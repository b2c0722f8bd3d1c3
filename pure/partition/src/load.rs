//! Finding the table of a disk: from the primary copy, else from the backup.

use alloc::vec::Vec;
use core::fmt;

use crate::copy::{Copy, Fault};
use crate::edits::Edits;
use crate::geometry::Geometry;
use crate::table::Table;

/// Reads sectors. Every caller has its own way: a file, a firmware protocol, bytes in a test.
pub trait Sectors {
    /// The error of a failed read.
    type Error;
    /// Reads `count` sectors from `lba` on. `count` is at most 257.
    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, Self::Error>;
}

/// A table, and how its two copies on the disk fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What counts: the primary copy, or the backup where the primary is damaged; on a disk that has grown, with the
    /// backup's place at its end.
    pub table: Table,
    /// What is wrong with the primary copy.
    pub primary: Option<Fault>,
    /// What is wrong with the backup copy.
    pub backup: Option<Fault>,
    /// Both copies are sound but say different things: a cut between their writes. The primary counts.
    pub differ: bool,
}

/// How the two copies fare, in one word: `Display` writes what the boot manager's trace and `signpost` call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// Both are sound and agree.
    Whole,
    /// The backup counts.
    PrimaryDamaged,
    /// The primary counts.
    BackupDamaged,
    /// The disk has grown since the table was made: no damage.
    BackupNotAtEnd,
    /// Both are sound but say different things. The primary counts.
    Differ,
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "whole",
            Self::PrimaryDamaged => "primary-damaged",
            Self::BackupDamaged => "backup-damaged",
            Self::BackupNotAtEnd => "backup-not-at-end",
            Self::Differ => "differ",
        })
    }
}

/// A disk without a usable table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no usable partition table (primary copy: {primary}; backup copy: {backup})")]
pub struct LoadError {
    /// What is wrong with the primary copy.
    pub primary: Fault,
    /// What is wrong with the backup copy.
    pub backup: Fault,
}

/// Reads both copies. A copy that cannot be read counts as damaged: the other may serve.
pub fn load<S: Sectors>(source: &mut S, disk: &Geometry) -> Result<Loaded, LoadError> {
    match load_copy(source, 1, disk) {
        Ok(table) => {
            if table.disk().sectors() < disk.sectors() {
                // Edits must bring the backup to the end before they touch the primary: see `edits`.
                let table = table.moved(disk);
                return Ok(Loaded { table, primary: None, backup: Some(Fault::NotAtEnd), differ: false });
            }
            let backup = load_copy(source, disk.last_lba(), disk);
            let differ = backup.as_ref().is_ok_and(|backup| *backup != table);
            Ok(Loaded { table, primary: None, backup: backup.err(), differ })
        }
        Err(primary) => match load_copy(source, disk.last_lba(), disk) {
            Ok(table) => Ok(Loaded { table, primary: Some(primary), backup: None, differ: false }),
            Err(backup) => Err(LoadError { primary, backup }),
        },
    }
}

fn load_copy<S: Sectors>(source: &mut S, lba: u64, disk: &Geometry) -> Result<Table, Fault> {
    let mut read = |lba, count| source.read(lba, count).map_err(|_| Fault::Unreadable);
    let copy = Copy::parse(&read(lba, 1)?, lba, disk)?;
    Table::from_copy(&copy, &read(copy.entries_lba(), copy.entries_sectors())?, disk)
}

impl Loaded {
    /// How both copies fare.
    pub fn copies(&self) -> Copies {
        match self {
            Self { primary: Some(_), .. } => Copies::PrimaryDamaged,
            Self { backup: Some(Fault::NotAtEnd), .. } => Copies::BackupNotAtEnd,
            Self { backup: Some(_), .. } => Copies::BackupDamaged,
            Self { differ: true, .. } => Copies::Differ,
            _ => Copies::Whole,
        }
    }

    /// Both copies are sound and agree.
    pub fn is_whole(&self) -> bool {
        self.copies() == Copies::Whole
    }

    /// What to write so that the disk says `table` in both copies; empty when it does already.
    pub fn edits(&self, table: &Table) -> Edits {
        if self.is_whole() && self.table == *table {
            return Edits::default();
        }
        Edits::both_copies(table, self.primary.is_some())
    }
}
