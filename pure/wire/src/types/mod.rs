//! The messages of `/v1`, and those few of Bottlerocket's that are not settings.
//!
//! Field names are in snake case, words of enums in kebab case; times are seconds since 1970 (`unix_s`) or
//! milliseconds since the kernel started (`_ms`). A reader leaves aside what it does not know.

mod apply;
mod bottlerocket;
mod certificate;
mod generation;
mod log;
mod service;
mod settings;
mod status;

pub use apply::{ApplyState, Pending};
pub use bottlerocket::{KeyPairs, ReportKind};
pub use certificate::{Certificate, CertificateIssued, CertificateList, CertificateWanted};
pub use generation::{Diff, GenerationShown, GenerationSummary};
pub use log::{AuditPage, LogLine, LogPage};
pub use service::{Boot, Milestone, ServiceStatus};
pub use settings::{
    Changed, Deletion, Explained, Explanation, Failure, Outcome, Problem, ProblemList, SettingsPatch,
    SettingsShown, Stamp,
};
pub use status::Status;

pub use crate::apply::{
    ChangeKind, FailedAt, FileChange, KnobChange, KnobKind, Preview, Renewal, Report, UnitOutcome,
    UnitRenewal,
};
