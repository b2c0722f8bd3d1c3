//! What a unit can be at a moment, each state with the data that only it needs.

use core::fmt;

use crate::time::Instant;
use crate::unit::UnitId;

/// One run of a unit, from spawn to exit. Never used twice, so an event of an earlier run is known for what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run(pub(super) u64);

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Down, and meant to be.
    Stopped,
    /// Meant to be up; something must come first.
    Waiting,
    /// The shell was asked for its process.
    Starting {
        /// This run.
        run: Run,
    },
    /// Its process runs and is not up yet.
    Running {
        /// This run.
        run: Run,
        /// When it should have been.
        deadline: Instant,
    },
    /// Up.
    Ready {
        /// This run.
        run: Run,
        /// Since then.
        since: Instant,
    },
    /// Up, and told to take its files again.
    Reloading {
        /// This run.
        run: Run,
        /// Up since then.
        since: Instant,
        /// Whether it said that it has begun: only then does its `READY=1` answer this reload.
        begun: bool,
        /// When it should have been done.
        deadline: Instant,
    },
    /// Its process was told to end.
    Stopping {
        /// This run.
        run: Run,
        /// Why.
        cause: Cause,
        /// How it was told.
        step: Step,
        /// When it is told louder, or given up.
        deadline: Instant,
    },
    /// Its process survived SIGKILL for longer than any should.
    Stuck {
        /// This run.
        run: Run,
        /// Why it was stopped.
        cause: Cause,
    },
    /// It failed and is tried again soon.
    BackingOff {
        /// When.
        until: Instant,
    },
    /// It is kept down for its own failures.
    Held(Hold),
    /// It is down for good, or for as long as what it requires is.
    Failed(Failure),
    /// Its condition did not hold.
    Skipped,
    /// It ended as it should; a target: it is reached.
    Done,
}

/// Why a unit is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its goal says so.
    Asked,
    /// It was not up in time.
    StartTimeout,
    /// It was told to take its files again, and never said that it has.
    ReloadTimeout,
    /// What it binds to went away.
    BindLost(UnitId),
}

/// How far stopping went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Its stop signal was sent.
    Signalled,
    /// SIGKILL was sent.
    Killed,
}

/// Why a unit is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// It says that its configuration is wrong: trying again cannot help.
    Configuration,
    /// It failed too often in a row.
    Crashing {
        /// When it is tried again.
        retry: Instant,
    },
}

/// Why a unit failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// By itself, and it is not to be restarted.
    Exit,
    /// Something that it requires is down for good.
    Dependency(UnitId),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It never ran.
    NoSpawn,
}

impl Exit {
    /// The program's word for: bad configuration, do not restart me.
    pub const BAD_CONFIGURATION: Self = Self::Code(64);
    /// All is well.
    pub const SUCCESS: Self = Self::Code(0);
}

impl State {
    /// Whether a shutdown waits for it: it has, or is about to have, a process that can still be ended.
    pub fn has_process(self) -> bool {
        matches!(
            self,
            Self::Starting { .. }
                | Self::Running { .. }
                | Self::Ready { .. }
                | Self::Reloading { .. }
                | Self::Stopping { .. }
        )
    }

    /// Down, and nothing but a change elsewhere or a request moves it.
    pub(super) fn is_down_for_good(self) -> bool {
        matches!(self, Self::Failed(_) | Self::Held(_) | Self::Stopped)
    }

    /// Up, or as good as.
    pub(super) fn satisfies(self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Reloading { .. } | Self::Skipped | Self::Done)
    }

    /// The run whose events count.
    pub fn run(self) -> Option<Run> {
        match self {
            Self::Starting { run }
            | Self::Running { run, .. }
            | Self::Ready { run, .. }
            | Self::Reloading { run, .. }
            | Self::Stopping { run, .. }
            | Self::Stuck { run, .. } => Some(run),
            _ => None,
        }
    }

    /// When it moves by itself.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Running { deadline, .. }
            | Self::Reloading { deadline, .. }
            | Self::Stopping { deadline, .. } => Some(deadline),
            Self::BackingOff { until } => Some(until),
            Self::Held(Hold::Crashing { retry }) => Some(retry),
            _ => None,
        }
    }

    /// Its name in logs and in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Waiting => "waiting",
            Self::Starting { .. } => "starting",
            Self::Running { .. } => "running",
            Self::Ready { .. } => "ready",
            Self::Reloading { .. } => "reloading",
            Self::Stopping { .. } => "stopping",
            Self::Stuck { .. } => "stuck",
            Self::BackingOff { .. } => "restarting",
            Self::Held(_) => "held",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "code-{code}"),
            Self::Signal(signal) => write!(f, "signal-{signal}"),
            Self::NoSpawn => f.write_str("no-spawn"),
        }
    }
}
