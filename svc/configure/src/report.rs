//! What one run says: lines on its log, and `/run/gantry/configure.json` for whoever asks later.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use settings::{KeyPath, Problem};
use wire::configured::{self, Configured};

use crate::sources::Source;
use crate::under;

/// Problems named one by one. A console may be a serial line of 11 KB/s, and a hostile document may have thousands.
const NAMED_AT_MOST: usize = 50;

/// Ours alone to write; a limit all the same, as for everything that is read.
const BYTES: usize = 64 << 20;

/// What happened so far.
pub(crate) struct Report<'w> {
    log: &'w mut dyn Write,
    began: Instant,
    named: usize,
    failed: bool,
    configured: Configured,
}

impl<'w> Report<'w> {
    pub(crate) fn new(log: &'w mut dyn Write) -> Self {
        let (began, configured) = (Instant::now(), Configured::default());
        Report { log, began, named: 0, failed: false, configured }
    }

    fn line(&mut self, line: &str) {
        // A log nobody takes is no reason to leave the machine unconfigured.
        let _ = writeln!(self.log, "{line}");
    }

    /// What the first run of this boot said of sources that this one does not look at. False if that run could not store what
    /// they say: then this one has to look at them.
    pub(crate) fn recall(&mut self, root: &Path) -> bool {
        let bytes = files::read(&under(root, configured::PATH), BYTES).unwrap_or_default();
        let first: Configured = serde_json::from_slice(&bytes).unwrap_or_default();
        let stored = first.generation > 0;
        if stored {
            self.configured.sources = first.sources;
            self.configured.unreadable = first.unreadable;
        }
        stored
    }

    pub(crate) fn defaults(&mut self, bytes: usize) {
        self.found(configured::Source { layer: "image".into(), bytes, digest: None, new: false });
    }

    pub(crate) fn source(&mut self, source: &Source, new: bool) {
        let (layer, digest) = (source.layer.to_string(), Some(source.digest.clone()));
        self.found(configured::Source { layer, bytes: source.bytes.len(), digest, new });
    }

    fn found(&mut self, source: configured::Source) {
        let configured::Source { layer, bytes, new, .. } = &source;
        self.line(&format!("info configure: settings found source={layer} bytes={bytes} new={new}"));
        self.configured.sources.retain(|other| other.layer != source.layer);
        self.configured.sources.push(source);
    }

    /// Part of a source cannot be understood.
    pub(crate) fn unreadable(&mut self, problem: &Problem) {
        self.name(problem);
        self.configured.unreadable.push(as_sent(problem));
    }

    /// A value, or a key, is not applied.
    pub(crate) fn invalid(&mut self, problem: &Problem) {
        self.name(problem);
        self.configured.invalid.push(as_sent(problem));
    }

    fn name(&mut self, problem: &Problem) {
        self.named += 1;
        if self.named <= NAMED_AT_MOST {
            let Problem { layer, path, why } = problem;
            self.line(&format!("error configure: user data problem source={layer} path={path} why={why:?}"));
        }
    }

    /// Settings that nothing on this variant reads.
    pub(crate) fn unread(&mut self, keys: &[KeyPath]) {
        if let Some(first) = keys.first() {
            self.line(&format!(
                "warn configure: settings without effect here count={} first={first}",
                keys.len()
            ));
        }
        self.configured.unread = keys.iter().map(KeyPath::to_string).collect();
    }

    /// The host could not do its part, and should try again.
    pub(crate) fn failure(&mut self, phrase: &str, err: &dyn Error) {
        self.failed = true;
        self.trouble(phrase, &files::chain(err));
    }

    /// The host could not do its part, and trying again here is of no use.
    pub(crate) fn trouble(&mut self, phrase: &str, why: &str) {
        self.line(&format!("error configure: {phrase} why={why:?}"));
        self.configured.failures.push(format!("{phrase}: {why}"));
    }

    /// Nothing can be done now; what the former run left stays. Returns the exit status with which PID 1 tries again.
    pub(crate) fn put_off(mut self, why: &str) -> u8 {
        self.line(&format!("warn configure: second run put off why={why:?}"));
        75
    }

    /// The last lines, and the report's file. Returns the exit status.
    pub(crate) fn finish(mut self, root: &Path, generation: u64, files: usize) -> u8 {
        self.configured.generation = generation;
        self.configured.took_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        // These are plain types: nothing in them fails to serialise.
        let bytes = serde_json::to_vec(&self.configured).unwrap_or_default();
        let path = under(root, configured::PATH);
        let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        if let Err(err) = folder {
            self.failure("no folder for the report", &err);
        } else if let Err(err) = files::replace(&path, &bytes, 0o600) {
            self.failure("report not written", &err);
        }
        if self.named > NAMED_AT_MOST {
            let unnamed = self.named - NAMED_AT_MOST;
            self.line(&format!("error configure: more user data problems count={unnamed}"));
        }
        let took_ms = self.configured.took_us / 1000;
        match self.named + self.configured.failures.len() {
            0 => self.line(&format!(
                "info configure: applied files={files} generation={generation} took_ms={took_ms}"
            )),
            count => self.line(&format!(
                "warn configure: applied with problems count={count} generation={generation} took_ms={took_ms}"
            )),
        }
        if self.failed { 75 } else { 0 }
    }
}

fn as_sent(problem: &Problem) -> wire::types::Problem {
    wire::types::Problem {
        path: problem.path.clone(),
        why: problem.why.clone().into_owned(),
        layer: Some(problem.layer.to_string()),
    }
}
