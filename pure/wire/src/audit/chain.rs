//! Hashes, and a line as a link of the chain.

use alloc::string::String;
use core::fmt::{self, Write as _};
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::record::Record;

/// SHA-256; 64 hexadecimal digits in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first record names as the one before it.
    pub const NONE: Hash = Hash([0; 32]);

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Hash(Sha256::digest(bytes).into())
    }
}

/// The last record of a log, or one that was: who keeps it elsewhere will see if the log no longer has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The record's number.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
}

/// A line that is a record, and says the truth about its own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub record: Record,
    /// Its hash, as it stands there.
    pub hash: Hash,
    /// Whether that is the hash of its bytes.
    pub genuine: bool,
}

/// Not a line of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

impl Line {
    /// Reads a line, without its line feed.
    pub fn read(line: &str) -> Result<Line, Unreadable> {
        const OPENING: &str = ",\"hash\":\"";
        let text = line.strip_suffix("\"}").ok_or(Unreadable)?;
        let at = text.len().checked_sub(64).ok_or(Unreadable)?;
        let (before, digits) = text.split_at_checked(at).ok_or(Unreadable)?;
        let hash: Hash = digits.parse()?;
        let hashed = before.strip_suffix(OPENING).ok_or(Unreadable)?;
        let record = serde_json::from_str(line).map_err(|_| Unreadable)?;
        Ok(Line { record, hash, genuine: Hash::of(hashed.as_bytes()) == hash })
    }

    /// The head of a log that ends with it.
    pub fn head(&self) -> Head {
        Head { seq: self.record.seq, hash: self.hash }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(Unreadable);
        }
        // One spelling only: small letters, as we write them.
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(Unreadable),
        };
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Hash(bytes))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(64);
        write!(text, "{self}").map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("not 64 hexadecimal digits"))
    }
}

impl fmt::Display for Head {
    /// `NUMBER:HASH`, as it is logged and as `apiclient audit verify --expect` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let (seq, hash) = text.split_once(':').ok_or(Unreadable)?;
        let plain = !seq.is_empty() && seq.bytes().all(|byte| byte.is_ascii_digit());
        let seq = if plain { seq.parse().map_err(|_| Unreadable)? } else { return Err(Unreadable) };
        Ok(Head { seq, hash: hash.parse()? })
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not NUMBER:HASH, a record's number and the 64 hexadecimal digits of its hash")
    }
}

impl core::error::Error for Unreadable {}
