//! What follows from settings: files, and parameters of the kernel.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

/// Everything that follows from one generation of settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files, each path once.
    pub files: Vec<Rendered>,
    /// Kernel parameters, each path once.
    pub knobs: Vec<Knob>,
}

/// One file as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content. May hold secrets, which is why this type has no `Debug`.
    pub bytes: Vec<u8>,
    /// Whether it may hold secrets; nobody is shown its content then.
    pub secret: bool,
    /// Units that read it, and must be told when it changes.
    pub units: &'static [&'static str],
}

/// One parameter of the kernel as it should be. Takes effect by being written; no unit is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knob {
    /// The setting it comes from, as users write it.
    pub key: String,
    /// Absolute path below `/proc/sys` or `/sys`.
    pub path: String,
    /// What to write, without a line's end.
    pub value: String,
    /// Whether somebody else may change it afterwards: then it is written when it is new, and left alone from there on.
    pub yields: bool,
}

/// A file whose content a serialiser refused. That is a bug here: no valid settings may lead to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A TOML file.
    #[error("cannot serialise {path}")]
    Toml {
        /// The file.
        path: String,
        /// What TOML cannot say.
        #[source]
        err: toml::ser::Error,
    },
    /// A file of environment variables.
    #[error("cannot write {path}: the value of {name} is not one line")]
    Line {
        /// The file.
        path: String,
        /// The variable.
        name: &'static str,
    },
    /// A JSON file.
    #[error("cannot serialise {path}")]
    Json {
        /// The file.
        path: String,
        /// What JSON cannot say.
        #[source]
        err: serde_json::Error,
    },
}

/// What one renderer puts out. The files' readers come from the renderer's row in the table.
pub struct Out {
    pub(crate) plan: Plan,
    pub(crate) units: &'static [&'static str],
}

impl Out {
    /// A file anyone may read.
    pub(crate) fn public(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.file(path.into(), bytes.into(), false);
    }

    /// A file with secrets, for root alone.
    pub(crate) fn secret(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.file(path.into(), bytes.into(), true);
    }

    fn file(&mut self, path: String, bytes: Vec<u8>, secret: bool) {
        let mode = if secret { 0o600 } else { 0o644 };
        self.plan.files.push(Rendered { path, mode, bytes, secret, units: self.units });
    }

    /// A parameter of the kernel. `key` is below `settings.`.
    pub(crate) fn knob(&mut self, key: &str, path: impl Into<String>, value: impl Into<String>) {
        let (path, value) = (path.into(), value.into());
        self.plan.knobs.push(Knob { key: format!("settings.{key}"), path, value, yields: false });
    }

    /// A parameter of the kernel that another program may set to something better than this default.
    pub(crate) fn knob_for_now(&mut self, key: &str, path: impl Into<String>, value: impl Into<String>) {
        let (path, value) = (path.into(), value.into());
        self.plan.knobs.push(Knob { key: format!("settings.{key}"), path, value, yields: true });
    }
}

/// A document's bytes as JSON for programs that people also read.
pub(crate) fn json(path: &str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|err| Error::Json { path: path.into(), err })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A document's text as TOML.
pub(crate) fn toml(path: &str, value: &impl Serialize) -> Result<String, Error> {
    toml::to_string(value).map_err(|err| Error::Toml { path: path.into(), err })
}
