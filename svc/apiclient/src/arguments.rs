//! The command line.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

use crate::commands::Command;
use crate::target::Flags;

/// Talks to the API of a Gantry host: this one, by its socket, or another, over TLS.
#[derive(Debug, Parser)]
#[command(
    name = "apiclient",
    version,
    max_term_width = 110,
    subcommand_required = true,
    after_help = "Examples:
  apiclient status
      The host in short.
  apiclient get settings.ntp
      What is set.
  apiclient set motd=\"Hello\" --dry-run
      What a change would do, as a diff.
  apiclient --node edge-7 logs containers -f
      Another host's log, as it is written.

Exit status: 0 done; 1 the server refused, nothing is changed; 2 the command line or a source makes no sense, nothing was sent;
3 no answer, or too busy; 4 another change came first; 5 applying failed and was undone; 6 the server failed;
7 the audit log was tampered with."
)]
pub struct Arguments {
    /// Show requests and answers (without their contents) on standard error
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// How much to say beside the output; `debug` and `trace` are --verbose
    #[arg(long, global = true, value_name = "LEVEL", hide_possible_values = false)]
    pub log_level: Option<LogLevel>,
    /// How long an answer may take, units' restarts included; 30s, 5m
    #[arg(long, global = true, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub timeout: Duration,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Which host. Last, for what follows would stand under its heading.
    #[command(flatten)]
    pub target: Flags,
}

/// Words that Bottlerocket's client takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// That, and warnings.
    Warn,
    /// The usual.
    Info,
    /// Requests, too.
    Debug,
    /// The same.
    Trace,
}

/// The name of the flag that every command takes, at any place but behind `set`, where it is Bottlerocket's and takes a document.
const JSON: &str = "machine-output";

impl Arguments {
    /// Reads a command line; also says whether programs read the output.
    pub fn read(arguments: &[std::ffi::OsString]) -> Result<(Self, bool), clap::Error> {
        let matches = command().try_get_matches_from(arguments)?;
        Ok((Self::from_arg_matches(&matches)?, wants_json(&matches)))
    }
}

/// Everything that can be written, for parsing, completion and the reference page.
pub fn command() -> clap::Command {
    with_json(Arguments::command())
}

fn with_json(command: clap::Command) -> clap::Command {
    let flag = Arg::new(JSON).long("json").action(ArgAction::SetTrue);
    let flag = flag.help("Print the server's JSON, for programs").help_heading(None::<&str>);
    let taken = command.get_arguments().any(|argument| argument.get_long() == Some("json"));
    let command = command.mut_subcommands(with_json);
    if taken { command } else { command.arg(flag) }
}

fn wants_json(matches: &ArgMatches) -> bool {
    let here = matches.try_get_one::<bool>(JSON).ok().flatten().copied().unwrap_or_default();
    here || matches.subcommand().is_some_and(|(_, matches)| wants_json(matches))
}

/// `90`, `90s`, `5m`, `2h`.
pub fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" | "min" => 60,
        "h" => 3600,
        _ => return Err("the unit is one of s, m, h, as in 90s".into()),
    };
    let count: u64 = digits.parse().map_err(|_| "want a number and a unit, as in 90s, 5m, 2h")?;
    match count.checked_mul(unit) {
        Some(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err("want 1 s to 24 h".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<(Arguments, bool), clap::Error> {
        let words: Vec<std::ffi::OsString> = words.split(' ').map(Into::into).collect();
        Arguments::read(&words)
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn json_is_a_flag_everywhere_but_behind_set() {
        for (words, json) in [
            ("apiclient --json history", true),
            ("apiclient history --json", true),
            ("apiclient audit show --json", true),
            ("apiclient audit --json show", true),
            ("apiclient history", false),
            ("apiclient set --json {}", false),
            ("apiclient --json set --json {}", true),
            ("apiclient --json set a=b", true),
        ] {
            assert_eq!(read(words).unwrap().1, json, "{words}");
        }
    }

    #[test]
    fn every_command_shows_an_example() {
        fn leaves(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let mut inner = command.get_subcommands().filter(|c| c.get_name() != "help").peekable();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(inner.peek().is_some() || help.contains("apiclient"), "{path} has no example");
            inner.for_each(|inner| leaves(inner, &path));
        }
        leaves(&command(), "");
    }

    #[test]
    fn times() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("5m", 300), ("1min", 60), ("24h", 86_400)] {
            assert_eq!(time(text).unwrap().as_secs(), seconds);
        }
        for bad in ["", "s", "0", "0s", "25h", "1d", "-1", "1.5m", "99999999999999999999", "5 m", "é"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
