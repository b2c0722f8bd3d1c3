//! What differs between a plan and the host.

use std::collections::BTreeSet;

use render::{Plan, Rendered};
use wire::apply::{ChangeKind, FileChange};

use crate::diff::unified;
use crate::host::{Found, Host};
use crate::record::Record;

/// Beyond this no person reads a diff.
const DIFF_BYTES: usize = 1 << 20;

/// One file that differs.
pub(crate) struct Difference<'p> {
    pub(crate) path: String,
    pub(crate) kind: ChangeKind,
    /// The content to be; None: it goes.
    pub(crate) wanted: Option<&'p Rendered>,
    pub(crate) units: BTreeSet<String>,
}

impl Difference<'_> {
    pub(crate) fn change(&self, diff: Option<String>, error: Option<String>) -> FileChange {
        FileChange {
            path: self.path.clone(),
            kind: self.kind,
            diff,
            units: self.units.iter().cloned().collect(),
            error,
        }
    }

    /// The difference as people read it, if they may.
    pub(crate) fn diff(&self, host: &dyn Host) -> Option<String> {
        let (bytes, secret) = self.wanted.map_or((&[][..], false), |file| (&file.bytes, file.secret));
        let (old, mode) = match host.look(&self.path, DIFF_BYTES) {
            Found::Nothing => (Vec::new(), 0o644),
            Found::File { bytes, mode } => (bytes, mode),
            Found::Other => return None,
        };
        // A file that goes, or becomes public, may hold a secret now: its mode says so.
        let readable = !secret && mode & 0o004 != 0 && bytes.len() <= DIFF_BYTES;
        let (old, new) = (String::from_utf8(old).ok()?, str::from_utf8(bytes).ok()?);
        readable.then(|| unified(&self.path, &old, new))
    }
}

/// Files that are not as planned, then files of earlier plans that are to go.
pub(crate) fn files<'p>(host: &dyn Host, plan: &'p Plan, record: &Record) -> Vec<Difference<'p>> {
    let wanted: BTreeSet<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
    let differing = plan.files.iter().filter_map(|file| {
        let (kind, same_bytes) = match host.look(&file.path, file.bytes.len()) {
            Found::File { bytes, mode } if bytes == file.bytes && mode == file.mode => return None,
            Found::File { bytes, .. } => (ChangeKind::Changed, bytes == file.bytes),
            Found::Nothing => (ChangeKind::Created, false),
            Found::Other => (ChangeKind::Changed, false),
        };
        // Who has read these bytes has nothing to read again: containerd starts with the image's public copy of the
        // file that is private here.
        let units = file.units.iter().filter(|_| !same_bytes).map(|&unit| unit.into()).collect();
        Some(Difference { path: file.path.clone(), kind, wanted: Some(file), units })
    });
    let stale = record.files.iter().filter_map(|(path, units)| {
        let there = !wanted.contains(path.as_str()) && !matches!(host.look(path, 0), Found::Nothing);
        there.then(|| Difference {
            path: path.clone(),
            kind: ChangeKind::Removed,
            wanted: None,
            units: units.clone(),
        })
    });
    differing.chain(stale).collect()
}
