//! How applying stands. What one application did is [`crate::apply`].

use crate::apply::Report;
use crate::message::message;

message! {
    /// A generation that undoes itself unless it is confirmed.
    pub struct Pending {
        /// Its number.
        pub generation: u64,
        /// How long is left.
        pub left_ms: u64,
    }

    /// How applying stands.
    pub struct ApplyState {
        /// The generation in effect.
        pub generation: u64,
        /// What applying did, last; nothing before it was first done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub last: Option<Report>,
        /// What awaits confirmation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub pending: Option<Pending>,
    }
}
