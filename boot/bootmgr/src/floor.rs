//! The security floor: the least security version that may start (docs/decisions/0012-boot-manager.md).
//!
//! Holds always: the floor is never lowered here; and it is never above the version of a set that can boot, so raising
//! it takes no way back from anybody.

use slots::{Set, Sets};

use crate::image;
use crate::machine::{Machine, SecureBoot, StoredFloor};
use crate::signpost::Signpost;
use crate::trace::{Trace, because};

/// Reads the floor. A variable that a running system could have written was not written by us: it is deleted and
/// counts as absent. One that cannot be read does so too: a firmware with a fault of its own must not end in no boot at all.
pub(crate) fn read<M: Machine>(machine: &mut M, trace: &mut Trace) -> u32 {
    let stored = match machine.floor() {
        Ok(None) => return 0,
        Ok(Some(stored)) => stored,
        Err(err) => {
            trace.line(machine, format_args!("floor=0 unreadable=\"{}\"", because(&err)));
            return 0;
        }
    };
    let why = match (stored.runtime_access, stored.bytes.as_slice().try_into()) {
        (false, Ok(bytes)) => {
            let floor = u32::from_le_bytes(bytes);
            trace.line(machine, format_args!("floor={floor}"));
            return floor;
        }
        (false, Err(_)) => "not four bytes",
        (true, _) => "shows runtime access",
    };
    // Deleting it may fail; it is not believed the next time either.
    let _ = machine.delete_floor();
    trace.line(machine, format_args!("floor=0 discarded=\"{why}\""));
    0
}

/// Raises the floor to the least version among the sets that can boot, when `set`, of version `version`, is about to
/// start: under Secure Boot only, for else nobody vouches for the version, and for a confirmed set only, for a trial may
/// still have to go back. Returns the floor.
///
/// The other set's version is read from the disk unverified. Whoever forges it can keep the floor down, as could whoever
/// keeps an old image bootable, or lose that set, which its signature no longer fits anyway; the floor never passes
/// the verified `version`.
pub(crate) fn raise<M: Machine>(
    machine: &mut M,
    trace: &mut Trace,
    signpost: &Signpost,
    (set, version): (Set, u32),
    floor: u32,
) -> u32 {
    let sets = signpost.sets();
    if machine.secure_boot() != SecureBoot::On || !sets.get(set).successful() || version <= floor {
        return floor;
    }
    let least = version.min(other_version(machine, signpost, sets, set.other()));
    if least <= floor {
        return floor;
    }
    match machine.set_floor(least.to_le_bytes()) {
        Ok(()) => {
            trace.line(machine, format_args!("floor={least} raised_from={floor}"));
            least
        }
        Err(err) => {
            trace.line(machine, format_args!("floor={floor} not_raised=\"{}\"", because(&err)));
            floor
        }
    }
}

/// A set that cannot boot has no say; one that can but does not read keeps the floor where it is.
fn other_version<M: Machine>(machine: &mut M, signpost: &Signpost, sets: Sets, other: Set) -> u32 {
    if !sets.get(other).can_boot() {
        return u32::MAX;
    }
    let partition = other.boot_partition(signpost.table());
    let facts = partition.and_then(|partition| image::facts(machine, &partition).ok());
    facts.map_or(0, |facts| facts.security_version)
}

impl StoredFloor {
    /// As [`Machine::set_floor`] leaves it.
    pub fn new(bytes: [u8; 4]) -> Self {
        Self { bytes: bytes.to_vec(), runtime_access: false }
    }
}
