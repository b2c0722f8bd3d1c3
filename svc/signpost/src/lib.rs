//! `signpost`: shows which of the two sets boots, and changes it. Run by people, by the updater, and on image files.
//!
//! The verbs are Bottlerocket's (docs/reference/signpost.md). Rules are `pure/slots`, shared with the boot manager, so
//! what is shown as next is what will be chosen; what a set holds is read by `os/sets`; edits are `os/block`'s: locked, both
//! copies of the table with a flush between them, read back.
//!
//! Holds always: a verb that is refused, or fails before its edit, changed nothing; after a cut anywhere the same verb
//! can be run again, and says so when there is nothing left to do.
//!
//! Exit status: 0; 64 when the request is refused or makes no sense; 75 when the host cannot do it now; 70 for a bug.

mod arguments;
mod error;
mod human;
mod report;
mod verbs;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use sets::{Firmware, Place};

use crate::arguments::{Arguments, Verb};
use crate::error::Failure;
use crate::report::Report;

/// Request 64, as sysexits.h has it.
const EXIT_REQUEST: u8 = 64;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let host = Surroundings::default();
    ExitCode::from(run(&arguments, &host, &mut io::stdout().lock(), &mut io::stderr().lock()))
}

/// What the program looks at besides the disk; a test has its own.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The firmware's variables.
    pub firmware: Firmware,
    /// Where `health` counts repairs.
    pub repairs: PathBuf,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { firmware: Firmware::default(), repairs: sets::repairs::PATH.into() }
    }
}

/// [`main`] with its surroundings as arguments. Returns the exit status.
pub fn run(arguments: &[OsString], host: &Surroundings, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => {
            // `--help` and `--version` arrive here, too, and are no problem.
            // A reader that went away does not change what is so; so below.
            if problem.use_stderr() {
                let _ = write!(err, "{}", problem.render());
                return EXIT_REQUEST;
            }
            let _ = write!(out, "{}", problem.render());
            return 0;
        }
    };
    match perform(arguments, host) {
        Ok(text) => {
            let _ = out.write_all(text.as_bytes());
            0
        }
        Err(failure) => {
            let _ = writeln!(err, "signpost: {}", files::chain(&failure));
            failure.exit_status()
        }
    }
}

/// What to print.
fn perform(arguments: Arguments, host: &Surroundings) -> Result<String, Failure> {
    if let Verb::Completion { shell } = arguments.verb {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "signpost", &mut script);
        return Ok(String::from_utf8_lossy(&script).into_owned());
    }
    let place = match &arguments.disk {
        Some(disk) => Place::named(disk),
        None if !rustix::process::geteuid().is_root() => return Err(Failure::NotRoot),
        None => Place::of_root(),
    };
    let place = place.map_err(Failure::Place)?;
    match arguments.verb {
        Verb::Status { json } => {
            let report = Report::gather(&place, arguments.running.map(Into::into), host)?;
            if json { report.to_json() } else { Ok(human::text(&report)) }
        }
        verb => verbs::perform(&place, arguments.running.map(Into::into), verb),
    }
}
