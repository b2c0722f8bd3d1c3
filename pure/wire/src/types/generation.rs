//! Generations of the settings.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use super::Changed;
use crate::message::message;

message! {
    /// A generation, without its settings.
    pub struct GenerationSummary {
        /// Its number; each is one more than the one before.
        pub number: u64,
        /// When it was committed.
        pub unix_s: u64,
        /// Who committed it.
        pub by: String,
        /// Why, in words: `change`, `rollback to 7`, `not confirmed: 8`.
        pub why: String,
        /// The release that committed it.
        pub release: String,
        /// It undoes itself unless it is confirmed within so many seconds of its commit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub provisional: Option<u32>,
        /// Whether it is the one in effect.
        pub current: bool,
    }

    /// A generation with its settings.
    pub struct GenerationShown {
        /// Its number and origin.
        pub summary: GenerationSummary,
        /// What each layer set, unmerged, by layer.
        pub layers: BTreeMap<String, Value>,
        /// SHA-256 of each user data document, by layer.
        pub user_data: BTreeMap<String, String>,
    }

    /// What differs between two generations.
    pub struct Diff {
        /// The one.
        pub from: u64,
        /// The other.
        pub to: u64,
        /// Each key whose value in effect differs.
        pub changed: Vec<Changed>,
    }
}
