//! What watchers are told.

use generation::Summary;
use wire::types::{GenerationSummary, Report};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum News {
    /// A generation was committed, or confirmed.
    Generation(Box<GenerationSummary>),
    /// A generation was applied, or was not.
    Applied(Box<Report>),
}

/// A generation's summary as a message has it.
pub fn summary(of: &Summary, current: u64) -> GenerationSummary {
    GenerationSummary {
        number: of.number,
        unix_s: of.unix_s,
        by: of.by.clone(),
        why: of.why.to_string(),
        release: of.release.clone(),
        provisional: of.provisional,
        current: of.number == current,
    }
}
