//! Unit files as written, and the way from there to a [`UnitSet`].
//!
//! Three steps: text -> written unit (keys and types checked, names still text) -> resolved unit -> checked set. Every
//! step goes on as far as it can, so that one run names everything that is wrong in all files.

mod read;
mod resolve;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::UnitSet;

/// The unit that a boot brings up; a set must have it.
pub const DEFAULT: &str = "default";

/// One thing wrong with a unit file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The unit's name.
    pub unit: String,
    /// The key's path in its file; empty when the file as a whole is meant.
    pub path: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}: {}", self.unit, self.why),
            path => write!(f, "{}: {path}: {}", self.unit, self.why),
        }
    }
}

impl core::error::Error for Problem {}

/// Compiles unit files, given as (unit name, text), to a set that boots `default`; or lists every problem.
///
/// The result depends only on the files: they are sorted by name first.
pub fn compile(files: &[(&str, &str)]) -> Result<UnitSet, Vec<Problem>> {
    let mut files = files.to_vec();
    files.sort_unstable();
    let mut problems = Vec::new();
    let written: Vec<_> = files.iter().map(|(name, text)| read::written(name, text, &mut problems)).collect();
    resolve::set(written, problems)
}
