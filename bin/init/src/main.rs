//! The first program of the host: initramfs stage, PID 1, and the few applets that PID 1's early units run.
//!
//! One file because both stages need most of the same code and because the initramfs carries it. Which part runs:
//!
//! | started as | runs |
//! |---|---|
//! | PID 1 as `/init` | `stage1`: finds and mounts the verified root, then executes `/usr/sbin/init` there |
//! | PID 1 otherwise | `supervisor`: mounts, units, orderly end |
//! | `modprobe ...` | `modprobe`: the kernel's request for a module |
//! | `init devices`, `init modules NAME...`, `init data`, `init state` | the one-shot units of those names |

mod catalog;
mod clock;
mod data;
mod devices;
mod modprobe;
mod mounts;
mod stage1;
mod state;
mod supervisor;
mod volume;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

/// Exit code for a call that can never work, whoever repeats it (the unit is held, not restarted).
const EXIT_USAGE: u8 = 64;

const HELP: &str = "\
init: PID 1 of this host. It is started by the kernel, not by hand.
  init devices     load the modules of the devices present
  init modules NAME...   load these modules and what they need
  init autoload    load the modules that settings name
  init data        grow and mount the data partition
  init state       mount the state partition
  modprobe NAME    load a kernel module (called by the kernel)";

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let called = args.next().unwrap_or_default();
    let args: Vec<OsString> = args.collect();
    if std::process::id() == 1 {
        if called == "/init" { stage1::run() } else { supervisor::run() }
    }
    if Path::new(&called).file_name().is_some_and(|name| name == "modprobe") {
        return modprobe::main(args);
    }
    match args.first().and_then(|applet| applet.to_str()) {
        Some("devices") => devices::main(),
        Some("modules") => devices::wanted(args.get(1..).unwrap_or_default()),
        Some("autoload") => devices::autoload(),
        Some("data") => data::main(),
        Some("state") => state::main(),
        _ => {
            eprintln!("{HELP}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}
