//! What `configure` found and did: `/run/gantry/configure.json`. docs/formats/apply.md
//!
//! Holds always: nothing in it repeats a value of a setting.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::types::Problem;

/// Where `configure` leaves it.
pub const PATH: &str = "/run/gantry/configure.json";

/// One source of settings that was there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Its layer's name.
    pub layer: String,
    /// How long its text is, unpacked.
    pub bytes: usize,
    /// SHA-256 of its bytes as they came, in hexadecimal. None for the image's defaults, which are not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// It says something other than when its settings were stored.
    pub new: bool,
}

/// The last run of `configure`; the second of a boot, where there is one, adds to the first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Configured {
    /// The generation it put in effect. 0: settings could not be stored, and last until the host ends.
    pub generation: u64,
    /// Every source that was there.
    pub sources: Vec<Source>,
    /// What is wrong with sources themselves: they cannot be read, or parts are not TOML.
    pub unreadable: Vec<Problem>,
    /// What is wrong with values in effect, or that would be: unknown keys, values against the rules, what the kernel refuses.
    pub invalid: Vec<Problem>,
    /// Keys that are set and have no effect, for nothing on this variant reads them.
    pub unread: Vec<String>,
    /// What the host could not do.
    pub failures: Vec<String>,
    /// How long it took, in microseconds.
    pub took_us: u64,
}

impl Configured {
    /// All that is wrong with what was said.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.unreadable.iter().chain(&self.invalid)
    }
}
