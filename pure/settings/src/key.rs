//! The dotted name of a setting: `settings.kernel.sysctl."vm.swappiness"`.
//!
//! Bottlerocket's keys, which are TOML's dotted keys: a segment of letters, digits, `_`, `-` and `/` stands as it is,
//! any other in double quotes, in which `\"` and `\\` stand for `"` and `\`.
//! Holds always: what [`KeyPath::parse`] made prints as text that parses to the same path.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::scalar::Invalid;

/// Longest segment: a label of a Kubernetes node is a prefix of up to 253, a slash, and a name of up to 63. (Bottlerocket has 255:
/// there it is a file's name.)
const SEGMENT_BYTES: usize = 317;
/// Most segments: as deep as a document may be ([`crate::Limits::depth`]).
const SEGMENTS: usize = 16;

/// Where a setting stands: segments from the top of the document, at least one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyPath(Vec<String>);

impl KeyPath {
    /// The top of every key.
    pub fn settings() -> Self {
        KeyPath(Vec::from(["settings".to_string()]))
    }

    /// Reads a dotted key.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("an empty key; wanted one like settings.motd"));
        }
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = segment(rest)?;
            if segments.len() == SEGMENTS {
                return Err(Invalid::new("a key of more than 16 segments"));
            }
            segments.push(segment);
            rest = match after.strip_prefix('.') {
                Some(rest) => rest,
                None if after.is_empty() => return Ok(KeyPath(segments)),
                None => return Err(Invalid::new("wanted a dot behind a quoted segment of a key")),
            };
        }
    }

    /// The path of `segments`, which come from a document and may be any text. `None` when there are none.
    pub(crate) fn of(segments: &[&str]) -> Option<Self> {
        let owned = segments.iter().map(|segment| (*segment).to_owned()).collect();
        (!segments.is_empty()).then_some(KeyPath(owned))
    }

    /// The segments, from the top.
    pub fn segments(&self) -> &[String] {
        &self.0
    }

    /// The last segment.
    pub fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Whether this is `other` or a key below it.
    pub fn starts_with(&self, other: &KeyPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The same key from the top of the document, when `settings.` was left out.
    #[must_use]
    pub fn with_settings(mut self) -> Self {
        if self.0.first().is_none_or(|first| first != "settings") {
            self.0.insert(0, "settings".to_string());
        }
        self
    }

    /// The key `segment` below this one.
    #[must_use]
    pub fn join(&self, segment: &str) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment.to_owned());
        KeyPath(segments)
    }
}

/// The first segment of a text, and what follows it.
fn segment(text: &str) -> Result<(String, &str), Invalid> {
    let (segment, after) = match text.strip_prefix('"') {
        Some(inside) => quoted(inside)?,
        None => {
            let end = text.find('.').unwrap_or(text.len());
            let (segment, after) = text.split_at(end);
            let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
            if !segment.chars().all(bare) {
                return Err(Invalid::new(
                    "a segment of a key with other than letters, digits, _ - and / has to stand in double quotes",
                ));
            }
            (segment.to_owned(), after)
        }
    };
    match segment.len() {
        0 => Err(Invalid::new("a key with an empty segment")),
        1..=SEGMENT_BYTES if segment.chars().any(disguises) => {
            Err(Invalid::new("a key that holds a control character or a mark of writing direction"))
        }
        1..=SEGMENT_BYTES => Ok((segment, after)),
        _ => Err(Invalid::new("a segment of a key of more than 317 bytes")),
    }
}

fn quoted(inside: &str) -> Result<(String, &str), Invalid> {
    let mut segment = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((segment, &inside[at + 1..])),
            '\\' => match chars.next() {
                Some((_, escaped @ ('"' | '\\'))) => segment.push(escaped),
                _ => return Err(Invalid::new("in a quoted segment of a key \\ stands before \" or \\ only")),
            },
            c => segment.push(c),
        }
    }
    Err(Invalid::new("a quoted segment of a key that is not closed"))
}

/// Control characters forge log lines; marks of writing direction make a key look like another one.
fn disguises(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if !segment.is_empty() && segment.chars().all(bare) {
                f.write_str(segment)?;
                continue;
            }
            f.write_str("\"")?;
            for c in segment.chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    // Only in documents; no key that was parsed holds one.
                    c if disguises(c) => write!(f, "\\U{:08X}", u32::from(c))?,
                    c => write!(f, "{c}")?,
                }
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

impl FromStr for KeyPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        KeyPath::parse(text)
    }
}

impl TryFrom<String> for KeyPath {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        KeyPath::parse(&text)
    }
}

impl From<KeyPath> for String {
    fn from(key: KeyPath) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    #[test]
    fn keys_are_read_as_bottlerocket_writes_them() {
        let longest = "k".repeat(317);
        let deepest = vec!["a"; 16].join(".");
        for (text, want) in [
            ("motd", vec!["motd"]),
            ("settings.motd", vec!["settings", "motd"]),
            ("a.\"b.c\".d", vec!["a", "b.c", "d"]),
            ("\"a\"", vec!["a"]),
            ("\"a \\\"b\\\\\"", vec!["a \"b\\"]),
            ("net/ipv4.x_1-", vec!["net/ipv4", "x_1-"]),
            ("\"\u{e9}\"", vec!["\u{e9}"]),
            ("\"..\"", vec![".."]),
            (&longest, vec![&longest]),
            (&deepest, vec!["a"; 16]),
        ] {
            let key = KeyPath::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(key.segments(), want, "{text}");
            assert_eq!(KeyPath::parse(&key.to_string()), Ok(key), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (longer, deeper) = ("k".repeat(318), vec!["a"; 17].join("."));
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "\"\"",
            "a.\"\"",
            "\"a",
            "\"a\"b",
            "a\"b\"",
            "\"a\\n\"",
            "\"a\\",
            "a b",
            "a=b",
            "a[0]",
            "a\n",
            "\"a\n\"",
            "\"a\0\"",
            "\"\u{202e}a\"",
            "\u{e9}",
            "a*",
            &longer,
            &format!("\"{longer}\""),
            &deeper,
        ] {
            assert!(KeyPath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_key_lies_below_whole_segments_only() {
        let key = |text: &str| KeyPath::parse(text).unwrap();
        assert!(key("settings.network.hosts").starts_with(&key("settings.network")));
        assert!(key("settings.network").starts_with(&key("settings.network")));
        assert!(!key("settings.network.hosts").starts_with(&key("settings.net")));
        assert!(!key("settings").starts_with(&key("settings.network")));
        assert_eq!(key("motd").with_settings(), key("settings.motd"));
        assert_eq!(key("settings.motd").with_settings(), key("settings.motd"));
    }
}
