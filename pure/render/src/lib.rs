//! From settings to the files they mean.
//!
//! A renderer is a pure function; it serialises typed values and never fills in text, so nothing a user
//! writes can break out of its place. Holds always: the same settings and facts give the same bytes; only
//! files of mode 0600 hold secrets. Left to others: writing the files (`svc/configure`), and what reads them.
#![no_std]
extern crate alloc;

mod containerd;
mod etc;
mod run;

use alloc::string::String;
use alloc::vec::Vec;

use settings::Settings;

/// One file as it should be.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Absolute path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Content. May hold secrets, which is why this type has no `Debug`.
    pub bytes: Vec<u8>,
}

/// What renderers must know about the system beside its settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// An orchestrator talks to containerd over CRI. Without one the plugin is left out: it starts slowly and
    /// keeps memory.
    pub cri: bool,
}

/// A file whose content a serialiser refused. That is a bug here: no valid settings may lead to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A TOML file.
    #[error("cannot serialise {path}")]
    Toml {
        /// The file.
        path: &'static str,
        /// What TOML cannot say.
        #[source]
        err: toml::ser::Error,
    },
    /// A JSON file.
    #[error("cannot serialise {path}")]
    Json {
        /// The file.
        path: &'static str,
        /// What JSON cannot say.
        #[source]
        err: serde_json::Error,
    },
}

/// Every file that follows from the settings, and the renderers that failed. One that fails takes no other with it.
pub fn render(settings: &Settings, facts: Facts) -> (Vec<Rendered>, Vec<Error>) {
    let mut files = etc::files(settings);
    let mut errors = Vec::new();
    let fallible = [
        containerd::config(&settings.container_registry, facts),
        containerd::mirrors(&settings.container_registry, facts),
        run::files(settings),
    ];
    for result in fallible {
        match result {
            Ok(rendered) => files.extend(rendered),
            Err(err) => errors.push(err),
        }
    }
    (files, errors)
}

impl Rendered {
    fn public(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Rendered { path: path.into(), mode: 0o644, bytes: bytes.into() }
    }

    fn secret(path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Rendered { path: path.into(), mode: 0o600, bytes: bytes.into() }
    }
}
