//! What one application of settings did: files, kernel parameters, units, and whether it worked.
//!
//! Made by `os/apply`, kept in `/run/gantry/apply/report.json`, shown by the API. Holds always: no text here repeats a
//! secret; a file with secrets has no diff, and a kernel parameter is never secret.
//! docs/formats/apply.md

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::{message, words};

message! {
/// What happens, or would happen, to one file.
#[derive(Eq)]
pub struct FileChange {
    /// Absolute path.
    pub path: String,
    /// What kind of change.
    pub kind: ChangeKind,
    /// Unified diff. None for a file that holds secrets, for a file that is not text, and where nothing was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
    /// Units that read the file.
    pub units: Vec<String>,
    /// Why it could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
}

words! {
/// What kind of change a file sees.
pub enum ChangeKind {
    /// It was not there.
    Created = "created",
    /// It had other bytes or another mode.
    Changed = "changed",
    /// No setting leads to it any more.
    Removed = "removed",
}
}

message! {
/// What happens, or would happen, to one parameter of the kernel.
#[derive(Eq)]
pub struct KnobChange {
    /// Its file below `/proc/sys` or `/sys`.
    pub path: String,
    /// The setting it comes from.
    pub key: String,
    /// What kind of change.
    pub kind: KnobKind,
    /// What it was. None: it cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why the kernel did not take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
}

words! {
/// What kind of change a kernel parameter sees.
pub enum KnobKind {
    /// Set to what a setting wants.
    Set = "set",
    /// No setting wants anything of it any more: back to what it was before the first did.
    Restored = "restored",
    /// No setting wants anything of it any more, and what it was before is not known or not reachable without a restart.
    Left = "left",
}
}

message! {
/// What would change, and who would be told.
#[derive(Eq, Default)]
pub struct Preview {
    /// Files, with diffs.
    pub files: Vec<FileChange>,
    /// Kernel parameters.
    pub knobs: Vec<KnobChange>,
    /// Units that would be reloaded or restarted.
    pub units: Vec<String>,
}
}

message! {
/// How one unit came to read its changed files.
#[derive(Eq)]
pub struct UnitRenewal {
    /// The unit.
    pub unit: String,
    /// What was done with it.
    pub how: Renewal,
    /// Whether it is ready again.
    pub outcome: UnitOutcome,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
}

words! {
/// What was done with a unit whose files changed.
pub enum Renewal {
    /// It read its files again.
    Reloaded = "reloaded",
    /// It was stopped and started.
    Restarted = "restarted",
    /// It was down and was started.
    Started = "started",
    /// It will read them when it starts, or this system has no such unit.
    Skipped = "skipped",
}
}

words! {
/// How a unit is after its renewal.
pub enum UnitOutcome {
    /// As it should be.
    Ready = "ready",
    /// It said it failed, or ended.
    Failed = "failed",
    /// It did not become ready in time.
    TimedOut = "timed-out",
}
}

message! {
/// Why an application did not work. Of several reasons the first in the order of [`FailedAt`]; the entries have the rest.
#[derive(Eq)]
#[schema("ApplyFailure")]
pub struct Failure {
    /// What did not work.
    pub at: FailedAt,
    /// In words.
    pub why: String,
}
}

words! {
/// Which part of an application did not work.
pub enum FailedAt {
    /// Nothing was touched: another application does not end, or what is applied cannot be recorded.
    Start = "start",
    /// Nothing was touched: a later generation is in effect already.
    Superseded = "superseded",
    /// Files could not be written. No unit was told.
    Files = "files",
    /// The kernel refused parameters that this generation brought. No unit was told.
    Knobs = "knobs",
    /// Units did not become ready, or PID 1 could not be asked.
    Units = "units",
}
}

message! {
/// One application.
#[derive(Eq)]
pub struct Report {
    /// Which generation of settings was applied. 0: none is stored.
    pub generation: u64,
    /// Whether all of it worked.
    pub ok: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Files that changed or should have.
    pub files: Vec<FileChange>,
    /// Kernel parameters that changed or should have.
    pub knobs: Vec<KnobChange>,
    /// Units that were told.
    pub units: Vec<UnitRenewal>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}
}
