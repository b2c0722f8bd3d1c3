//! Units of PID 1 and the boot's timeline.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::message;

message! {
    /// A unit of PID 1.
    pub struct ServiceStatus {
        /// Its name.
        pub name: String,
        /// What it is for.
        pub description: String,
        /// `service`, `oneshot`, `mount` or `target`.
        pub kind: String,
        /// What it is at present, as `ready`, `reloading`, `restarting`, `held`, `failed`.
        pub state: String,
        /// Why, where the state alone does not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub why: Option<String>,
        /// Whether it is meant to be up.
        pub wanted: bool,
        /// Since when.
        pub since_ms: u64,
        /// Its process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pid: Option<u32>,
        /// How often it was started.
        pub starts: u64,
        /// How often in a row it failed.
        pub failures: u32,
        /// How it ended, last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last_end: Option<String>,
        /// When it was up for the first time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub first_ready_ms: Option<u64>,
        /// Whether it can take its files again while it runs.
        pub can_reload: bool,
    }

    /// A point that the boot reached.
    pub struct Milestone {
        /// Its name.
        pub name: String,
        /// When.
        pub at_ms: u64,
    }

    /// How this boot went.
    pub struct Boot {
        /// Points reached, in order.
        pub milestones: Vec<Milestone>,
        /// Units, with what they are doing since when.
        pub units: Vec<ServiceStatus>,
    }
}
