//! Lines of the host's log, and of the record of calls.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::message;

message! {
    /// One line.
    pub struct LogLine {
        /// When, in UTC (RFC 3339).
        pub time: String,
        /// When, since the kernel started.
        pub boot_ms: u64,
        /// Who wrote it.
        pub unit: String,
        /// What.
        pub text: String,
    }

    /// Lines of the host's log.
    pub struct LogPage {
        /// The newest last.
        pub lines: Vec<LogLine>,
    }

    /// Records of calls, exactly as they are stored: each is one line of JSON, and its hash covers these bytes.
    pub struct AuditPage {
        /// The oldest first.
        pub records: Vec<String>,
    }
}
