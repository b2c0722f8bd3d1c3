//! What a list of generations shows of each.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::document::{Rotten, intact};
use crate::{Generation, Why};

/// A generation without its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// See [`Generation::number`].
    pub number: u64,
    /// See [`Generation::unix_s`].
    pub unix_s: u64,
    /// See [`Generation::by`].
    pub by: String,
    /// See [`Generation::why`].
    pub why: Why,
    /// See [`Generation::release`].
    pub release: String,
    /// See [`Generation::provisional`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provisional: Option<u32>,
}

impl Summary {
    /// What a file of any form says of itself.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Rotten> {
        intact(bytes)
    }
}

impl From<&Generation> for Summary {
    fn from(of: &Generation) -> Self {
        Self {
            number: of.number,
            unix_s: of.unix_s,
            by: of.by.clone(),
            why: of.why,
            release: of.release.clone(),
            provisional: of.provisional,
        }
    }
}
