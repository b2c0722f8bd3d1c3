//! What one record says.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::chain::{Hash, Head};

/// No line is longer: the writer cuts what callers made up, and a reader need not take more.
pub const LINE_BYTES: usize = 4096;

/// One record, without its own hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number: 1, 2, 3, ...
    pub seq: u64,
    /// When, in seconds since 1970 by the host's clock, which may be set back: `seq` is the order.
    pub unix_s: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
    /// The hash of the record before; zeros in the first.
    pub previous: Hash,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The log begins. Only record 1 says so.
    Begun {
        /// A random name, so that no other host's log, and no later one of this host, is taken for this one.
        log: String,
    },
    /// The service started, and goes on with the log.
    Started,
    /// A call was answered.
    Call {
        /// Who asked.
        caller: String,
        /// The method, as it came.
        method: String,
        /// The path, without its query; a long one ends in `...`.
        path: String,
        /// The answer's status. 0: none; the caller was gone, or the service ended.
        status: u16,
        /// The generation in effect before.
        before: u64,
        /// The generation in effect after.
        after: u64,
    },
    /// Somebody came over the network and was not let in.
    Refused {
        /// From where.
        peer: String,
        /// Why.
        why: String,
        /// How many more were refused since the last such record, and not recorded each: a flood must not push the rest out.
        more: u64,
    },
    /// A new file was begun, and the oldest went.
    Rotated {
        /// The oldest record that was kept.
        #[serde(rename = "kept-from")]
        kept_from: u64,
    },
    /// Behind the last whole record was a piece of another: the power was cut while it was written.
    Repaired {
        /// The piece's length.
        bytes: u64,
    },
    /// Records could not be written: the disk was full or failing. The host's log has them.
    Lost {
        /// How many.
        count: u64,
    },
    /// Something that only a later release knows.
    #[serde(other)]
    Unknown,
}

impl Record {
    /// The line, without its line feed, and the head that the log has with it.
    pub fn to_line(&self) -> (String, Head) {
        // Strings and numbers: all of them can be written.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.pop();
        let hash = Hash::of(line.as_bytes());
        line.push_str(&alloc::format!(",\"hash\":\"{hash}\"}}"));
        (line, Head { seq: self.seq, hash })
    }
}
