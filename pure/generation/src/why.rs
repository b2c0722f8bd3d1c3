//! What a generation was committed for.

use core::fmt;

use serde::{Deserialize, Serialize};

/// What a generation was committed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Why {
    /// The host's first: what its user data and its generators said.
    FirstBoot,
    /// A source of user data, or a generator, said something new at boot.
    UserData,
    /// Somebody changed settings through the API.
    Change,
    /// Somebody went back to an earlier generation.
    Rollback {
        /// Whose content this one has.
        to: u64,
    },
    /// Putting a generation into effect failed; this is the content before it.
    ApplyFailed {
        /// The one that failed.
        of: u64,
    },
    /// A provisional generation was not confirmed in time; this is the content before it.
    NotConfirmed {
        /// The one that nobody confirmed.
        of: u64,
    },
    /// A reason that this release does not know: a newer release wrote it.
    #[serde(other)]
    Other,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstBoot => f.write_str("first boot"),
            Self::UserData => f.write_str("user data"),
            Self::Change => f.write_str("change"),
            Self::Rollback { to } => write!(f, "back to generation {to}"),
            Self::ApplyFailed { of } => write!(f, "generation {of} could not be applied"),
            Self::NotConfirmed { of } => write!(f, "generation {of} was not confirmed"),
            Self::Other => f.write_str("a reason of a newer release"),
        }
    }
}
