//! SHA-256 of files and of the inputs of a build step.
//!
//! [`Key`] names a step's result: equal inputs give equal keys. Every part is framed by its length, so two lists of
//! parts never hash alike by running together.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;

use anyhow::Context;
use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 value, written as 64 lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Of a value in memory.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(hex(&Sha256::digest(bytes)))
    }

    /// Of a whole file, with its length. Holes are hashed without being read: a disk image is mostly those.
    pub fn of_file(path: &Path) -> anyhow::Result<(Digest, u64)> {
        let read = || -> io::Result<(Digest, u64)> {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            let mut hash = Sha256::new();
            let mut buffer = vec![0; 1 << 20];
            let zeroes = vec![0; 1 << 20];
            let mut at = 0;
            while at < length {
                let data = match seek(&file, SeekFrom::Data(at)) {
                    // No data after this point.
                    Err(Errno::NXIO) => length,
                    other => other?,
                };
                for start in (at..data).step_by(zeroes.len()) {
                    hash.update(&zeroes[..zeroes.len().min((data - start) as usize)]);
                }
                if data == length {
                    break;
                }
                let hole = seek(&file, SeekFrom::Hole(data))?;
                file.seek(io::SeekFrom::Start(data))?;
                at = data;
                while at < hole {
                    let count = buffer.len().min((hole - at) as usize);
                    file.read_exact(&mut buffer[..count])?;
                    hash.update(&buffer[..count]);
                    at += count as u64;
                }
            }
            Ok((Digest(hex(&hash.finalize())), length))
        };
        read().with_context(|| format!("cannot read {}", path.display()))
    }

    /// From 64 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Digest> {
        let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(hex)).then(|| Digest(text.to_owned()))
    }

    /// The 64 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough digits to name a cache entry.
    pub fn short(&self) -> &str {
        &self.0[..20]
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Digest, String> {
        Digest::parse(&text).ok_or_else(|| format!("{text} is not a sha256 digest"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Collects the inputs of one build step.
pub struct Key(Sha256);

impl Key {
    /// Starts with the step's name and the revision of the code that does it: raise the revision when that code
    /// would turn the same inputs into other bytes.
    pub fn new(step: &str, revision: u32) -> Key {
        Key(Sha256::new()).part(step).part(&revision.to_string())
    }

    /// Adds one input.
    pub fn part(mut self, text: &str) -> Key {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    /// Adds several, and their number.
    pub fn parts<'a>(self, parts: impl IntoIterator<Item = &'a str>) -> Key {
        let (key, count) = parts.into_iter().fold((self, 0u64), |(key, n), part| (key.part(part), n + 1));
        key.part(&count.to_string())
    }

    /// Adds a file's content.
    pub fn file(self, path: &Path) -> anyhow::Result<Key> {
        let (digest, _) = Digest::of_file(path)?;
        Ok(self.part(digest.as_str()))
    }

    /// The key.
    pub fn finish(self) -> Digest {
        Digest(hex(&self.0.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let one = Key::new("s", 1).part("ab").part("c").finish();
        let two = Key::new("s", 1).part("a").part("bc").finish();
        assert_ne!(one, two);
        assert_ne!(Key::new("s", 1).finish(), Key::new("s", 2).finish());
    }

    #[test]
    fn files_hash_like_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, b"abc").unwrap();
        assert_eq!(Digest::of_file(&path).unwrap(), (Digest::of(b"abc"), 3));
        assert!(Digest::of(b"abc").as_str().starts_with("ba7816bf"));
    }

    #[test]
    fn holes_count_as_zeroes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        let file = File::create(&path).unwrap();
        let mut plain = vec![0; (3 << 20) + 17];
        file.set_len(plain.len() as u64).unwrap();
        assert_eq!(Digest::of_file(&path).unwrap().0, Digest::of(&plain), "nothing but a hole");
        for (at, text) in [((1 << 20) + 5, "middle"), (plain.len() - 3, "end")] {
            file.write_all_at(text.as_bytes(), at as u64).unwrap();
            plain.resize(plain.len().max(at + text.len()), 0);
            plain[at..at + text.len()].copy_from_slice(text.as_bytes());
            assert_eq!(Digest::of_file(&path).unwrap(), (Digest::of(&plain), plain.len() as u64), "{text}");
        }
    }
}
