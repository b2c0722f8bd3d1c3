//! The host is healthy: its set is good.

use block::edit::PATIENCE;
use sets::{Firmware, Place};

use crate::decide::Standing;
use crate::standing::{self, StandingError};

/// Confirms the running set if it is on trial, settles it otherwise. Doing it again changes nothing.
pub fn run() -> Result<(), StandingError> {
    let place = Place::of_root().map_err(StandingError::Place)?;
    match standing::standing(&place, &Firmware::default())? {
        Standing::Trial { set } | Standing::Alone { set } | Standing::Unmanaged { set } => {
            standing::change(&place, set, PATIENCE, |sets| sets.confirm(set))?;
            eprintln!("info health: set confirmed set={set}");
        }
        Standing::Confirmed { set, failures: 0 } => eprintln!("info health: set stands set={set}"),
        Standing::Confirmed { set, .. } => {
            let failures = standing::settle(&place, set)?;
            eprintln!("info health: set settled set={set} failures={failures}");
        }
        // What would be confirmed is half of one set and half of the other.
        Standing::Mixed { booted, .. } => say_mixed(booted),
    }
    Ok(())
}

/// Says that neither set can be confirmed.
pub fn say_mixed(booted: slots::Set) {
    let root = booted.other();
    eprintln!("error health: set not confirmed, its root is another set's booted={booted} root={root}");
}
