//! How applying stands. What one application did is [`crate::apply`].

use alloc::string::String;

use crate::apply::Report;
use crate::message::message;

message! {
    /// A generation that undoes itself unless it is confirmed, or that is being undone.
    pub struct Pending {
        /// Its number.
        pub generation: u64,
        /// How long is left.
        pub left_ms: u64,
        /// Why its undoing could not be stored, at the last try. The settings before it are in effect; nothing can be changed until
        /// it is stored, which is tried every 10 s.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub undo: Option<String>,
    }

    /// How applying stands.
    pub struct ApplyState {
        /// The generation in effect.
        pub generation: u64,
        /// What applying did, last; nothing before it was first done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last: Option<Report>,
        /// What awaits confirmation, or is being undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pending: Option<Pending>,
    }
}
