//! The log of one run: sources, problems, failures, and one line at the end that sums up.

use std::error::Error;
use std::io::Write;

use settings::Problem;

use crate::sources::Source;

/// Problems named one by one. A console may be a serial line of 11 KB/s, and a hostile document may have thousands.
const NAMED_AT_MOST: usize = 50;

/// What happened so far.
pub(crate) struct Report<'w> {
    log: &'w mut dyn Write,
    problems: usize,
    failures: usize,
}

impl<'w> Report<'w> {
    pub(crate) fn new(log: &'w mut dyn Write) -> Self {
        Report { log, problems: 0, failures: 0 }
    }

    fn line(&mut self, line: &str) {
        // A log nobody takes is no reason to leave the machine unconfigured.
        let _ = writeln!(self.log, "{line}");
    }

    pub(crate) fn source(&mut self, source: &Source) {
        self.line(&format!(
            "info configure: settings found source={} bytes={}",
            source.layer,
            source.bytes.len()
        ));
    }

    /// Part of what the user wrote is not applied.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        self.problems += 1;
        if self.problems <= NAMED_AT_MOST {
            let Problem { layer, path, why } = problem;
            self.line(&format!("error configure: user data problem source={layer} path={path} why={why:?}"));
        }
    }

    /// The host could not do its part.
    pub(crate) fn failure(&mut self, phrase: &str, err: &dyn Error) {
        self.failures += 1;
        self.line(&format!("error configure: {phrase} why={:?}", files::chain(err)));
    }

    /// The last lines. Returns the exit status.
    pub(crate) fn finish(mut self, files: usize) -> u8 {
        if self.problems > NAMED_AT_MOST {
            let unnamed = self.problems - NAMED_AT_MOST;
            self.line(&format!("error configure: more user data problems count={unnamed}"));
        }
        match (self.problems, self.failures) {
            (0, 0) => self.line(&format!("info configure: applied files={files}")),
            (problems, failures) => {
                self.line(&format!("warn configure: applied with problems count={}", problems + failures));
            }
        }
        if self.failures > 0 { 75 } else { 0 }
    }
}
