//! The API's command-line client: Bottlerocket's commands and flags, and those for what is ours.
//!
//! A command is one file in [`commands`]; it asks the server through a [`session::Session`] and prints. The server
//! decides everything about settings: the client knows the model only to complete keys, and to read `key=value` texts.
//!
//! Holds always: what goes wrong has its exit status ([`failure::status`]) and a message that names place and remedy; no
//! message holds a secret; what came from a host cannot act on the terminal. Left to others: routes and messages
//! (`wire`), what a change does (`svc/apiserver`). docs/reference/apiclient.md

pub mod arguments;
mod commands;
mod events;
pub mod failure;
pub mod reference;
mod refusal;
mod session;
mod show;
mod source;
mod target;
mod transport;

use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::process::ExitCode;

pub use arguments::command;
pub use session::World;

use crate::arguments::{Arguments, LogLevel};
use crate::failure::{Failure, status};
use crate::session::Session;
use crate::show::{Style, clean_lines};
use crate::target::Target;
use crate::transport::Client;

/// Runs the program.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut world = World {
        environment: &|name| std::env::var_os(name),
        stdin: &mut io::stdin().lock(),
        terminal: io::stdout().is_terminal(),
    };
    ExitCode::from(run(&arguments, &mut world, &mut io::stdout().lock(), &mut io::stderr()))
}

/// [`main`] with its surroundings as arguments. Returns the exit status.
pub fn run(arguments: &[OsString], world: &mut World<'_>, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let (arguments, json) = match Arguments::read(arguments) {
        Ok(read) => read,
        Err(problem) => {
            // `--help` and `--version` arrive here, too, and are no problem.
            // A reader that went away does not change what is so; so below.
            if problem.use_stderr() {
                let _ = write!(err, "{}", problem.render());
                return status::USAGE;
            }
            let _ = write!(out, "{}", problem.render());
            return status::DONE;
        }
    };
    let quiet = arguments.log_level == Some(LogLevel::Off);
    match perform(arguments, json, world, out, err) {
        Ok(()) => status::DONE,
        // `apiclient logs -f | head` has what it wanted.
        Err(Failure::Output(problem)) if problem.kind() == io::ErrorKind::BrokenPipe => status::DONE,
        Err(failure) => {
            if let (true, Failure::Refused(refusal)) = (json, &failure) {
                let json = refusal.json();
                let json = match world.terminal {
                    true => clean_lines(&String::from_utf8_lossy(&json)).into_owned().into_bytes(),
                    false => json,
                };
                let _ = out.write_all(&json).and_then(|()| out.write_all(b"\n"));
            }
            if !quiet {
                let _ = writeln!(err, "apiclient: {}", clean_lines(&in_words(&failure)));
            }
            failure.status()
        }
    }
}

/// A failure with its causes: its own words may have several lines, what it is due to stays on the last.
fn in_words(failure: &Failure) -> String {
    match failure.source() {
        Some(cause) => format!("{failure}: {}", files::chain(cause)),
        None => failure.to_string(),
    }
}

fn perform(
    arguments: Arguments,
    json: bool,
    world: &mut World<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<(), Failure> {
    if let commands::Command::Completion(completion) = arguments.command {
        return completion.print(out);
    }
    let set = |name: &str| (world.environment)(name).filter(|value| !value.is_empty());
    let target = Target::resolve(&arguments.target, world.environment)?;
    let coloured =
        world.terminal && !json && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb");
    let verbose = arguments.verbose || matches!(arguments.log_level, Some(LogLevel::Debug | LogLevel::Trace));
    let mut session = Session {
        client: Client::new(target, arguments.timeout, verbose),
        json,
        style: if coloured { Style::coloured() } else { Style::plain() },
        terminal: world.terminal,
        web_authorities: set("SSL_CERT_FILE").map(Into::into),
        limit: arguments.timeout,
        stdin: world.stdin,
        out,
        err,
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
    runtime.block_on(arguments.command.run(&mut session))
}
