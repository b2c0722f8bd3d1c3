//! Answers.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{ANSWER_MAX_BYTES, UnitStatus, line};
use crate::machine::Renewal;

/// What PID 1 says to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// To `list`.
    Units {
        /// All of them, in the order in which they start.
        units: Vec<UnitStatus>,
    },
    /// To `status`.
    Unit {
        /// It.
        unit: UnitStatus,
    },
    /// To `start`, `stop`, `restart`, `reload` and `shutdown`: it is under way.
    Accepted {},
    /// To the same: it is so, or was under way.
    Already {},
    /// To `renew`: it is under way.
    Renewing {
        /// By what.
        how: Renewal,
    },
    /// To `wait`.
    Settled {
        /// What became of it.
        outcome: Outcome,
    },
    /// To `timeline`.
    Timeline {
        /// In the order in which they were reached.
        milestones: Vec<Milestone>,
    },
    /// To anything: no.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// What became of a unit that was waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// It is up (a oneshot: it ended with 0; a unit whose condition does not hold: it is not wanted).
    Ready,
    /// It is down, and what was asked for did not bring it up.
    Failed {
        /// Why, in words.
        why: String,
    },
    /// Neither, when the time was over.
    TimedOut,
}

/// Something that was reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestone {
    /// Its name.
    pub name: String,
    /// When, in milliseconds since the kernel started.
    pub at_ms: u64,
}

/// Why PID 1 does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Refusal {
    /// There is no such unit.
    Unknown,
    /// It cannot take its files again while it runs: restart it, or renew it.
    CannotReload,
    /// It is down: nothing is there to be reloaded.
    NotUp,
    /// The host is not as far.
    NotBooted,
    /// The host is ending.
    ShuttingDown,
    /// The caller is not root.
    Forbidden,
    /// Too many callers wait already.
    Busy,
    /// The line is no request.
    NotARequest {
        /// What the parser says.
        error: String,
    },
}

impl Answer {
    /// Reads a line, with or without its end.
    pub fn from_line(line: &[u8]) -> Result<Self, String> {
        if line.len() > ANSWER_MAX_BYTES {
            return Err(alloc::format!("longer than {ANSWER_MAX_BYTES} bytes"));
        }
        serde_json::from_slice(line).map_err(|err| err.to_string())
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        line(self)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Failed { why } => write!(f, "failed: {why}"),
            Self::TimedOut => f.write_str("timed out"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such unit; list them to see their names"),
            Self::CannotReload => f.write_str("it cannot take its files while it runs; restart it instead"),
            Self::NotUp => f.write_str("it is not up; start it instead"),
            Self::NotBooted => f.write_str("the host has not begun to start its units; try again"),
            Self::ShuttingDown => f.write_str("the host is shutting down"),
            Self::Forbidden => f.write_str("only root may ask"),
            Self::Busy => f.write_str("too many callers are waiting; try again"),
            Self::NotARequest { error } => write!(f, "the line is no request: {error}"),
        }
    }
}
