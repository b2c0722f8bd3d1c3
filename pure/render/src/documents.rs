//! Documents in `/run/gantry` that services of ours read, beside those whose types `settings` has
//! ([`settings::containers::Workloads`], [`settings::model::Dns`]). One that is not there says nothing: its defaults hold.
//!
//! A reader leaves aside what it does not know. docs/formats/user-data.md says which service reads which.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// `health.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// Seconds from the kernel's start until a system on trial that is not healthy gives way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_s: Option<u64>,
}

/// `logs.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Logs {
    /// How much is kept on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_mib: Option<u64>,
    /// The least grave line of a service that is shown on the console: `off`, `error`, `warn`, `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<String>,
}

/// `time.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Time {
    /// Who is asked, in this order.
    pub servers: Vec<TimeServer>,
}

/// One source of the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimeServer {
    /// A host name or an IP address.
    pub address: String,
    /// The name stands for many servers, of which some are asked.
    pub pool: bool,
    /// How it is asked, in chrony.conf(5)'s words.
    pub options: Vec<String>,
}
