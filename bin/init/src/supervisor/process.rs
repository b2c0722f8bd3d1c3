//! One unit's process: from the unit's description to the running program, in its cgroup.

use std::ffi::{CString, NulError};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use supervise::Unit;
use supervise::machine::Run;
use supervise::unit::{Condition, KillScope};
use sys::cgroup::Cgroup;
use sys::spawn::{Plan, SpawnError, spawn};

use super::host::NOTIFY_SOCKET;

/// The whole search path: the image has one folder of programs.
const PATH: &str = "PATH=/usr/bin:/usr/sbin";
/// Where the unit that takes the logs finds its socket: the first number after the standard ones.
const LOGS_FD: &str = "LOGD_SOCKET_FD=3";

/// Why a unit's process could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its cgroup.
    #[error("cannot prepare its cgroup")]
    Cgroup(#[source] io::Error),
    /// Its descriptors.
    #[error("cannot make its streams")]
    Streams(#[source] io::Error),
    /// A text with a NUL byte; the unit set's checks leave none.
    #[error("its command cannot be passed")]
    Command(#[source] NulError),
    /// The process.
    #[error("no process")]
    Spawn(#[source] SpawnError),
}

/// A running process of a unit.
#[derive(Debug)]
pub struct Process {
    pub run: Run,
    pub pid: Pid,
    /// When it was last sent a signal, on the clock that services tell their reloads by.
    pub signalled_usec: u64,
}

/// What a start gave beside the process.
#[derive(Debug)]
pub struct Started {
    pub process: Process,
    /// The reading end of its output, unless it takes the logs itself.
    pub output: Option<OwnedFd>,
    /// The socket to hand streams over, if it takes the logs.
    pub logd: Option<OwnedFd>,
}

/// Whether the unit's condition holds now.
pub fn condition_holds(unit: &Unit) -> bool {
    match &unit.condition {
        Some(Condition::Path(path)) => std::fs::exists(path).unwrap_or(false),
        None => true,
    }
}

/// Starts the unit's program. `parent` is the cgroup of all units; none (a kernel without cgroup2) runs it unconfined.
pub fn start(unit: &Unit, run: Run, parent: Option<&Cgroup>) -> Result<Started, StartError> {
    let cgroup = parent.map(|parent| prepare_cgroup(unit, parent)).transpose().map_err(StartError::Cgroup)?;
    let null = File::open("/dev/null").map_err(StartError::Streams)?;
    let wiring = Wiring::of(unit).map_err(StartError::Streams)?;
    let mut descriptors = vec![null.as_fd(), wiring.write.as_fd(), wiring.write.as_fd()];
    descriptors.extend(wiring.handed.as_ref().map(AsFd::as_fd));
    let exec: Result<Vec<_>, _> = unit.exec.iter().map(|word| CString::new(word.as_str())).collect();
    let exec = exec.map_err(StartError::Command)?;
    let environment = environment(unit).map_err(StartError::Command)?;
    let plan = Plan {
        exec: &exec,
        environment: &environment,
        cgroup: cgroup.as_ref().map(AsFd::as_fd),
        descriptors: &descriptors,
        user: (unit.user.uid, unit.user.gid),
        oom_score_adj: unit.oom_score_adj,
        open_files: unit.limits.open_files,
    };
    let pid = spawn(&plan).map_err(StartError::Spawn)?;
    Ok(Started { process: Process { run, pid, signalled_usec: 0 }, output: wiring.read, logd: wiring.logd })
}

/// A fresh cgroup, so a unit never runs beside leftovers of an earlier run: while some are still dying the start fails,
/// and is tried again. A unit whose children live on joins them.
fn prepare_cgroup(unit: &Unit, parent: &Cgroup) -> io::Result<Cgroup> {
    let cgroup = match unit.kill {
        KillScope::Cgroup => parent.fresh_child(&unit.name)?,
        KillScope::Process => parent.child(&unit.name)?,
    };
    if let Some(bytes) = unit.limits.memory_max_bytes {
        cgroup.set("memory.max", &bytes.to_string())?;
    }
    if let Some(count) = unit.limits.pids_max {
        cgroup.set("pids.max", &count.to_string())?;
    }
    if unit.delegate {
        cgroup.give_to(unit.user.uid, unit.user.gid)?;
    }
    Ok(cgroup)
}

fn environment(unit: &Unit) -> Result<Vec<CString>, NulError> {
    let own = unit.environment.iter().map(|(name, value)| format!("{name}={value}"));
    let fixed = [PATH.to_owned(), format!("NOTIFY_SOCKET={NOTIFY_SOCKET}")];
    let logs = unit.takes_logs.then(|| LOGS_FD.to_owned());
    fixed.into_iter().chain(logs).chain(own).map(CString::new).collect()
}

/// Where a unit's output goes.
struct Wiring {
    write: OwnedFd,
    read: Option<OwnedFd>,
    logd: Option<OwnedFd>,
    handed: Option<OwnedFd>,
}

impl Wiring {
    /// A pipe for logd; but logd's own words go to the kernel's log, or it would wait for itself.
    fn of(unit: &Unit) -> io::Result<Self> {
        if unit.takes_logs {
            let write = File::options().write(true).open("/dev/kmsg")?.into();
            let (ours, theirs) = sys::channel::pair()?;
            return Ok(Self { write, read: None, logd: Some(ours), handed: Some(theirs) });
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { write, read: Some(read), logd: None, handed: None })
    }
}
