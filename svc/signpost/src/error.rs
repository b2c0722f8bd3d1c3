//! Why a verb did nothing, and whose it is to mend.

use std::convert::Infallible;

use block::EditError;
use partition::TableError;
use sets::{PlaceError, VerifyError};
use slots::{MissingSet, NoSets, Refusal, Set};

/// Why. Each says what to do about it, here or in its cause.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Only root reads disks.
    #[error(
        "not root; disks are root's to read and write. Run it as root, or name an image file with --disk"
    )]
    NotRoot,
    /// The disk cannot be looked at.
    #[error(transparent)]
    Place(PlaceError),
    /// Nobody knows which set is meant.
    #[error(
        "no set of {disk} runs here, so \"the inactive set\" names none; say which one counts as running: --running A or --running B"
    )]
    NobodyRuns {
        /// The disk.
        disk: String,
    },
    /// The root stands on another set than was said.
    #[error("set {actual} runs from this disk, not {said}; leave --running out")]
    AnotherRuns {
        /// The set that does.
        actual: Set,
        /// The set that was named.
        said: Set,
    },
    /// The inactive set is not as it should be.
    #[error("set {set} is not ready")]
    NotWhole {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: VerifyError,
    },
    /// The disk could not be changed, or the rules forbid it.
    #[error("{verb}: nothing is changed unless it says otherwise")]
    Edit {
        /// What was to be done.
        verb: &'static str,
        /// Why not.
        #[source]
        err: EditError<Refused>,
    },
    /// It could not be looked at, with the lock held.
    #[error("{verb}: nothing is changed")]
    Lock {
        /// What was to be done.
        verb: &'static str,
        /// Why not.
        #[source]
        err: EditError<Infallible>,
    },
    /// A report is plain data.
    #[error("cannot print the report; this is a bug")]
    Json(#[source] serde_json::Error),
}

/// Why there is no new table.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The rules say no.
    #[error(transparent)]
    Rules(#[from] Refusal),
    /// Not our disk.
    #[error(transparent)]
    NoSets(#[from] NoSets),
    /// Half of it is not our disk.
    #[error(transparent)]
    MissingSet(#[from] MissingSet),
    /// Both sets would have a root of the same GUID.
    #[error("set {set} cannot hold the root that set {} has already: one GUID cannot name two partitions; stage another release", set.other())]
    SameRoot {
        /// The inactive set.
        set: Set,
    },
    /// The UKI would not find its root.
    #[error("{} has a GUID that the UKI of set {set} does not look for; use mark-inactive-valid first", set.root_name())]
    RootGuid {
        /// The inactive set.
        set: Set,
    },
    /// A partition that was there is not.
    #[error("the table cannot be changed; this is a bug")]
    Table(#[source] TableError),
}

impl Failure {
    /// Request 64, host 75, bug 70.
    pub fn exit_status(&self) -> u8 {
        const REQUEST: u8 = 64;
        const BUG: u8 = 70;
        const HOST: u8 = 75;
        match self {
            Self::NotRoot | Self::NobodyRuns { .. } | Self::AnotherRuns { .. } => REQUEST,
            Self::Edit { err: EditError::Refused(Refused::Table(_)), .. } | Self::Json(_) => BUG,
            Self::Edit { err: EditError::Refused(_), .. } => REQUEST,
            Self::NotWhole { err, .. } if !err.is_host_trouble() => REQUEST,
            Self::Place(_) | Self::NotWhole { .. } | Self::Edit { .. } | Self::Lock { .. } => HOST,
        }
    }
}
