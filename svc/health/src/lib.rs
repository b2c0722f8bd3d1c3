//! `health`: whether the set that runs is good, and the end of the machine when it is not.
//!
//! Two jobs (docs/reference/health.md):
//! - `health confirm` runs once, when everything of the target `healthy` is ready: it confirms a set on trial, and settles a
//!   confirmed one ("this start counts as no failure").
//! - `health watch --deadline-s N` runs always. At the deadline it settles a confirmed set, and restarts a machine whose set is
//!   still on trial: the try is spent, so the boot manager comes to another set in the end. All the time, it looks at what
//!   dm-verity says of the root: repairs are counted, and a block beyond repair condemns the set and restarts the machine.
//!
//! Holds always: nothing but `confirm` confirms a set, and only the set whose UKI was started and whose root is mounted.
//! `watch` keeps itself in memory, because its work begins where the root cannot be read any more.
//!
//! Exit status: 0; 64 for wrong arguments; 75 when the host cannot do it now.

mod arguments;
mod confirm;
mod decide;
mod end;
mod reports;
mod root;
mod settings;
mod standing;
mod watch;

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use arguments::Job;

const EXIT_USAGE: u8 = 64;
const EXIT_HOST: u8 = 75;

const HELP: &str = "usage: health watch --deadline-s SECONDS   watch the root; decide about the set SECONDS after the kernel's start
       health confirm                      the host is healthy: confirm the running set, or settle it";

/// Runs the service.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let ended: Result<(), Box<dyn Error>> = match Job::parse(&arguments) {
        Some(Job::Watch { deadline_s }) => watch::run(deadline_s).map_err(Into::into),
        Some(Job::Confirm) => confirm::run().map_err(Into::into),
        None => {
            eprintln!("{HELP}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error health: stopped why={:?}", files::chain(&*err));
            ExitCode::from(EXIT_HOST)
        }
    }
}
