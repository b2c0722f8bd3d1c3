//! The initramfs stage: from the kernel's first program to the verified root.
//!
//! One way, in order: file systems, modules (and beside them the watchdog, armed as early as can be), the partition whose
//! PARTUUID is the first half of the root hash, dm-verity over it, erofs read-only, the old root emptied,
//! `/usr/sbin/init` executed. Always holds: what is
//! executed next was read through dm-verity under the root hash of the (signed) command line; nothing on any disk
//! is written. There is no other way in: no rescue shell, no fall-back root.

mod clear;
mod disk;
mod modules;
mod watchdog;

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use sys::kmsg::{Level, Writer};
use sys::mount::Flags;
use verity::{COMMAND_LINE_MAX_BYTES, Params};

use modules::{Files, ModulesError};
use watchdog::Guard;

use crate::clock;
use crate::mounts::{self, MountError};
use crate::supervisor::HANDED_WATCHDOG;

const SYSROOT: &str = "/sysroot";
const NEXT: &str = "/usr/sbin/init";

/// The step that failed. Whoever reads this has the console only, so each says what it was after.
#[derive(Debug, thiserror::Error)]
enum StageError {
    #[error("cannot mount what the initramfs stage needs")]
    Base(#[source] MountError),
    #[error("cannot read the kernel's command line")]
    CommandLine(#[source] files::Error),
    #[error("the kernel's command line does not say which root to mount")]
    Params(#[source] verity::CommandLineError),
    #[error("cannot load the modules for the root")]
    Modules(#[source] ModulesError),
    #[error("no root")]
    Disk(#[source] disk::DiskError),
    #[error("cannot activate dm-verity over {partition}")]
    Verity {
        partition: String,
        #[source]
        err: sys::dm::Error,
    },
    #[error("cannot mount the verified root")]
    Root(#[source] io::Error),
    #[error("cannot hand /proc, /sys, /dev and /run over to the new root")]
    Move(#[source] io::Error),
    #[error("cannot enter the new root")]
    Enter(#[source] io::Error),
    #[error("cannot execute {NEXT}")]
    Execute(#[source] io::Error),
}

/// Runs the stage. On success this process has become the root's PID 1; otherwise it has said why on the kernel's
/// log and ends, and the kernel panics: its `panic=` on the command line is the one place that says what a machine
/// does when it cannot start.
pub fn run() -> ! {
    let started_ms = clock::boottime_ms();
    let Err(err) = switch(started_ms);
    let why = files::chain(&err);
    match Writer::open() {
        Ok(log) => log.write(Level::Emergency, "init", &format_args!("stage 1 failed why={why:?}")),
        // Not even /dev: the kernel gave us its console.
        Err(_) => eprintln!("init: stage 1 failed why={why:?}"),
    }
    std::process::exit(1)
}

fn switch(started_ms: u64) -> Result<Infallible, StageError> {
    mounts::base().map_err(StageError::Base)?;
    let line =
        files::read(Path::new("/proc/cmdline"), COMMAND_LINE_MAX_BYTES).map_err(StageError::CommandLine)?;
    let line = String::from_utf8_lossy(&line);
    let params = Params::from_command_line(&line).map_err(StageError::Params)?;
    let watchdog = load_modules(&line).map_err(StageError::Modules)?;
    let modules_ms = clock::boottime_ms();
    let partition = disk::wait_for(&params).map_err(StageError::Disk)?;
    let disk_ms = clock::boottime_ms();
    // Half of its time may be gone: a disk may be that late.
    watchdog.feed();
    mount_verified(&params, &partition)?;
    let root_ms = clock::boottime_ms();
    if let Ok(log) = Writer::open() {
        log.write(
            Level::Debug,
            "init",
            &format_args!(
                "root mounted partition={partition} modules_at_ms={modules_ms} disk_at_ms={disk_ms}"
            ),
        );
    }
    mounts::move_base_below(Path::new(SYSROOT)).map_err(StageError::Move)?;
    clear::initramfs();
    rustix::process::chdir(SYSROOT).map_err(|err| StageError::Enter(err.into()))?;
    sys::mount::enter_root_here().map_err(StageError::Enter)?;
    let mut next = Command::new(NEXT);
    next.env_clear()
        .env("GANTRY_STAGE1_MS", started_ms.to_string())
        .env("GANTRY_ROOT_MS", root_ms.to_string());
    if let Some(number) = watchdog.hand_over() {
        next.env(HANDED_WATCHDOG, number.to_string());
    }
    Err(StageError::Execute(next.exec()))
}

/// Loads the modules and arms the watchdog, side by side, and goes on when both are done: a driver of the root that hangs does
/// so under an armed watchdog. A watchdog's own driver that hangs ends this boot, and perhaps nothing resets the machine.
fn load_modules(command_line: &str) -> Result<Guard, ModulesError> {
    let files = Files::list()?;
    let (mut watchdog, loaded) = thread::scope(|scope| {
        let watchdog = scope.spawn(|| Guard::arm(&files, command_line));
        let loaded = files.load_all(command_line);
        (watchdog.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), loaded)
    });
    // A variant may have a driver that we do not know.
    watchdog.look();
    loaded.map(|()| watchdog)
}

/// Activates dm-verity over the partition (`MAJOR:MINOR`) and mounts the result.
fn mount_verified(params: &Params, partition: &str) -> Result<(), StageError> {
    let failed = |err| StageError::Verity { partition: partition.to_owned(), err };
    let target = sys::dm::Target {
        sectors: params.sectors(),
        kind: verity::TARGET,
        parameters: &params.table_line(partition),
    };
    let uuid = format!("gantry-root-{}", params.root_hash_hex());
    let device = sys::dm::create_read_only("root", &uuid, target).map_err(failed)?;
    let flags = Flags::RDONLY | Flags::NODEV | Flags::NOSUID;
    fs::create_dir_all(SYSROOT).map_err(StageError::Root)?;
    sys::mount::mount("erofs", &device.to_string_lossy(), Path::new(SYSROOT), flags, "")
        .map_err(StageError::Root)
}
