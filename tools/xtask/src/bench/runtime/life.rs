//! One container from nothing to gone, in the steps that containerd's shim takes, and once more for its memory.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use sys::usage::{self, Ended, Pid};

use super::bundle;

const NAME: &str = "true";
const PID_FILE: &str = "/run/bench.pid";
const SAID: &str = "/run/bench.stderr";
const MEMORY: &str = "/run/bench.rss";

/// What one container took.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Life {
    /// `create`, to its end.
    pub create_ms: f64,
    /// `start`, to its end.
    pub start_ms: f64,
    /// From there until the container's process was seen to have ended.
    pub exit_ms: f64,
    /// `delete`, to its end.
    pub delete_ms: f64,
    /// User and system time of the three and of the container's own process, which starts as the runtime's.
    pub cpu_ms: f64,
    /// Of the largest process of a `run`.
    pub peak_rss_kib: u64,
}

impl Life {
    /// All four steps.
    pub fn whole_ms(&self) -> f64 {
        self.create_ms + self.start_ms + self.exit_ms + self.delete_ms
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, create, memory) = (self.whole_ms(), self.create_ms, self.peak_rss_kib);
        write!(
            f,
            "gone after {whole:.1} ms, created after {create:.1}, CPU {:.1} ms, {memory} KiB",
            self.cpu_ms
        )
    }
}

/// Lets one container live and end. On failure nothing of it is left.
pub fn live(runtime: &str) -> Result<Life> {
    let guard = Remains { runtime };
    let life = steps(runtime)?;
    std::mem::forget(guard);
    Ok(life)
}

fn steps(runtime: &str) -> Result<Life> {
    let began = Instant::now();
    let create = end(runtime, &["create", "--bundle", bundle::PLACE, "--pid-file", PID_FILE, NAME])?;
    let created = Instant::now();
    let pid = fs::read_to_string(PID_FILE).context("no pid file")?;
    let pid = pid.trim().parse().ok().and_then(Pid::from_raw).context("the pid file holds no pid")?;
    let asked = Instant::now();
    let start = end(runtime, &["start", NAME])?;
    let started = Instant::now();
    let process = usage::wait(pid).context("cannot wait for the container's process")?;
    let exited = Instant::now();
    ensure!(process.status.success(), "the container's process: {}", process.status);
    let delete = end(runtime, &["delete", NAME])?;
    let gone = Instant::now();
    let mut cpu = create.cpu + start.cpu + process.cpu + delete.cpu;
    // Helpers that their runtime did not wait for.
    while let Some(ended) = usage::take()? {
        cpu += ended.cpu;
    }
    Ok(Life {
        create_ms: ms(created - began),
        start_ms: ms(started - asked),
        exit_ms: ms(exited - started),
        delete_ms: ms(gone - exited),
        cpu_ms: ms(cpu),
        peak_rss_kib: peak_rss_kib(runtime)?,
    })
}

/// Busybox forks and waits, because the kernel counts the memory of whoever forks as the new process's, and busybox is
/// smaller than any runtime; we are not.
fn peak_rss_kib(runtime: &str) -> Result<u64> {
    let program = format!("/usr/bin/{runtime}");
    end("busybox", &["time", "-f", "%M", "-o", MEMORY, &program, "run", "--bundle", bundle::PLACE, NAME])?;
    let text = fs::read_to_string(MEMORY).context("busybox wrote no memory figure")?;
    text.trim().parse().with_context(|| format!("no memory figure: {text}"))
}

/// Runs a program of the root to its end; one that fails is an error with what it said.
fn end(program: &str, arguments: &[&str]) -> Result<Ended> {
    // A file: the container's process keeps a pipe open.
    let said = File::create(SAID)?;
    let mut command = Command::new(format!("/usr/bin/{program}"));
    command.args(arguments).env_clear().env("PATH", "/usr/bin:/usr/sbin");
    command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said);
    // Ctrl-C is for us, who end the container in order.
    let child = command.process_group(0).spawn().with_context(|| format!("cannot start {program}"))?;
    let ended = usage::wait(Pid::from_child(&child)).context("cannot wait")?;
    if !ended.status.success() {
        let said = fs::read_to_string(SAID).unwrap_or_default();
        bail!("{program} {}: {}: {}", arguments[0], ended.status, said.trim());
    }
    Ok(ended)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A container that may be there still.
struct Remains<'a> {
    runtime: &'a str,
}

impl Drop for Remains<'_> {
    fn drop(&mut self) {
        // It fails when there is none, which is as well.
        let _ = end(self.runtime, &["delete", "--force", NAME]);
        while let Ok(Some(_)) = usage::take() {}
    }
}
