//! One unit, resolved: every name has become an index, every rule a type.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A unit's place in its [`UnitSet`](crate::UnitSet).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitId(pub(crate) u16);

impl UnitId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something PID 1 starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The one name: file, cgroup, log tag.
    pub name: String,
    /// What it is, in a few words.
    pub description: String,
    /// What kind of thing it is.
    pub kind: Kind,
    /// Program (absolute) and arguments; empty for a target.
    pub exec: Vec<String>,
    /// Starts after these have settled, stops before them. Holds `requires` and `binds` too.
    pub after: Vec<UnitId>,
    /// Starts only once these are up; fails when one of them is down for good. Holds `binds` too.
    pub requires: Vec<UnitId>,
    /// Started along with this one; their failure is no concern.
    pub wants: Vec<UnitId>,
    /// As `requires`, and stopped whenever one of these goes away.
    pub binds: Vec<UnitId>,
    /// When it counts as up.
    pub ready: Readiness,
    /// What an exit means.
    pub restart: Restart,
    /// How quickly it is restarted.
    pub backoff: Backoff,
    /// What its being down for good means for the host.
    pub failure_action: FailureAction,
    /// Time from spawn to readiness.
    pub start_timeout_ms: u64,
    /// Time from the stop signal to SIGKILL.
    pub stop_timeout_ms: u64,
    /// How it is asked to stop.
    pub stop_signal: Signal,
    /// How it is told to take its files again while it runs, if it can: it answers with `RELOADING=1`, then `READY=1`.
    pub reload: Option<Signal>,
    /// What SIGKILL reaches.
    pub kill: KillScope,
    /// In a shutdown it is stopped once every unit without this mark is down.
    pub stop_last: bool,
    /// Skipped unless this holds when it is about to start.
    pub condition: Option<Condition>,
    /// Mirror its log on the console.
    pub console: bool,
    /// Takes the log streams of all units (on descriptor 3). At most one unit of a set.
    pub takes_logs: bool,
    /// Stamped on the timeline when first ready.
    pub milestone: Option<String>,
    /// Stamped on the timeline when first spawned.
    pub milestone_at_start: Option<String>,
    /// User and group ids it runs as.
    pub user: User,
    /// The kernel's bias when memory runs out, -1000 to 1000.
    pub oom_score_adj: i16,
    /// Its environment, beside `PATH` and `NOTIFY_SOCKET`.
    pub environment: BTreeMap<String, String>,
    /// Its cgroup belongs to its user, who makes cgroups below it.
    pub delegate: bool,
    /// Read its program into memory while earlier units run.
    pub preload: bool,
    /// What it may use.
    pub limits: Limits,
}

/// What kind of thing a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Runs until stopped.
    Service,
    /// Runs to its end once; up when it ended with 0.
    Oneshot,
    /// No process: up when everything it wants and requires has settled.
    Target,
}

/// When a unit counts as up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It says so (`READY=1` on its notify socket).
    Notify,
    /// Its program was executed.
    Started,
    /// Its process ended with 0 (a oneshot), or there is none (a target).
    Finished,
}

/// What an exit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Any exit restarts it.
    Always,
    /// An exit with anything but 0 restarts it.
    OnFailure,
    /// It stays down.
    Never,
}

/// What it means for the host that a unit is down for good: failed, held, or stuck although it is meant to be up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureAction {
    /// The host goes on without it.
    None,
    /// The host is no good without it: an orderly shutdown, then a start that may choose another set.
    Reboot,
}

/// How quickly a failing unit is restarted. The delay doubles with each failure in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backoff {
    /// Delay after the first failure.
    pub initial_ms: u64,
    /// The delay's limit.
    pub max_ms: u64,
    /// Up this long, earlier failures are forgotten.
    pub reset_after_ms: u64,
    /// Failures in a row after which it is held.
    pub ceiling: u32,
    /// A held unit is tried again after this.
    pub held_retry_ms: u64,
}

impl Backoff {
    /// Ten failures take about two minutes; then one try every five minutes costs the host nothing and still heals a
    /// unit whose trouble was outside it.
    pub const DEFAULT: Self =
        Self { initial_ms: 200, max_ms: 30_000, reset_after_ms: 60_000, ceiling: 10, held_retry_ms: 300_000 };

    /// The delay after `failures` in a row (at least 1).
    pub fn delay_ms(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1).min(32);
        self.initial_ms.saturating_mul(1_u64 << doublings).min(self.max_ms)
    }
}

/// A signal that a unit may ask to be stopped or reloaded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// Hang up.
    #[serde(rename = "SIGHUP")]
    Hup,
    /// Interrupt.
    #[serde(rename = "SIGINT")]
    Int,
    /// Quit.
    #[serde(rename = "SIGQUIT")]
    Quit,
    /// First of the user's two.
    #[serde(rename = "SIGUSR1")]
    Usr1,
    /// Second of the user's two.
    #[serde(rename = "SIGUSR2")]
    Usr2,
    /// Terminate.
    #[serde(rename = "SIGTERM")]
    Term,
}

impl Signal {
    /// Every signal with its name.
    pub const ALL: [(&str, Self); 6] = [
        ("SIGHUP", Self::Hup),
        ("SIGINT", Self::Int),
        ("SIGQUIT", Self::Quit),
        ("SIGUSR1", Self::Usr1),
        ("SIGUSR2", Self::Usr2),
        ("SIGTERM", Self::Term),
    ];

    /// Its number on Linux (signal(7)).
    pub const fn number(self) -> i32 {
        match self {
            Self::Hup => 1,
            Self::Int => 2,
            Self::Quit => 3,
            Self::Usr1 => 10,
            Self::Usr2 => 12,
            Self::Term => 15,
        }
    }
}

/// What SIGKILL reaches, and whether leftovers die with the main process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KillScope {
    /// Everything in the unit's cgroup.
    Cgroup,
    /// The main process alone; its children live on (containerd's shims).
    Process,
}

/// What must hold for a unit to be started at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// This path exists.
    Path(String),
}

/// User and group ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// What a unit may use. None leaves the kernel's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory of its cgroup.
    pub memory_max_bytes: Option<u64>,
    /// Processes and threads of its cgroup.
    pub pids_max: Option<u64>,
    /// Open descriptors of each of its processes.
    pub open_files: Option<u64>,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "service",
            Self::Oneshot => "oneshot",
            Self::Target => "target",
        })
    }
}
