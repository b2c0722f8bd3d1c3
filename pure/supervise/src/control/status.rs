//! What is known of a unit at a moment.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::machine::State;
use crate::unit::Kind;

/// One unit, as it is now. Times are milliseconds since the kernel started (CLOCK_BOOTTIME).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitStatus {
    /// Its name.
    pub name: String,
    /// What it is, in a few words.
    pub description: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// What it is at present.
    pub state: UnitState,
    /// Why, where the state alone does not say it.
    pub why: Option<String>,
    /// Since when it is in this state.
    pub since_ms: u64,
    /// Whether it is meant to be up.
    pub wanted: bool,
    /// Its main process, if it has one.
    pub pid: Option<u32>,
    /// How often its program was started.
    pub starts: u64,
    /// How often in a row it failed.
    pub failures: u32,
    /// How its last process ended: `code-1`, `signal-9`, `no-spawn`.
    pub last_end: Option<String>,
    /// When it was up for the first time.
    pub first_ready_ms: Option<u64>,
    /// The milestone that its first readiness stamps.
    pub milestone: Option<String>,
    /// Whether it can take its files again while it runs.
    pub can_reload: bool,
    /// The units that must be up when it starts.
    pub requires: Vec<String>,
}

/// The states of a unit, by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// Down, and meant to be.
    Stopped,
    /// Meant to be up; something must come first.
    Waiting,
    /// Its process is being made.
    Starting,
    /// Its process runs and is not up yet.
    Running,
    /// Up.
    Ready,
    /// Up, and taking its files again.
    Reloading,
    /// Its process was told to end.
    Stopping,
    /// Its process survived SIGKILL.
    Stuck,
    /// It failed and is tried again soon.
    Restarting,
    /// It is kept down for its own failures.
    Held,
    /// It is down for good, or for as long as what it requires is.
    Failed,
    /// Its condition did not hold.
    Skipped,
    /// It ended as it should; a target: it is reached.
    Done,
}

impl UnitState {
    /// Every state with its name.
    pub const ALL: [(&str, Self); 13] = [
        ("stopped", Self::Stopped),
        ("waiting", Self::Waiting),
        ("starting", Self::Starting),
        ("running", Self::Running),
        ("ready", Self::Ready),
        ("reloading", Self::Reloading),
        ("stopping", Self::Stopping),
        ("stuck", Self::Stuck),
        ("restarting", Self::Restarting),
        ("held", Self::Held),
        ("failed", Self::Failed),
        ("skipped", Self::Skipped),
        ("done", Self::Done),
    ];
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(_, state)| state == self);
        f.write_str(named.map_or("?", |(name, _)| name))
    }
}

impl From<State> for UnitState {
    fn from(state: State) -> Self {
        match state {
            State::Stopped => Self::Stopped,
            State::Waiting => Self::Waiting,
            State::Starting { .. } => Self::Starting,
            State::Running { .. } => Self::Running,
            State::Ready { .. } => Self::Ready,
            State::Reloading { .. } => Self::Reloading,
            State::Stopping { .. } => Self::Stopping,
            State::Stuck { .. } => Self::Stuck,
            State::BackingOff { .. } => Self::Restarting,
            State::Held(_) => Self::Held,
            State::Failed(_) => Self::Failed,
            State::Skipped => Self::Skipped,
            State::Done => Self::Done,
        }
    }
}
