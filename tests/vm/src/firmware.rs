//! UEFI firmware (OVMF) with a variable store of its own for each machine.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::tools::Tools;

/// What the firmware insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Starts any program.
    #[default]
    Open,
    /// Keeps its variables behind system management mode and, once keys are enrolled, starts signed programs alone.
    Secure,
}

/// Code, shared and read-only, and variables, private.
#[derive(Debug, Clone)]
pub struct Firmware {
    kind: Kind,
    code: PathBuf,
    variables: PathBuf,
}

impl Firmware {
    /// Firmware that starts any program, in its factory state, with its variables in `dir`.
    pub fn fresh(tools: &Tools, dir: &Path) -> Result<Self> {
        let variables = dir.join("vars.fd");
        let _ = std::fs::remove_file(&variables);
        Self::keeping(Kind::Open, tools, &variables)
    }

    /// Firmware whose variables lie in the file `variables`; in their factory state (setup mode) if there is none yet.
    pub fn keeping(kind: Kind, tools: &Tools, variables: &Path) -> Result<Self> {
        let code = tools.file(match kind {
            Kind::Open => "usr/share/OVMF/OVMF_CODE_4M.fd",
            Kind::Secure => "usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
        })?;
        if !variables.exists() {
            let factory = tools.file("usr/share/OVMF/OVMF_VARS_4M.fd")?;
            std::fs::copy(&factory, variables).map_err(Error::file("create", variables))?;
        }
        Ok(Self { kind, code, variables: variables.to_owned() })
    }

    /// The machine type it runs on.
    pub fn machine(&self) -> &'static str {
        match self.kind {
            Kind::Open => "q35",
            Kind::Secure => "q35,smm=on",
        }
    }

    /// QEMU's words for it.
    pub fn arguments(&self) -> Vec<String> {
        let flash = |unit: u8, mode: &str, file: &Path| {
            format!("if=pflash,format=raw,unit={unit}{mode},file={}", quoted(file))
        };
        let mut words = vec!["-drive".to_owned(), flash(0, ",readonly=on", &self.code)];
        words.extend(["-drive".to_owned(), flash(1, "", &self.variables)]);
        if self.kind == Kind::Secure {
            // Only code in system management mode may write the flash.
            words.extend(["-global".to_owned(), "driver=cfi.pflash01,property=secure,value=on".to_owned()]);
        }
        words
    }
}

/// A path inside one of QEMU's comma-separated options: a comma is written twice.
pub(crate) fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
