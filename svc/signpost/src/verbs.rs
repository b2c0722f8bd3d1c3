//! The verbs that change bits.

use std::convert::Infallible;
use std::fmt::Write as _;

use block::Edited;
use block::edit::{EditError, PATIENCE};
use partition::{Table, TableError};
use sets::{Place, Verified, verify};
use slots::{Digest, Set, Sets};

use crate::arguments::Verb;
use crate::error::{Failure, Refused};

/// Performs the verb, and says what is so now. `said` is the set that counts as running where none does.
pub fn perform(place: &Place, said: Option<Set>, verb: Verb) -> Result<String, Failure> {
    let name = verb.name();
    // Locked from before the set is read back until the bits say so: what was proved is what is armed.
    let mut locked = place.lock::<Infallible>(PATIENCE).map_err(|err| Failure::Lock { verb: name, err })?;
    let table = locked.read::<Infallible>().map_err(|err| Failure::Lock { verb: name, err })?.table;
    let running = running(place, &table, said)?;
    let proof = match &verb {
        Verb::MarkInactiveValid { uki_sha256 } | Verb::UpgradeToInactive { uki_sha256 } => {
            may_stage(&table, running)
                .map_err(|refused| Failure::Edit { verb: name, err: EditError::Refused(refused) })?;
            Some(prove(place, &table, running, *uki_sha256)?)
        }
        _ => None,
    };
    let edited = locked
        .edit(|table| change(table, running, &verb, proof))
        .map_err(|err| Failure::Edit { verb: name, err })?;
    Ok(told(name, &edited))
}

/// The set that runs, or that was said to.
pub fn running(place: &Place, table: &Table, said: Option<Set>) -> Result<Set, Failure> {
    match (place.running(table).map_err(Failure::Place)?, said) {
        (Some(actual), Some(said)) if actual != said => Err(Failure::AnotherRuns { actual, said }),
        (Some(set), _) | (None, Some(set)) => Ok(set),
        (None, None) => Err(Failure::NobodyRuns { disk: place.path().display().to_string() }),
    }
}

/// What the rules forbid is said before a set is read back for it.
fn may_stage(table: &Table, running: Set) -> Result<(), Refused> {
    Sets::of_table(table)?.staging(running)?;
    Ok(())
}

fn prove(place: &Place, table: &Table, running: Set, uki: Option<Digest>) -> Result<Verified, Failure> {
    let set = running.other();
    verify(place, table, set, uki).map_err(|err| Failure::NotWhole { set, err })
}

/// The table that the verb makes of this one.
fn change(table: &Table, running: Set, verb: &Verb, proof: Option<Verified>) -> Result<Table, Refused> {
    let sets = Sets::of_table(table)?;
    let sets = match (verb, proof) {
        (Verb::MarkInactiveValid { .. }, Some(proof)) => {
            let table = sets.mark_valid(running, proof.written)?.table(table)?;
            return table.with_guid(proof.root_partition.number, proof.root_guid).map_err(|err| match err {
                TableError::Guid { .. } => Refused::SameRoot { set: running.other() },
                other => Refused::Table(other),
            });
        }
        (Verb::UpgradeToInactive { .. }, Some(proof)) => {
            if proof.root_partition.guid != proof.root_guid {
                return Err(Refused::RootGuid { set: running.other() });
            }
            sets.arm(running, proof.written)?
        }
        (Verb::MarkSuccessfulBoot, _) => sets.confirm(running),
        (Verb::ClearInactive, _) => sets.clear(running)?,
        (Verb::CancelUpgrade, _) => sets.cancel(running)?,
        (Verb::RollbackToInactive, _) => sets.rollback(running)?,
        // These change nothing, and do not come here.
        (Verb::Status { .. } | Verb::Completion { .. }, _)
        | (Verb::MarkInactiveValid { .. } | Verb::UpgradeToInactive { .. }, None) => sets,
    };
    Ok(sets.table(table)?)
}

/// One line for what was done, one for each set, one for what boots next.
fn told(verb: &str, edited: &Edited) -> String {
    let done = match (edited.written, edited.before.table == edited.after) {
        (false, _) => "already so",
        (true, true) => "already so; a damaged or older copy of the table was written anew",
        (true, false) => "done",
    };
    let mut text = format!("{verb}: {done}\n");
    // Writing to a String cannot fail; so below.
    let Ok(sets) = Sets::of_table(&edited.after) else { return text };
    for set in Set::BOTH {
        let it = sets.get(set);
        let _ = writeln!(
            text,
            "set {set}: {} (priority {}, tries {}, failures {})",
            it.state(),
            it.priority(),
            it.tries(),
            it.failures()
        );
    }
    let _ = match sets.next() {
        Some(next) => writeln!(text, "next: set {} ({})", next.set, next.why),
        None => writeln!(text, "next: none can boot"),
    };
    text
}
