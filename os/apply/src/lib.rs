//! Putting in place what settings mean: files, kernel parameters, and the units that read them.
//!
//! [`Applier::apply`] makes the host equal to a [`Plan`]: files that differ are replaced whole, files of earlier plans that no
//! setting leads to any more are removed, kernel parameters are set or put back, and each unit whose files changed takes them
//! again and is awaited. [`Applier::preview`] says what that would do and does nothing.
//!
//! Holds always: the record in `/run/gantry/apply` (docs/formats/apply.md) names every file, parameter and unit before it is
//! touched, so whatever instant a run ends at, the next one, with the same plan or another, leaves nothing behind: same files,
//! and each unit whose file changed renewed at least once. One application at a time, across processes; an older generation
//! never follows a later one. Left to others: what the plan is (`render`), what to do about one that failed (the caller applies
//! the former generation's plan), how units take their files (PID 1, through `control`).

mod applier;
mod compare;
mod diff;
mod facts;
mod host;
mod knobs;
mod lock;
mod record;
#[cfg(test)]
mod tests;

pub use applier::Applier;
pub use facts::facts;
pub use render::Plan;
pub use wire::apply::{
    ChangeKind, FailedAt, Failure, FileChange, KnobChange, KnobKind, Preview, Renewal, Report, UnitOutcome,
    UnitRenewal,
};
