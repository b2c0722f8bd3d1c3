//! The boot timeline: each milestone once, in milliseconds since the kernel started.

use std::thread;

use supervise::control::Milestone;

use super::firmware::{self, Past};
use super::journal::Journal;

use crate::clock::boottime_ms;

/// Services name milestones too; a host has fewer containers than this, and a broken service must not fill memory.
const MILESTONES_MAX: usize = 1024;

/// Spans before the kernel's own clock: told by the boot manager, stamped by nobody.
const PAST: [&str; 2] = ["firmware", "bootmgr"];

/// Of the thread that asks the firmware: a few small files.
const STACK_BYTES: usize = 128 << 10;

/// What was reached so far.
#[derive(Debug)]
pub struct Timeline {
    journal: Journal,
    /// In the order in which they were told.
    reached: Vec<Milestone>,
    /// What came before the kernel was told.
    told_past: bool,
}

impl Timeline {
    pub fn new(journal: Journal) -> Self {
        Self { journal, reached: Vec::new(), told_past: false }
    }

    /// What was reached so far.
    pub fn reached(&self) -> &[Milestone] {
        &self.reached
    }

    /// Stamps what came before this program: the initramfs stage, the start of PID 1.
    pub fn stamp_past(&mut self, started_ms: u64) {
        for (name, variable) in [("stage1", "GANTRY_STAGE1_MS"), ("root", "GANTRY_ROOT_MS")] {
            if let Some(at_ms) = std::env::var(variable).ok().and_then(|text| text.parse().ok()) {
                self.stamp_at(name, at_ms);
            }
        }
        self.stamp_at("pid1", started_ms);
    }

    /// Stamps a milestone as reached now, unless it was before.
    pub fn stamp(&mut self, name: &str) {
        self.stamp_at(name, boottime_ms());
    }

    /// Tells what came before the kernel, once, as soon as the firmware's variables are there. In a thread: a firmware that
    /// hangs in a call must not keep the loop from feeding the watchdog, for the sake of a line in the log.
    pub fn tell_past(&mut self) {
        if self.told_past || !firmware::is_there() {
            return;
        }
        self.told_past = true;
        let told = thread::Builder::new().name("past".into()).stack_size(STACK_BYTES);
        if let Err(err) = told.spawn(|| tell(&firmware::past(), &Journal::open())) {
            self.journal.warn(&format_args!("boot manager's word not read why=\"{err}\""));
        }
    }

    fn stamp_at(&mut self, name: &str, at_ms: u64) {
        let known = PAST.contains(&name) || self.reached.iter().any(|milestone| milestone.name == name);
        if self.reached.len() < MILESTONES_MAX && !known {
            self.reached.push(Milestone { name: name.to_owned(), at_ms });
            self.journal.note(&format_args!("milestone name={name} at_ms={at_ms}"));
        }
    }
}

fn tell(past: &Past, journal: &Journal) {
    match (past.set, &past.why) {
        (Some(set), why) => {
            let why = why.as_deref().unwrap_or("unknown");
            journal.note(&format_args!("booted set={set} why={why}"));
        }
        (None, _) => journal.warn(&"booted set=unknown why=\"no word from the boot manager\""),
    }
    for (name, took_ms) in PAST.into_iter().zip([past.firmware_ms, past.bootmgr_ms]) {
        if let Some(took_ms) = took_ms {
            journal.note(&format_args!("milestone name={name} took_ms={took_ms}"));
        }
    }
}
