//! The part of a request's target behind `?`, and what is percent-encoded in it.
//!
//! As HTML forms encode it (`+` is a space), which is what Bottlerocket's clients send. Strict where leniency would
//! hide a mistake: an unknown parameter, one given twice, or bytes that are not UTF-8 are each refused by name.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// The parameters of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Why a query string, or a piece of a path, was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Malformed {
    /// `%` without two hexadecimal digits behind it.
    Percent,
    /// Not UTF-8 once decoded.
    Encoding,
    /// A control character.
    Control,
    /// The same parameter twice.
    Twice(String),
    /// More parameters than any call has.
    TooMany,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Percent => {
                f.write_str("a % must be followed by two hexadecimal digits (%25 is a % itself)")
            }
            Malformed::Encoding => f.write_str("what is percent-encoded must be UTF-8"),
            Malformed::Control => f.write_str("control characters are not allowed"),
            Malformed::Twice(name) => write!(f, "parameter {name:?} is given twice"),
            Malformed::TooMany => write!(f, "more than {PARAMETERS} parameters"),
        }
    }
}

impl core::error::Error for Malformed {}

/// More than any call has; bounds the search for doubles.
const PARAMETERS: usize = 16;

impl Query {
    /// Reads what stands behind `?`; nothing, without one.
    pub fn parse(text: Option<&str>) -> Result<Self, Malformed> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for piece in text.unwrap_or_default().split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let (name, value) = (decode(name, true)?, decode(value, true)?);
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Malformed::Twice(name));
            }
            if pairs.len() == PARAMETERS {
                return Err(Malformed::TooMany);
            }
            pairs.push((name, value));
        }
        Ok(Query(pairs))
    }

    /// The value of a parameter, if it is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is no parameter.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names that are given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// `text` with what is percent-encoded decoded; in a query, `+` is a space.
pub fn decode(text: &str, in_query: bool) -> Result<String, Malformed> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|&byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(Malformed::Percent) };
                (high * 16 + low) as u8
            }
            b'+' if in_query => b' ',
            byte => byte,
        });
    }
    let decoded = String::from_utf8(bytes).map_err(|_| Malformed::Encoding)?;
    if decoded.chars().any(char::is_control) {
        return Err(Malformed::Control);
    }
    Ok(decoded)
}

/// `text` so that it can stand in a path's segment or a query's value.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The entries of a list that commas separate, as in `keys=a,b`. Commas inside quoted segments of a key do not separate.
pub fn list(text: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (index, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                entries.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    entries.push(&text[start..]);
    entries
}

/// A path's segments, decoded. `/` has none.
pub fn segments(path: &str) -> Result<Vec<String>, Malformed> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    inner
        .split('/')
        .map(|segment| decode(segment, false))
        .map(|segment| segment.map(|s| s.to_owned()))
        .collect()
}
