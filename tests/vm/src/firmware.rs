//! UEFI firmware (OVMF) with a variable store of its own for each machine.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::tools::Tools;

/// Code, shared and read-only, and variables, private.
#[derive(Debug, Clone)]
pub struct Firmware {
    code: PathBuf,
    variables: PathBuf,
}

impl Firmware {
    /// Firmware in its factory state, its variables in `dir`. Secure Boot is off.
    pub fn fresh(tools: &Tools, dir: &Path) -> Result<Self> {
        let code = tools.file("usr/share/OVMF/OVMF_CODE_4M.fd")?;
        let factory = tools.file("usr/share/OVMF/OVMF_VARS_4M.fd")?;
        let variables = dir.join("vars.fd");
        std::fs::copy(&factory, &variables).map_err(Error::file("create", &variables))?;
        Ok(Self { code, variables })
    }

    /// QEMU's words for it.
    pub fn arguments(&self) -> [String; 4] {
        let flash = |unit: u8, mode: &str, file: &Path| {
            format!("if=pflash,format=raw,unit={unit}{mode},file={}", quoted(file))
        };
        [
            "-drive".to_owned(),
            flash(0, ",readonly=on", &self.code),
            "-drive".to_owned(),
            flash(1, "", &self.variables),
        ]
    }
}

/// A path inside one of QEMU's comma-separated options: a comma is written twice.
pub(crate) fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}
