//! Settings shown, changed and explained.

use alloc::string::String;
use alloc::vec::Vec;

use serde_json::Value;

use crate::apply::{Preview, Report};
use crate::message::message;

message! {
    /// Why a call was refused or failed.
    #[derive(Default)]
    pub struct Failure {
        /// What is wrong, in one sentence.
        pub error: String,
        /// Each thing wrong, with its place.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub problems: Vec<Problem>,
        /// What to do about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub remedy: Option<String>,
        /// The generation in effect, where another was expected or a change was undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub current: Option<u64>,
        /// What applying did until it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub apply: Option<Report>,
        /// What going back to the former settings did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undone: Option<Report>,
    }

    /// One thing wrong.
    pub struct Problem {
        /// Where: a key, as TOML would write it, with `[n]` for entries of lists; or a part of the request.
        pub path: String,
        /// What is wrong, and what would be right. Never the value.
        pub why: String,
        /// Who wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub layer: Option<String>,
    }

    /// The settings in effect.
    pub struct SettingsShown {
        /// Their generation.
        pub generation: u64,
        /// What is set, under `settings`' keys. Secrets read `(secret)`.
        pub settings: Value,
    }

    /// The body of `PATCH /v1/settings`.
    pub struct SettingsPatch {
        /// What to set. A table is laid over the one that is there; everything else takes its place.
        pub settings: Value,
    }

    /// The body of `DELETE /v1/settings`.
    #[derive(Default)]
    pub struct Deletion {
        /// Keys; of a table, everything below it goes.
        pub keys: Vec<String>,
    }

    /// What came of a change, or would.
    pub struct Outcome {
        /// The generation in effect: the new one, or the one that was, where nothing changed.
        pub generation: u64,
        /// The one that the change was made to.
        pub base: u64,
        /// Whether anything was committed and applied: not with `dry-run`, and not where nothing differs.
        pub applied: bool,
        /// Each key whose value in effect differs.
        pub changed: Vec<Changed>,
        /// Files, kernel parameters and units that would change; only with `dry-run`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub preview: Option<Preview>,
        /// Keys that nothing on this variant reads. They are kept, and have no effect.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub unread: Vec<String>,
        /// It undoes itself unless it is confirmed within so many seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub confirm_within_s: Option<u32>,
        /// What applying did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub apply: Option<Report>,
    }

    /// One key whose value differs.
    pub struct Changed {
        /// The key.
        pub key: String,
        /// Its value before; nothing, if it was not set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub before: Option<Value>,
        /// Its value now; nothing, if it is no longer set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after: Option<Value>,
    }

    /// Where a value came from.
    pub struct Explanation {
        /// Each value of each layer, the one in effect last for each key.
        pub values: Vec<Explained>,
    }

    /// One layer's value of one key.
    pub struct Explained {
        /// The key.
        pub key: String,
        /// Who wrote it.
        pub layer: String,
        /// When; nothing for what the image says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub stamp: Option<Stamp>,
        /// What.
        pub value: Value,
        /// Whether it is the one in effect.
        pub wins: bool,
    }

    /// When something was written.
    pub struct Stamp {
        /// By this generation.
        pub generation: u64,
        /// At this time.
        pub unix_s: u64,
    }

    /// What of the user data was left out.
    pub struct ProblemList {
        /// The generation it was made into.
        pub generation: u64,
        /// Each thing wrong.
        pub problems: Vec<Problem>,
    }
}
