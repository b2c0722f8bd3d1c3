//! The boot timeline: each milestone once, in milliseconds since the kernel started.

use std::collections::BTreeSet;

use super::firmware;
use super::journal::Journal;

use crate::clock::boottime_ms;

/// Services name milestones too; a host has fewer containers than this, and a broken service must not fill memory.
const MILESTONES_MAX: usize = 1024;

/// What was reached so far.
#[derive(Debug)]
pub struct Timeline {
    journal: Journal,
    reached: BTreeSet<String>,
    /// What came before the kernel was told.
    told_past: bool,
}

impl Timeline {
    pub fn new(journal: Journal) -> Self {
        Self { journal, reached: BTreeSet::new(), told_past: false }
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

    /// Tells what came before the kernel, once, as soon as the firmware's variables are there.
    pub fn tell_past(&mut self) {
        if self.told_past {
            return;
        }
        let Some(past) = firmware::past() else { return };
        self.told_past = true;
        match (past.set, past.why) {
            (Some(set), why) => {
                let why = why.as_deref().unwrap_or("unknown");
                self.journal.note(&format_args!("booted set={set} why={why}"));
            }
            (None, _) => self.journal.warn(&"booted set=unknown why=\"no word from the boot manager\""),
        }
        for (name, took_ms) in [("firmware", past.firmware_ms), ("bootmgr", past.bootmgr_ms)] {
            if let Some(took_ms) = took_ms {
                self.reached.insert(name.to_owned());
                self.journal.note(&format_args!("milestone name={name} took_ms={took_ms}"));
            }
        }
    }

    fn stamp_at(&mut self, name: &str, at_ms: u64) {
        if self.reached.len() < MILESTONES_MAX && self.reached.insert(name.to_owned()) {
            self.journal.note(&format_args!("milestone name={name} at_ms={at_ms}"));
        }
    }
}
