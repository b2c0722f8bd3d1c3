//! How the running set stands, and saying that it lives.

use std::time::Duration;

use block::edit::PATIENCE;
use block::{EditError, Edited};
use partition::Table;
use sets::{Firmware, Place, PlaceError};
use slots::{MissingSet, NoSets, Set, Sets};

use crate::decide::Standing;

/// The set's bits cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StandingError {
    /// The disk of the root cannot be found or read.
    #[error("cannot tell which set runs")]
    Place(#[source] PlaceError),
    /// The table has no sets.
    #[error("the root's disk has no sets")]
    NoSets(#[source] NoSets),
    /// It cannot be changed.
    #[error("cannot say in the partition table that set {set} lives")]
    Edit {
        /// The running set.
        set: Set,
        /// Why.
        #[source]
        err: EditError<NoTable>,
    },
}

/// There is no new table.
#[derive(Debug, thiserror::Error)]
pub enum NoTable {
    /// No sets.
    #[error(transparent)]
    NoSets(#[from] NoSets),
    /// One has no partition.
    #[error(transparent)]
    MissingSet(#[from] MissingSet),
}

/// How the set that runs from `place` stands now.
pub fn standing(place: &Place, firmware: &Firmware) -> Result<Standing, StandingError> {
    let table = place.load().map_err(StandingError::Place)?.table;
    let Some(running) = place.running(&table).map_err(StandingError::Place)? else {
        return Err(StandingError::NoSets(NoSets));
    };
    let sets = Sets::of_table(&table).map_err(StandingError::NoSets)?;
    Ok(of(sets, running, booted(firmware)))
}

/// The set that the boot manager says it started. What cannot be read or makes no sense is as good as no word: were it an
/// error, firmware that loses its variables would keep every set from being confirmed, the good ones too.
fn booted(firmware: &Firmware) -> Option<Set> {
    firmware.booted_set().unwrap_or_else(|err| {
        eprintln!("warn health: no word from the boot manager why={:?}", files::chain(&err));
        None
    })
}

/// From the bits, the set whose root is mounted, and the set that the boot manager says it started.
pub fn of(sets: Sets, running: Set, booted: Option<Set>) -> Standing {
    let it = sets.get(running);
    match booted {
        Some(booted) if booted != running => {
            Standing::Mixed { booted, trial: !sets.get(booted).successful() }
        }
        _ if it.successful() => Standing::Confirmed { set: running, failures: it.failures() },
        // The last try may be spent, so its tries say nothing; its priority says that it was armed.
        None if it.priority() == 0 => Standing::Unmanaged { set: running },
        _ if sets.get(running.other()).can_boot() => Standing::Trial { set: running },
        _ => Standing::Alone { set: running },
    }
}

/// Says that the running set lives; how many starts nobody had settled before.
pub fn settle(place: &Place, set: Set) -> Result<u8, StandingError> {
    let edited = change(place, set, PATIENCE, |sets| sets.settle(set))?;
    Ok(Sets::of_table(&edited.before.table).map_or(0, |sets| sets.get(set).failures()))
}

/// Changes what the table says of the running set. Durable and read back on return.
pub fn change(
    place: &Place,
    set: Set,
    patience: Duration,
    change: impl FnOnce(Sets) -> Sets,
) -> Result<Edited, StandingError> {
    let new = |table: &Table| -> Result<Table, NoTable> { Ok(change(Sets::of_table(table)?).table(table)?) };
    let edited = place.lock::<NoTable>(patience).and_then(|mut locked| locked.edit(new));
    edited.map_err(|err| StandingError::Edit { set, err })
}

#[cfg(test)]
mod tests {
    use disks::{Image, SECTORS};
    use slots::Attributes;

    use super::*;

    #[test]
    fn a_set_stands_as_its_bits_and_the_boot_manager_say() {
        let set = |p, t, s, f| Attributes::new(p, t, s, f).unwrap();
        let good = set(1, 0, true, 2);
        let sets = |b| Sets::new(good, b);
        let (a, b) = (Set::A, Set::B);
        for (trial, booted, want) in [
            (set(2, 1, false, 0), Some(b), Standing::Trial { set: b }),
            (set(2, 0, false, 0), Some(b), Standing::Trial { set: b }),
            (set(0, 0, false, 0), Some(b), Standing::Trial { set: b }),
            (set(2, 0, false, 0), None, Standing::Trial { set: b }),
            (set(0, 3, false, 0), None, Standing::Unmanaged { set: b }),
            (set(0, 0, true, 0), None, Standing::Confirmed { set: b, failures: 0 }),
            (set(2, 0, true, 1), Some(b), Standing::Confirmed { set: b, failures: 1 }),
            (set(2, 0, false, 0), Some(a), Standing::Mixed { booted: a, trial: false }),
        ] {
            assert_eq!(of(sets(trial), b, booted), want, "{trial:?} {booted:?}");
        }
        let alone = Sets::new(Attributes::EMPTY, set(2, 1, false, 0));
        assert_eq!(of(alone, b, Some(b)), Standing::Alone { set: b });
        let mixed = Standing::Mixed { booted: b, trial: true };
        assert_eq!(of(sets(set(2, 2, false, 0)), a, Some(b)), mixed);
    }

    #[test]
    fn a_variable_that_makes_no_sense_is_no_word() {
        const NAME: &str = "BootedSet-c878411f-d3c6-414c-bd11-c3ee83f75721";
        let dir = tempfile::TempDir::new().unwrap();
        let firmware = Firmware::at(dir.path());
        for (value, want) in [(b"\x06\0\0\0B", Some(Set::B)), (b"\x06\0\0\0C", None)] {
            std::fs::write(dir.path().join(NAME), value).unwrap();
            assert_eq!(booted(&firmware), want);
        }
        std::fs::write(dir.path().join(NAME), b"?").unwrap();
        assert_eq!(booted(&firmware), None);
    }

    #[test]
    fn a_change_is_on_the_disk() {
        for sector in SECTORS {
            let image = Image::factory(sector);
            image.put(Set::A, Attributes::new(1, 0, true, 1).unwrap());
            let place = Place::named(&image.path()).unwrap();
            assert_eq!(settle(&place, Set::A).unwrap(), 1);
            assert_eq!(image.sets().get(Set::A), Attributes::FACTORY);
            let bytes = image.bytes();
            assert_eq!(settle(&place, Set::A).unwrap(), 0);
            assert!(image.bytes() == bytes, "written for nothing");
            change(&place, Set::A, Duration::ZERO, |sets| sets.condemn(Set::A)).unwrap();
            assert!(!image.sets().get(Set::A).stands());
        }
    }
}
