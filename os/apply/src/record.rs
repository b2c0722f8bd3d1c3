//! What was done to the host since it started, kept in `/run` so that it is forgotten when the host is.
//! docs/formats/apply.md

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wire::apply::Report;

use crate::host::{Found, Host};

pub(crate) const RECORD: &str = "/run/gantry/apply/record.json";
pub(crate) const REPORT: &str = "/run/gantry/apply/report.json";
pub(crate) const LOCK: &str = "/run/gantry/apply/lock";

/// Ours alone to write; a limit all the same, as for everything that is read.
const BYTES: usize = 16 << 20;

/// See the module. A superset of the truth at every instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The generation that the last application was for.
    pub(crate) generation: u64,
    /// It came to its end, and all of it worked.
    pub(crate) whole: bool,
    /// Files that are ours, with the units that read them.
    pub(crate) files: BTreeMap<String, BTreeSet<String>>,
    /// Kernel parameters that are ours, by path.
    pub(crate) knobs: BTreeMap<String, Turned>,
    /// Units that have not taken a file that changed.
    pub(crate) owed: BTreeSet<String>,
}

/// A kernel parameter that a setting took over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Turned {
    /// The setting.
    pub(crate) key: String,
    /// What the setting wants.
    pub(crate) value: String,
    /// What it was before any setting wanted something else.
    pub(crate) original: Option<String>,
    /// What came of it.
    pub(crate) state: TurnState,
}

/// What came of setting a kernel parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TurnState {
    /// Not known: a run is about to set it, or ended while it was.
    Announced,
    /// The kernel took it, and says it in these words, or says nothing.
    Taken(Option<String>),
    /// The kernel refused it.
    Refused,
}

impl Record {
    /// What the last run left. A host without one has nothing of ours but what its image brought.
    pub(crate) fn read(host: &dyn Host) -> Record {
        match host.look(RECORD, BYTES) {
            Found::File { bytes, .. } => serde_json::from_slice(&bytes).unwrap_or_default(),
            Found::Nothing | Found::Other => Record::default(),
        }
    }

    pub(crate) fn write(&self, host: &dyn Host) -> Result<(), files::Error> {
        host.replace(RECORD, &json(self), 0o600)
    }
}

/// The last application's report, if there was one since the host started.
pub(crate) fn last_report(host: &dyn Host) -> Option<Report> {
    match host.look(REPORT, BYTES) {
        Found::File { bytes, .. } => serde_json::from_slice(&bytes).ok(),
        Found::Nothing | Found::Other => None,
    }
}

pub(crate) fn write_report(host: &dyn Host, report: &Report) -> Result<(), files::Error> {
    host.replace(REPORT, &json(report), 0o600)
}

/// These are plain types with text keys: nothing in them fails to serialise.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
