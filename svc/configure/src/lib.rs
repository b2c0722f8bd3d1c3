//! `configure`: what the host was told to be becomes the files it runs by. One process, one pass, early in every boot.
//!
//! Takes the stored generation (`store`), lets sources and generators speak, stores what is new, validates (`settings`),
//! renders (`render`), applies (`apply`). A second run, `--cloud`, asks sources that need the network, once there is one; units
//! that run by then take their files again. Holds always: whatever the sources hold, every part that is valid is applied, every
//! part that is not is named on the log and in `/run/gantry/configure.json` with its source and path, and the exit status is
//! 0: bad user data does not stop a machine. Without a usable STATE all of this happens in memory, and is said. Left to
//! others: reading what is written here (containerd, `containers`, `netd`), changes while the host runs (`apiserver`).
//!
//! Exit status: 0; 64 for wrong arguments and for a checked file with problems; 75 when a file could not be
//! written.

pub mod generators;
mod layering;
mod report;
mod run;
pub mod sources;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use settings::{LIMITS, Layer, Problem, validate};

use report::Report;

const HELP: &str = "usage: configure [--cloud] [--root DIR]   apply the machine's settings
       configure --check FILE               say what is wrong with a user data file
--cloud      ask only sources that are reached over the network, if this machine has any
--root DIR   take DIR for the root of the file system
";

/// Runs the service.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(run(&arguments, &mut io::stdout().lock(), &mut io::stderr().lock()))
}

/// Which of a boot's two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The first, before there is a network.
    Boot,
    /// The second, for what needs one.
    Cloud,
}

/// What the service was started for.
enum Job {
    Configure { root: PathBuf, run: Run },
    Check { file: PathBuf },
}

/// [`main`] with its surroundings as arguments. Returns the exit status.
pub fn run(arguments: &[OsString], out: &mut dyn Write, log: &mut dyn Write) -> u8 {
    match parse(arguments) {
        Some(Job::Configure { root, run: Run::Cloud }) if !sources::has_cloud(&root) => 0,
        Some(Job::Configure { root, run }) => run::run(&root, run, Report::new(log)),
        Some(Job::Check { file }) => check(&file, out),
        None => {
            // Nobody is left to tell if this fails.
            let _ = log.write_all(HELP.as_bytes());
            64
        }
    }
}

fn parse(arguments: &[OsString]) -> Option<Job> {
    let mut root = PathBuf::from("/");
    let mut run = Run::Boot;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str()? {
            "--cloud" => run = Run::Cloud,
            "--root" => root = arguments.next()?.into(),
            "--check" => return Some(Job::Check { file: arguments.next()?.into() }),
            _ => return None,
        }
    }
    Some(Job::Configure { root, run })
}

/// `path`, taken as seen from `root`.
fn under(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn check(file: &Path, out: &mut dyn Write) -> u8 {
    let problem = |why: String| Problem { layer: Layer::File, path: "(document)".into(), why: why.into() };
    let problems = match files::read(file, LIMITS.text_bytes) {
        Err(err) => vec![problem(files::chain(&err))],
        Ok(bytes) => match sources::unpacked(bytes, LIMITS.text_bytes) {
            Err(err) => vec![problem(files::chain(&err))],
            Ok(text) => {
                let (tree, unreadable) = sources::read(&text, Layer::File, &LIMITS);
                [unreadable, validate(&tree).1].concat()
            }
        },
    };
    let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    // A reader that went away does not change what is true of the file.
    let _ = out.write_all(lines.as_bytes());
    if problems.is_empty() { 0 } else { 64 }
}
