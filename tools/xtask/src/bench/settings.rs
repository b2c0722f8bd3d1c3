//! `xtask bench settings`: what a change of settings costs, on this host, with the programs that images carry.
//!
//! A whole host in a folder, the API server over it, a PID 1 without units, and clients on its socket. Beside each change through
//! the API, in turn, the same change made the way a chain of processes makes it: one process for each of the client's
//! request, the commit, the applier and the command that restarts a service. The chain is a stand-in: each of its
//! steps is one start of our own client with one request, which is less than such a step does elsewhere.

mod chain;
mod conversation;
mod pid1;
mod served;

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use super::figures::{ratio, spread};
use crate::interrupt::Interrupt;
use chain::Chain;
use conversation::Conversation;
use served::Served;

/// Keys of the large document.
const LARGE_KEYS: usize = 10_000;

#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench settings --runs 200

Figures: out/bench/settings.json")]
pub struct Settings {
    /// Changes of each kind that count
    #[arg(long, default_value_t = 100)]
    runs: u32,
    /// Readers that read at once while one writer commits
    #[arg(long, default_value_t = 1000)]
    readers: usize,
    /// Variant whose programs are measured
    #[arg(long, default_value = "standalone")]
    variant: String,
}

/// Milliseconds of single changes.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Measured {
    /// One request: committed, rendered, applied, reported.
    small: Vec<f64>,
    /// The same with a document of ten thousand keys beneath.
    large: Vec<f64>,
    /// `apiclient set`, from its start to its end.
    client: Vec<f64>,
    /// The same change through a chain of processes.
    chain: Vec<f64>,
}

/// What many readers met while one writer committed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Crowd {
    readers: usize,
    reads: usize,
    errors: usize,
    commits: usize,
    seconds: f64,
}

impl Settings {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        ensure!(self.runs > 0, "--runs must be at least 1");
        let dir = root.join("out/bench");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let programs = served::programs(root, &self.variant)?;
        let interrupt = Interrupt::catch()?;
        let measured = self.changes(&programs, &interrupt)?;
        let crowd = self.crowd(&programs)?;
        println!("\n{}", table(&measured));
        println!(
            "{} readers at once, {} reads in {:.1} s while one writer committed {} changes: {} errors",
            crowd.readers, crowd.reads, crowd.seconds, crowd.commits, crowd.errors
        );
        let path = dir.join("settings.json");
        let report = serde_json::json!({ "changes": measured, "crowd": crowd });
        std::fs::write(&path, format!("{report:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("every change: {}", path.display());
        ensure!(crowd.errors == 0, "readers met errors");
        Ok(ExitCode::SUCCESS)
    }

    /// The kinds of change in turn, so that whatever else the host does meets all alike.
    fn changes(&self, programs: &served::Programs, interrupt: &Interrupt) -> Result<Measured> {
        let (small, large) = (Served::start(programs)?, Served::start(programs)?);
        let mut to_small = Conversation::open(small.socket())?;
        let mut to_large = Conversation::open(large.socket())?;
        change(&mut to_large, &large_document())?;
        let chain = Chain { client: &programs.client, socket: small.socket() };
        let mut measured = Measured::default();
        for run in 0..=self.runs {
            ensure!(!interrupt.asked(), "interrupted");
            let times = [
                timed(|| change(&mut to_small, &motd(&format!("small {run}"))))?,
                timed(|| change(&mut to_large, &motd(&format!("large {run}"))))?,
                timed(|| chain.one_process(&format!("client {run}")))?,
                timed(|| chain.many_processes(&format!("chain {run}")))?,
            ];
            // The first one warms up.
            if run > 0 {
                let Measured { small, large, client, chain } = &mut measured;
                for (kind, time) in [small, large, client, chain].into_iter().zip(times) {
                    kind.push(time);
                }
            }
        }
        Ok(measured)
    }

    fn crowd(&self, programs: &served::Programs) -> Result<Crowd> {
        let served = Served::start(programs)?;
        let readers = (0..self.readers)
            .map(|_| Conversation::open(served.socket()))
            .collect::<Result<Vec<_>>>()
            .context("cannot open that many connections")?;
        let started = Instant::now();
        let commits = 20;
        let (reads, errors) = thread::scope(|scope| -> Result<(usize, usize)> {
            let reading: Vec<_> = readers
                .into_iter()
                .map(|mut reader| {
                    // A thousand threads that do little but wait.
                    thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, move || {
                        (0..5).filter(|_| reader.get("/settings").is_err()).count()
                    })
                })
                .collect::<std::io::Result<_>>()
                .context("cannot start that many threads")?;
            let mut writer = Conversation::open(served.socket())?;
            for commit in 0..commits {
                change(&mut writer, &motd(&format!("crowd {commit}")))?;
            }
            let reads = reading.len() * 5;
            let mut errors = 0;
            for reader in reading {
                errors += match reader.join() {
                    Ok(errors) => errors,
                    Err(_) => bail!("a reader panicked"),
                };
            }
            Ok((reads, errors))
        })?;
        Ok(Crowd { readers: self.readers, reads, errors, commits, seconds: started.elapsed().as_secs_f64() })
    }
}

fn motd(text: &str) -> String {
    serde_json::json!({ "settings": { "motd": text } }).to_string()
}

/// Many keys that no file follows from: what they cost is the document's.
fn large_document() -> String {
    let labels: serde_json::Map<_, _> =
        (0..LARGE_KEYS).map(|n| (format!("example.org/label-{n}"), format!("value-{n}").into())).collect();
    serde_json::json!({ "settings": { "kubernetes": { "node-labels": labels } } }).to_string()
}

fn change(conversation: &mut Conversation, body: &str) -> Result<()> {
    conversation.send("PATCH", "/v1/settings", body).map(drop)
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1000.0)
}

/// Markdown: medians with their spread, and ratios to the first row.
fn table(measured: &Measured) -> String {
    let rows = [
        ("one request, committed, rendered, applied, reported", &measured.small),
        ("the same over a document of 10 000 keys", &measured.large),
        ("`apiclient set`, start to end", &measured.client),
        ("the same change through a chain of processes (stand-in)", &measured.chain),
    ];
    let first = spread(&measured.small, |ms| *ms).1;
    let mut text = String::from("| a change of settings | median [min-max] (ms) | ratio |\n|---|---|---|\n");
    for (what, times) in rows {
        let (low, middle, high) = spread(times, |ms| *ms);
        text.push_str(&format!("| {what} | {middle:.2} [{low:.2}-{high:.2}] | {} |\n", ratio(middle, first)));
    }
    text
}
