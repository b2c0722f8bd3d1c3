//! What settings say: a document that `configure` leaves, or leaves out.
//!
//! Holds always: the log is bounded. A document that cannot be read says nothing, and that is said.

use std::path::Path;

use files::Rotation;
use render::documents::Logs;

/// A few words.
const BYTES_MAX: usize = 64 << 10;
/// Holds days of a quiet host.
const KEEP_MIB: u64 = 40;
/// Below it a file would be put aside with every other batch.
const KEEP_MIB_MIN: u64 = 5;
/// Files that were put aside; the current one comes on top.
const KEPT_FILES: u32 = 4;

/// What to keep and what to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    keep_mib: u64,
    /// The least grave line that is shown of every service; none shows those of units that ask for it alone.
    console: Option<Gravity>,
}

/// How grave a line is, by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    Debug,
    Info,
    Warn,
    Error,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_mib: KEEP_MIB, console: None }
    }
}

impl Settings {
    /// What holds, and what is wrong with the document.
    pub fn read(path: &Path) -> (Self, Option<String>) {
        let bytes = match files::read(path, BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(err) if err.is_absent() => return (Self::default(), None),
            Err(err) => return (Self::default(), Some(files::chain(&err).to_string())),
        };
        match serde_json::from_slice::<Logs>(&bytes) {
            Ok(document) => Self::of(&document),
            Err(err) => (Self::default(), Some(err.to_string())),
        }
    }

    fn of(document: &Logs) -> (Self, Option<String>) {
        let keep_mib = document.keep_mib.unwrap_or(KEEP_MIB).max(KEEP_MIB_MIN);
        let (console, wrong) = match document.console.as_deref() {
            None | Some("off") => (None, None),
            Some("error") => (Some(Gravity::Error), None),
            Some("warn") => (Some(Gravity::Warn), None),
            Some("info") => (Some(Gravity::Info), None),
            Some(other) => {
                (None, Some(format!("console is {other:?}, which is none of off, error, warn, info")))
            }
        };
        (Self { keep_mib, console }, wrong)
    }

    /// As the log takes it.
    pub fn rotation(&self) -> Rotation {
        let files = u64::from(KEPT_FILES) + 1;
        Rotation { limit_bytes: self.keep_mib.saturating_mul(1 << 20) / files, keep: KEPT_FILES }
    }

    /// Whether a line is shown on the console though its unit does not ask for that.
    pub fn shows(&self, text: &str) -> bool {
        self.console.is_some_and(|least| gravity(text) >= least)
    }
}

/// Programs of others put their level anywhere, or nowhere: what says nothing at its front is what happens.
fn gravity(text: &str) -> Gravity {
    match text.split(' ').next() {
        Some("error") => Gravity::Error,
        Some("warn") => Gravity::Warn,
        Some("debug") => Gravity::Debug,
        _ => Gravity::Info,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn read(text: &str) -> (Settings, Option<String>) {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("logd-settings-{}-{number}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let read = Settings::read(&path);
        std::fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn what_cannot_be_read_leaves_the_defaults_and_says_so() {
        assert_eq!(Settings::read(Path::new("/no/such/file")), (Settings::default(), None));
        assert_eq!(read("{}"), (Settings::default(), None));
        for wrong in ["", "7", r#"{"keep-mib":"much"}"#, r#"{"console":"loud"}"#] {
            let (settings, why) = read(wrong);
            assert!(settings == Settings::default() && why.is_some(), "{wrong}");
        }
    }

    #[test]
    fn the_files_together_are_as_large_as_is_said() {
        for (text, mib) in [("{}", 40), (r#"{"keep-mib":100}"#, 100), (r#"{"keep-mib":0}"#, 5)] {
            let rotation = read(text).0.rotation();
            assert_eq!(rotation.limit_bytes * u64::from(rotation.keep + 1), mib << 20, "{text}");
        }
    }

    #[test]
    fn lines_are_shown_from_the_level_on_that_is_said() {
        let lines = ["error web: no", "warn web: well", "info web: so", "so", "debug web: and so on"];
        for (text, shown) in [
            ("{}", 0),
            (r#"{"console":"off"}"#, 0),
            (r#"{"console":"error"}"#, 1),
            (r#"{"console":"warn"}"#, 2),
            (r#"{"console":"info"}"#, 4),
        ] {
            let settings = read(text).0;
            assert_eq!(lines.iter().filter(|line| settings.shows(line)).count(), shown, "{text}");
        }
    }
}
