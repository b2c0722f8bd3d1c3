//! What is said over PID 1's control socket: one JSON line for each request, one for its answer.
//!
//! Holds always: a request is at most [`REQUEST_MAX_BYTES`] long and an answer [`ANSWER_MAX_BYTES`]; a line that is no
//! request has an answer too. Serving is `bin/init`'s, asking is `os/control`'s. The lines: docs/formats/init-control.md.

mod answer;
mod status;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Milestone, Outcome, Refusal};
pub use status::{UnitState, UnitStatus};

pub use crate::machine::{How as Shutdown, Renewal};

/// Where PID 1 listens, for root alone.
pub const SOCKET: &str = "/run/gantry/init.sock";
/// A request names one unit; names have at most 64 bytes.
pub const REQUEST_MAX_BYTES: usize = 1024;
/// The longest answer lists [`MAX_UNITS`](crate::set::MAX_UNITS) units.
pub const ANSWER_MAX_BYTES: usize = 1 << 20;
/// The longest [`Request::Wait`]; a unit's own deadlines are shorter.
pub const WAIT_MAX_MS: u64 = 3_600_000;

/// What can be asked of PID 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Every unit, in the order in which they start.
    List {},
    /// One unit.
    Status {
        /// Its name.
        unit: String,
    },
    /// Bring it up, with what it requires and wants.
    Start {
        /// Its name.
        unit: String,
    },
    /// Take it down.
    Stop {
        /// Its name.
        unit: String,
    },
    /// Take it down if it is up, and bring it up.
    Restart {
        /// Its name.
        unit: String,
    },
    /// Have it take its files again while it runs.
    Reload {
        /// Its name.
        unit: String,
    },
    /// Have it take its files again: by a reload if it can, else by a restart. A unit that is down on purpose stays so.
    Renew {
        /// Its name.
        unit: String,
    },
    /// Answer when it is up, or will not be.
    Wait {
        /// Its name.
        unit: String,
        /// How long at most, from now.
        deadline_ms: u64,
    },
    /// What was reached when.
    Timeline {},
    /// End the host.
    Shutdown {
        /// How.
        how: Shutdown,
    },
}

/// A line that is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a request: {why}")]
pub struct NotARequest {
    /// The parser's words.
    pub why: String,
}

impl Request {
    /// Reads a line, with or without its end.
    pub fn from_line(line: &[u8]) -> Result<Self, NotARequest> {
        if line.len() > REQUEST_MAX_BYTES {
            return Err(NotARequest { why: alloc::format!("longer than {REQUEST_MAX_BYTES} bytes") });
        }
        serde_json::from_slice(line).map_err(|err| NotARequest { why: err.to_string() })
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        line(self)
    }
}

/// These are plain types: nothing in them fails to serialise, and JSON text has no line breaks of its own.
fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}
