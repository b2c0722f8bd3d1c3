//! What error correction did to the running root: written by `health`, shown by `signpost`.
//!
//! `/run/gantry/root.json`, gone with the boot that it is about:
//! `{"repaired":3}`. The kernel limits its messages, so the count is "at least".

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Where it lies.
pub const PATH: &str = "/run/gantry/root.json";
const MAX_BYTES: usize = 4096;

/// Repairs of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repairs {
    /// How many the kernel told of.
    pub repaired: u64,
}

/// The file is there, and is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum RepairsError {
    /// It cannot be read or written.
    #[error("cannot use the count of repaired blocks")]
    File(#[source] files::Error),
    /// It is something else.
    #[error("the count of repaired blocks makes no sense")]
    Format(#[source] serde_json::Error),
}

impl Repairs {
    /// Reads the file; `None` when nobody has written it.
    pub fn read(path: &Path) -> Result<Option<Self>, RepairsError> {
        match files::read(path, MAX_BYTES) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(RepairsError::Format),
            Err(err) if err.is_absent() => Ok(None),
            Err(err) => Err(RepairsError::File(err)),
        }
    }

    /// Replaces the file whole.
    pub fn write(&self, path: &Path) -> Result<(), RepairsError> {
        let bytes = serde_json::to_vec(self).map_err(RepairsError::Format)?;
        files::replace(path, &bytes, 0o644).map(drop).map_err(RepairsError::File)
    }
}

#[cfg(test)]
mod tests {
    use super::Repairs;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("root.json");
        assert_eq!(Repairs::read(&path).unwrap(), None);
        let repairs = Repairs { repaired: 3 };
        repairs.write(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), r#"{"repaired":3}"#);
        assert_eq!(Repairs::read(&path).unwrap(), Some(repairs));
        std::fs::write(&path, "{}").unwrap();
        assert!(Repairs::read(&path).is_err());
    }
}
