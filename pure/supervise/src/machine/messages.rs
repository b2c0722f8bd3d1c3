//! What goes into the machine and what comes out: events and requests, actions and answers.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{Exit, Run, State};
use crate::time::Instant;
use crate::unit::{Signal, UnitId};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The host is ready for its first unit.
    Boot,
    /// The process asked for by [`Action::Spawn`] runs.
    Spawned {
        /// Whose.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The process asked for by [`Action::Spawn`] could not be made.
    SpawnFailed {
        /// Whose.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The unit's condition did not hold when [`Action::Spawn`] came.
    Skipped {
        /// Whose.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The unit says that it is up.
    Ready {
        /// Which unit.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The unit says that it has begun to take its files again.
    Reloading {
        /// Which unit.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The unit says that it could not take its files, and goes on with what it had.
    NotTaken {
        /// Which unit.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// The unit's main process ended.
    Exited {
        /// Whose.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
        /// How.
        status: Exit,
    },
    /// Somebody wants something.
    Asked {
        /// Who: returned with the answer.
        by: Asker,
        /// What.
        request: Request,
    },
    /// Nothing but time passed.
    Tick,
}

/// Whoever asks; the shell's token for the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker(pub u32);

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Bring it up, with what it requires and wants.
    Start(UnitId),
    /// Take it down, after what binds to it.
    Stop(UnitId),
    /// Take it down if it is up, and bring it up.
    Restart(UnitId),
    /// Have it take its files again while it runs.
    Reload(UnitId),
    /// Have it take its files again: by a reload if it can, else by a restart. What is down on purpose stays down.
    Renew(UnitId),
    /// Take everything down.
    Shutdown(How),
}

/// How a shutdown ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The machine goes off.
    PowerOff,
    /// The machine starts again.
    Reboot,
}

/// The answer to a request. It is immediate; how things went shows in the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It is under way.
    Accepted,
    /// It is so, or under way already.
    Already,
    /// There is no such unit.
    Unknown,
    /// Not before [`Event::Boot`].
    NotBooted,
    /// Not any more.
    ShuttingDown,
    /// It has no way to take its files again while it runs.
    CannotReload,
    /// It is down, so that there is nothing to reload.
    NotUp,
    /// To [`Request::Renew`]: this is under way.
    Renewing(Renewal),
}

/// How a unit takes its files again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Renewal {
    /// It was told to, and goes on running.
    Reloaded,
    /// Its process is replaced by another.
    Restarted,
    /// It was not running: it starts, or was about to.
    Started,
    /// Nothing is done: it was stopped on purpose, or has no process to begin with. It takes the files when it is started.
    Skipped,
}

impl fmt::Display for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reloaded => "reloaded",
            Self::Restarted => "restarted",
            Self::Started => "started",
            Self::Skipped => "skipped",
        })
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Check the unit's condition, then start its process. The shell answers with `Skipped`, `Spawned` or `SpawnFailed`.
    Spawn {
        /// Which unit.
        unit: UnitId,
        /// The token of this run.
        run: Run,
    },
    /// Send its main process this signal.
    Signal {
        /// Which unit.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
        /// Which signal.
        signal: Signal,
    },
    /// SIGKILL, as far as the unit's kill scope reaches.
    Kill {
        /// Which unit.
        unit: UnitId,
        /// Which of its runs.
        run: Run,
    },
    /// Its main process is gone: SIGKILL what it left in its cgroup.
    Sweep {
        /// Which unit.
        unit: UnitId,
    },
    /// Come back with an event at this time, if none comes before. Replaces earlier ones; a step without it needs none.
    WakeAt(Instant),
    /// Put this milestone on the timeline.
    Stamp(String),
    /// Tell the log what became of a unit.
    Report {
        /// Which unit.
        unit: UnitId,
        /// Its new state.
        state: State,
    },
    /// Tell the log that the host restarts because this unit is down for good.
    GiveUp {
        /// Which unit.
        unit: UnitId,
    },
    /// Answer a request.
    Reply {
        /// Who asked.
        to: Asker,
        /// The answer.
        answer: Answer,
    },
    /// Everything is down: end the host. The last action there ever is.
    Finish(How),
}
