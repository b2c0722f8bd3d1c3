//! The host in short.

use alloc::string::String;
use alloc::vec::Vec;

use super::Pending;
use crate::message::message;

message! {
    /// The host in short.
    pub struct Status {
        /// Its name.
        pub hostname: String,
        /// The release that runs.
        pub release: String,
        /// Its variant.
        pub variant: String,
        /// Its architecture.
        pub arch: String,
        /// How long the kernel runs.
        pub uptime_ms: u64,
        /// The generation in effect.
        pub generation: u64,
        /// Whether it was applied whole; nothing before it was tried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub applied: Option<bool>,
        /// What awaits confirmation, or is being undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pending: Option<Pending>,
        /// How many problems the user data has.
        pub problems: u64,
        /// Units that are not as they should be.
        pub failing: Vec<String>,
    }
}
