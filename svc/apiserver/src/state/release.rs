//! The release that runs: os-release(5).

use std::path::Path;

/// Long enough for any; a file of the image all the same.
const BYTES: usize = 64 << 10;

/// What the image says of itself.
#[derive(Debug, Clone, Default)]
pub struct Release {
    /// Name for people.
    pub pretty_name: String,
    /// Variant.
    pub variant_id: String,
    /// Version.
    pub version_id: String,
    /// Which build of the version.
    pub build_id: String,
}

impl Release {
    /// Reads it. What cannot be read is empty.
    pub fn read(path: &Path) -> Self {
        let text = files::read_text(path, BYTES).unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_owned()
        };
        Release {
            pretty_name: value("PRETTY_NAME"),
            variant_id: value("VARIANT_ID"),
            version_id: value("VERSION_ID"),
            build_id: value("BUILD_ID"),
        }
    }
}
