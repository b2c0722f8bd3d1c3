//! Why an operation was refused, and what to do.

use crate::sets::Set;

/// An operation that would leave the machine worse off. Nothing was changed. Displays the reason and the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The running set is not confirmed: the other one may be the only good one.
    #[error(
        "the running set {running} is not confirmed; wait until it is healthy, confirm it with mark-successful-boot, \
         or leave it with rollback-to-inactive"
    )]
    Unconfirmed {
        /// The running set.
        running: Set,
    },
    /// The running set was confirmed in an earlier boot, but has not yet shown in this one that it lives.
    #[error(
        "the running set {running} has not shown in this boot that it lives (failures: {failures}); wait until it is \
         healthy, or confirm it with mark-successful-boot"
    )]
    Unsettled {
        /// The running set.
        running: Set,
        /// Its count.
        failures: u8,
    },
    /// The running set has priority 0: the other one is all that can boot.
    #[error(
        "the running set {running} has priority 0 and would not boot again; restore it with mark-successful-boot"
    )]
    Parked {
        /// The running set.
        running: Set,
    },
    /// The set is armed, or was.
    #[error(
        "set {set} has priority {priority}, so it is not merely staged; use cancel-upgrade or clear-inactive first"
    )]
    NotStaged {
        /// The set.
        set: Set,
        /// Its priority.
        priority: u8,
    },
    /// The set was confirmed: it is a way back, not an update.
    #[error(
        "set {set} is confirmed; boot it with rollback-to-inactive, or clear it with clear-inactive and write it anew"
    )]
    Confirmed {
        /// The set.
        set: Set,
    },
    /// The set has no tries.
    #[error("set {set} is not marked valid; write it, then use mark-inactive-valid")]
    NotValid {
        /// The set.
        set: Set,
    },
    /// The set has never been confirmed since it was written.
    #[error("set {set} has never been confirmed, so there is nothing to go back to; stage an update instead")]
    NeverConfirmed {
        /// The set.
        set: Set,
    },
    /// The proof is about the running set.
    #[error("the proof is about set {proved}, but the inactive set is {inactive}; verify set {inactive}")]
    WrongProof {
        /// The set that was verified.
        proved: Set,
        /// The set that the operation is about.
        inactive: Set,
    },
}
