//! `configure`: what the host was told to be becomes the files it runs by. Runs once, early in every boot.
//!
//! Gathers the sources of settings, validates them (`settings`), renders them (`render`), writes the files,
//! applies sysctls and the host name. Holds always: whatever the sources hold, every part that is valid is
//! applied, every part that is not is named on the log with its source and path, and the exit status is 0:
//! bad user data does not stop a machine. Left to others: reading what is written here (containerd,
//! `containers`, `netd`).
//!
//! Exit status: 0; 64 for wrong arguments and for a checked file with problems; 75 when a file could not be
//! written.

mod apply;
mod report;
pub mod sources;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use render::Facts;
use settings::{LIMITS, Layer, Problem, load};

use report::Report;

const HELP: &str = "usage: configure [--cri] [--root DIR]   apply the machine's settings
       configure --check FILE             say what is wrong with a user data file
--cri        containerd serves an orchestrator over CRI
--root DIR   take DIR for the root of the file system
";

/// Runs the service.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    ExitCode::from(run(&arguments, &mut io::stdout().lock(), &mut io::stderr().lock()))
}

/// What the service was started for.
enum Job {
    Configure { root: PathBuf, facts: Facts },
    Check { file: PathBuf },
}

/// [`main`] with its surroundings as arguments. Returns the exit status.
pub fn run(arguments: &[OsString], out: &mut dyn Write, log: &mut dyn Write) -> u8 {
    match parse(arguments) {
        Some(Job::Configure { root, facts }) => configure(&root, facts, log),
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
    let mut facts = Facts::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str()? {
            "--cri" => facts.cri = true,
            "--root" => root = arguments.next()?.into(),
            "--check" => return Some(Job::Check { file: arguments.next()?.into() }),
            _ => return None,
        }
    }
    Some(Job::Configure { root, facts })
}

fn configure(root: &Path, facts: Facts, log: &mut dyn Write) -> u8 {
    let mut report = Report::new(log);
    let (found, unreadable) = sources::gather(root);
    for source in &found {
        report.source(source);
    }
    let texts: Vec<_> = found.iter().map(|source| (source.layer, source.bytes.as_slice())).collect();
    let loaded = load(&texts, &LIMITS);
    unreadable.iter().chain(&loaded.problems).for_each(|problem| report.problem(problem));

    let (files, unrendered) = render::render(&loaded.settings, facts);
    for err in &unrendered {
        report.failure("file not rendered", err);
    }
    let written = apply::write(root, &files, &mut report);
    apply::hostname(root, &loaded.settings, &mut report);
    for problem in apply::sysctls(root, &loaded) {
        report.problem(&problem);
    }
    report.finish(written)
}

fn check(file: &Path, out: &mut dyn Write) -> u8 {
    let problem = |why: String| Problem { layer: Layer::File, path: "(document)".into(), why: why.into() };
    let problems = match files::read(file, LIMITS.text_bytes) {
        Err(err) => vec![problem(files::chain(&err))],
        Ok(bytes) => match sources::unpacked(bytes, LIMITS.text_bytes) {
            Err(err) => vec![problem(files::chain(&err))],
            Ok(text) => load(&[(Layer::File, &text)], &LIMITS).problems,
        },
    };
    let lines: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
    // A reader that went away does not change what is true of the file.
    let _ = out.write_all(lines.as_bytes());
    if problems.is_empty() { 0 } else { 64 }
}
