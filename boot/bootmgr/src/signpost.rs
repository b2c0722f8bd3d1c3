//! The partition table of the boot disk, with what it says about the sets.
//!
//! Holds always: what is in memory is what the disk says. After a write that failed the table is read again, for
//! either copy may have been reached.

use alloc::vec::Vec;

use partition::{Copies, Edit, Edits, LoadError, Loaded, Sectors, load};
use slots::{MissingSet, NoSets, Sets};

use crate::machine::Machine;

/// The table as it stands on the disk.
pub(crate) struct Signpost {
    found: Loaded,
    sets: Sets,
}

/// Why there is nothing to choose from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSignpost {
    #[error("cannot choose a set")]
    Table(#[source] LoadError),
    #[error("cannot choose a set")]
    Sets(#[source] NoSets),
}

/// Why the table could not be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFault<E: core::error::Error + 'static> {
    #[error("cannot write sector {lba}")]
    Write {
        lba: u64,
        #[source]
        err: E,
    },
    #[error("cannot flush the disk")]
    Flush(#[source] E),
    #[error("cannot change the table")]
    Missing(#[source] MissingSet),
}

impl Signpost {
    /// Reads both copies.
    pub fn read<M: Machine>(machine: &mut M) -> Result<Self, NoSignpost> {
        let found = find(machine).map_err(NoSignpost::Table)?;
        let sets = Sets::of_table(&found.table).map_err(NoSignpost::Sets)?;
        Ok(Self { found, sets })
    }

    pub fn copies(&self) -> Copies {
        self.found.copies()
    }

    pub fn sets(&self) -> Sets {
        self.sets
    }

    pub fn table(&self) -> &partition::Table {
        &self.found.table
    }

    /// Makes both copies say `sets`; writes nothing where they do. Durable in both when it returns.
    pub fn write<M: Machine>(&mut self, machine: &mut M, sets: Sets) -> Result<(), WriteFault<M::Error>> {
        let table = sets.table(&self.found.table).map_err(WriteFault::Missing)?;
        let edits = self.found.edits(&table);
        match perform(machine, &edits) {
            Ok(()) => {
                self.found = Loaded { table, primary: None, backup: None, differ: false };
                self.sets = sets;
                Ok(())
            }
            Err(err) => {
                // A disk that cannot be read either leaves us with what we knew.
                if let Ok(now) = Self::read(machine) {
                    *self = now;
                }
                Err(err)
            }
        }
    }
}

fn perform<M: Machine>(machine: &mut M, edits: &Edits) -> Result<(), WriteFault<M::Error>> {
    edits.steps().iter().try_for_each(|step| match step {
        Edit::Write { lba, bytes } => {
            machine.write(*lba, bytes).map_err(|err| WriteFault::Write { lba: *lba, err })
        }
        Edit::Flush => machine.flush().map_err(WriteFault::Flush),
    })
}

fn find<M: Machine>(machine: &mut M) -> Result<Loaded, LoadError> {
    let disk = machine.disk();
    load(&mut Table(machine), &disk)
}

/// Reads sectors for `partition`.
struct Table<'m, M>(&'m mut M);

impl<M: Machine> Sectors for Table<'_, M> {
    type Error = M::Error;

    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, M::Error> {
        let bytes = count as usize * self.0.disk().sector().bytes();
        let mut memory = self.0.memory(bytes)?;
        self.0.read(lba, memory.as_mut())?;
        Ok(memory.as_ref().to_vec())
    }
}
