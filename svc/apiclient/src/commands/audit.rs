//! `apiclient audit`
//!
//! The record of calls is checked here, not by the server: whoever changed it may have changed the server too.

use std::path::{Path, PathBuf};

use wire::audit::{Event, Findings, Head, Line, Scope, Verifier};
use wire::types::AuditPage;

use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Cell, Paint, Table, clean, utc};
use crate::transport::Ask;

/// Records per request: a page of the longest is still an answer of sane size.
const PAGE: usize = 5000;

/// No log of a host is longer; it rotates far below.
const FILE_BYTES: usize = 1 << 30;

/// Show the record of calls, or check that nobody changed it
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show who asked for what
    #[command(after_help = "Examples:
  apiclient audit show
      The last 100 records.
  apiclient audit show --since 4711 --json
      Everything after record 4711, one stored line per line.")]
    Show {
        /// How many at most, the last ones
        #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, conflicts_with = "since")]
        lines: usize,
        /// Everything after this record
        #[arg(long, value_name = "NUMBER")]
        since: Option<u64>,
    },
    /// Check that no record was changed, deleted or put in: the host's, or those of files
    #[command(after_help = "Examples:
  apiclient audit verify
      Ask the host for its records, and check them here.
  apiclient audit verify --expect 4711:9f2c...
      Also that record 4711 is the one that was last seen: the `head` that verify printed then.
  apiclient audit show --since 0 --json > audit.log; apiclient audit verify audit.log
      Later, without the host.

A log whose end was cut off, or that was written anew, is only found with --expect: keep heads elsewhere.")]
    Verify {
        /// Files in the order they were written, - for standard input; without one, the host is asked
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// A head that was printed before; may be given several times
        #[arg(long, value_name = "NUMBER:HASH")]
        expect: Vec<Head>,
        /// The files need not begin where the host's records begin
        #[arg(long, requires = "files")]
        part: bool,
    },
}

impl Audit {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self.verb {
            Verb::Show { lines, since } => show(lines, since, session).await,
            Verb::Verify { files, expect, part } => {
                let mut verifier = Verifier::new(if part { Scope::Part } else { Scope::Whole }, &expect);
                if files.is_empty() {
                    pages(0, session, |line| verifier.take(&line)).await?;
                }
                for file in &files {
                    let text = read(file, session)?;
                    text.lines().for_each(|line| verifier.take(line));
                }
                verdict(&verifier.finish(), session)
            }
        }
    }
}

/// Every record after `since`, page by page.
async fn pages(since: u64, session: &Session<'_>, mut take: impl FnMut(String)) -> Result<(), Failure> {
    let mut since = since;
    loop {
        let ask = Ask::get(format!("/v1/audit?since={since}&lines={PAGE}"));
        let asked = ask.name();
        let page: AuditPage = session.learn(ask).await?;
        let count = page.records.len();
        let last = page.records.iter().rev().find_map(|line| Line::read(line).ok());
        page.records.into_iter().for_each(&mut take);
        match last.map(|line| line.record.seq) {
            _ if count < PAGE => return Ok(()),
            // Our own question is recorded too; that is one record a page, so this comes to an end.
            Some(seq) if seq > since => since = seq,
            _ => {
                return Err(Failure::Answer {
                    asked,
                    why: "a page of records does not go on after the one before".into(),
                });
            }
        }
    }
}

fn read(file: &Path, session: &mut Session<'_>) -> Result<String, Failure> {
    let failed = |err| Failure::File { path: file.to_owned(), err };
    let bytes = match file == Path::new("-") {
        true => session.read_stdin(FILE_BYTES).map_err(failed)?,
        false => std::fs::read(file).map_err(failed)?,
    };
    // What is not text is no record, and found to be none.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn show(lines: usize, since: Option<u64>, session: &mut Session<'_>) -> Result<(), Failure> {
    let mut records = std::collections::VecDeque::new();
    let most = if since.is_some() { usize::MAX } else { lines };
    pages(since.unwrap_or(0), session, |line| {
        records.push_back(line);
        if records.len() > most {
            records.pop_front();
        }
    })
    .await?;
    if session.json {
        // As they are stored: `verify` takes them.
        let text: String = records.iter().map(|line| format!("{line}\n")).collect();
        return session.print_bytes(text.as_bytes());
    }
    let mut table = Table::new(["RECORD", "WHEN", "WHO", "WHAT", "STATUS", "GENERATION"]);
    for line in &records {
        let Ok(line) = Line::read(line) else {
            table.row([
                "?".into(),
                "".into(),
                "".into(),
                Cell::painted("not a record", Paint::Bad),
                "".into(),
                "".into(),
            ]);
            continue;
        };
        let [who, what, status, generation] = columns(line.record.event);
        table.row([
            line.record.seq.to_string().into(),
            utc(line.record.unix_s).into(),
            who,
            what,
            status,
            generation,
        ]);
    }
    let text = table.text(session.style);
    session.print(&text)
}

fn columns(event: Event) -> [Cell; 4] {
    let nothing = || Cell::from("");
    let said = |words: String| [nothing(), Cell::painted(words, Paint::Warn), nothing(), nothing()];
    match event {
        Event::Call { caller, method, path, status, before, after } => {
            let generation = if before == after { String::new() } else { format!("{before} -> {after}") };
            let paint = if status < 400 { Paint::Plain } else { Paint::Bad };
            let status = Cell::painted(status.to_string(), paint);
            [caller.into(), format!("{method} {path}").into(), status, generation.into()]
        }
        Event::Refused { peer, why, more } => {
            let more = if more > 0 { format!(", and {more} more like it") } else { String::new() };
            [peer.into(), Cell::painted(format!("not let in: {why}{more}"), Paint::Bad), nothing(), nothing()]
        }
        Event::Begun { .. } => said("the record begins".into()),
        Event::Started => said("the server started".into()),
        Event::Rotated { kept_from } => said(format!("records before {kept_from} were rotated away")),
        Event::Repaired { bytes } => {
            said(format!("the power was cut while a record was written: {bytes} bytes of it removed"))
        }
        Event::Lost { count } => said(format!("{count} records could not be written")),
        Event::Unknown => said("something that only a later release knows".into()),
    }
}

fn verdict(findings: &Findings, session: &mut Session<'_>) -> Result<(), Failure> {
    if session.json {
        let heads = |heads: &[Head]| heads.iter().map(ToString::to_string).collect::<Vec<_>>();
        let breaks: Vec<_> = findings
            .breaks
            .iter()
            .map(|one| serde_json::json!({ "line": one.line, "why": one.why.to_string() }))
            .collect();
        session.print_value(&serde_json::json!({
            "whole": findings.is_whole(),
            "records": findings.records,
            "first": findings.first,
            "log": findings.log,
            "head": findings.head.map(|head| head.to_string()),
            "breaks": breaks,
            "unchecked": heads(&findings.unchecked),
            "repairs": findings.repairs,
            "lost": findings.lost,
        }))?;
    } else {
        session.print(&words(findings, session))?;
    }
    match findings.breaks.first() {
        None => Ok(()),
        Some(first) => Err(Failure::Tampered(format!("the audit log is not what was written: {first}"))),
    }
}

fn words(findings: &Findings, session: &Session<'_>) -> String {
    let mut text = match (findings.first, findings.head) {
        (Some(first), Some(head)) => {
            let log = findings.log.as_deref().map(|log| format!(" of log {}", clean(log)));
            format!("{} records{}, {first} to {}\n", findings.records, log.unwrap_or_default(), head.seq)
        }
        _ => "no records\n".to_owned(),
    };
    let style = session.style;
    match findings.breaks.is_empty() {
        true => {
            text.push_str(&format!("{}\n", style.paint("none was changed, deleted or put in", Paint::Good)))
        }
        false => {
            for one in &findings.breaks {
                text.push_str(&format!("{}\n", style.paint(&one.to_string(), Paint::Bad)));
            }
        }
    }
    for head in &findings.unchecked {
        text.push_str(&format!("record {} is older than what is there: not checked\n", head.seq));
    }
    if findings.repairs > 0 {
        text.push_str(&format!("{} times the power was cut while a record was written\n", findings.repairs));
    }
    if findings.lost > 0 {
        let line = format!("{} records could not be written; the host's log has them", findings.lost);
        text.push_str(&format!("{}\n", style.paint(&line, Paint::Warn)));
    }
    if let Some(head) = findings.head.filter(|_| findings.is_whole()) {
        text.push_str(&format!("head {head}\n      keep it elsewhere, and give it to --expect next time\n"));
    }
    text
}
