//! What is wrong with a document, and where.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::tree::Layer;

/// One thing wrong with a settings document. What it stands on was not applied; everything else was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Which layer wrote it.
    pub layer: Layer,
    /// Where, as the key would be written in TOML, with `[n]` for the entries of lists.
    pub path: String,
    /// What is wrong and what would be right. Never the value itself, which may be secret.
    pub why: Cow<'static, str>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.why)
    }
}

/// Longest piece of a hostile key that is repeated in a message.
const KEY_SHOWN_CHARS: usize = 64;

/// Appends a key to a path, quoted as TOML wants it, control characters escaped.
pub(crate) fn push_key(path: &mut String, key: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !key.is_empty() && key.chars().all(bare) && key.len() <= KEY_SHOWN_CHARS {
        path.push_str(key);
        return;
    }
    path.push('"');
    for c in key.chars().take(KEY_SHOWN_CHARS) {
        match c {
            '"' | '\\' => path.extend(['\\', c]),
            ' '..='~' => path.push(c),
            // Control characters forge log lines, marks of writing direction disguise them.
            c => {
                // Writing to a String cannot fail.
                let _ = write!(path, "\\U{:08X}", u32::from(c));
            }
        }
    }
    if key.chars().nth(KEY_SHOWN_CHARS).is_some() {
        path.push_str("...");
    }
    path.push('"');
}

/// Appends a list position to a path.
pub(crate) fn push_index(path: &mut String, index: usize) {
    // Writing to a String cannot fail.
    let _ = write!(path, "[{index}]");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_toml_would_write_them() {
        let mut path = String::from("settings");
        push_key(&mut path, "kernel");
        push_key(&mut path, "net.ipv4.\"x\"\n\u{202e}");
        push_index(&mut path, 3);
        assert_eq!(path, "settings.kernel.\"net.ipv4.\\\"x\\\"\\U0000000A\\U0000202E\"[3]");
    }

    #[test]
    fn a_huge_key_is_cut() {
        let mut path = String::new();
        push_key(&mut path, &"k".repeat(1 << 20));
        assert!(path.len() < 100 && path.ends_with("...\""));
    }
}
