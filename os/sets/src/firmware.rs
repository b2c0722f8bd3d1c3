//! What the boot manager and the firmware left in variables, read through efivarfs
//! (Documentation/filesystems/efivarfs.rst): four bytes of attributes, then the value.
//!
//! A variable that is not there is no error: the machine was started another way, or has no UEFI.

use std::path::{Path, PathBuf};

use partition::{Guid, guid};
use slots::Set;
use slots::variables::{TRACE_MAX_BYTES, VENDOR};

/// EFI_GLOBAL_VARIABLE (UEFI 2.10, 3.3).
const GLOBAL: Guid = guid!("8be4df61-93ca-11d2-aa0d-00e098032b8c");
const ATTRIBUTES_BYTES: usize = 4;

/// The variables of the machine, or those in a test's folder.
#[derive(Debug, Clone)]
pub struct Firmware {
    folder: PathBuf,
}

/// A variable that is there, and cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum VariableError {
    /// It cannot be read.
    #[error("cannot read a variable of the firmware")]
    Read(#[source] files::Error),
    /// It says nothing that we know.
    #[error("the firmware's variable {name} holds {bytes} bytes that make no sense")]
    Value {
        /// Which one.
        name: &'static str,
        /// Its length.
        bytes: usize,
    },
}

impl Default for Firmware {
    fn default() -> Self {
        Self::at(Path::new("/sys/firmware/efi/efivars"))
    }
}

impl Firmware {
    /// Variables in this folder.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// The set that the boot manager started.
    pub fn booted_set(&self) -> Result<Option<Set>, VariableError> {
        let Some(value) = self.value("BootedSet", VENDOR, 16)? else { return Ok(None) };
        let nonsense = VariableError::Value { name: "BootedSet", bytes: value.len() };
        Set::from_letter(&value).map(Some).ok_or(nonsense)
    }

    /// What the boot manager printed, line by line: how it chose.
    pub fn boot_trace(&self) -> Result<Option<Vec<String>>, VariableError> {
        let Some(value) = self.value("BootTrace", VENDOR, TRACE_MAX_BYTES)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&value);
        // It goes to terminals as it is.
        let line = |line: &str| line.chars().filter(|c| !c.is_control()).collect();
        Ok(Some(text.trim_end_matches(['\n', '\0']).lines().map(line).collect()))
    }

    /// Whether the firmware verifies what it starts.
    pub fn secure_boot(&self) -> Result<Option<bool>, VariableError> {
        let Some(value) = self.value("SecureBoot", GLOBAL, 16)? else { return Ok(None) };
        match value.as_slice() {
            [on @ 0..=1] => Ok(Some(*on == 1)),
            other => Err(VariableError::Value { name: "SecureBoot", bytes: other.len() }),
        }
    }

    fn value(
        &self,
        name: &'static str,
        vendor: Guid,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, VariableError> {
        let path = self.folder.join(format!("{name}-{vendor}"));
        match files::read(&path, ATTRIBUTES_BYTES + limit) {
            Ok(bytes) => match bytes.get(ATTRIBUTES_BYTES..) {
                Some(value) => Ok(Some(value.to_vec())),
                None => Err(VariableError::Value { name, bytes: bytes.len() }),
            },
            Err(err) if err.is_absent() => Ok(None),
            Err(err) => Err(VariableError::Read(err)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firmware(variables: &[(&str, Guid, &[u8])]) -> (tempfile::TempDir, Firmware) {
        let dir = tempfile::TempDir::new().unwrap();
        for (name, vendor, value) in variables {
            let bytes = [&[6, 0, 0, 0], *value].concat();
            std::fs::write(dir.path().join(format!("{name}-{vendor}")), bytes).unwrap();
        }
        let firmware = Firmware::at(dir.path());
        (dir, firmware)
    }

    #[test]
    fn variables_are_read_behind_their_attributes() {
        let trace = b"bootmgr: table copies=whole\nbootmgr: trying set=B\x1b[2J why=only-bootable\n";
        let (_dir, firmware) = firmware(&[
            ("BootedSet", VENDOR, b"B"),
            ("BootTrace", VENDOR, trace),
            ("SecureBoot", GLOBAL, &[1]),
        ]);
        assert_eq!(firmware.booted_set().unwrap(), Some(Set::B));
        assert_eq!(firmware.secure_boot().unwrap(), Some(true));
        let lines = firmware.boot_trace().unwrap().unwrap();
        assert_eq!(lines, ["bootmgr: table copies=whole", "bootmgr: trying set=B[2J why=only-bootable"]);
    }

    #[test]
    fn absent_is_no_error_and_nonsense_is() {
        let (_dir, none) = firmware(&[]);
        assert!(none.booted_set().unwrap().is_none() && none.boot_trace().unwrap().is_none());
        assert!(none.secure_boot().unwrap().is_none());
        let whole = [b'x'; TRACE_MAX_BYTES];
        let (_dir, full) = firmware(&[("BootTrace", VENDOR, &whole)]);
        assert_eq!(full.boot_trace().unwrap().unwrap()[0].len(), TRACE_MAX_BYTES);
        let long = [b'x'; TRACE_MAX_BYTES + 1];
        let (dir, bad) = firmware(&[
            ("BootedSet", VENDOR, b"C"),
            ("BootTrace", VENDOR, &long),
            ("SecureBoot", GLOBAL, &[]),
        ]);
        assert!(matches!(bad.booted_set(), Err(VariableError::Value { bytes: 1, .. })));
        assert!(matches!(bad.boot_trace(), Err(VariableError::Read(_))));
        assert!(matches!(bad.secure_boot(), Err(VariableError::Value { bytes: 0, .. })));
        std::fs::write(dir.path().join(format!("BootedSet-{VENDOR}")), b"x").unwrap();
        assert!(matches!(bad.booted_set(), Err(VariableError::Value { .. })));
    }
}
