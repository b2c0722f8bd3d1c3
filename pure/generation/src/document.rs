//! A generation as it is stored, and the bytes of it.
//!
//! The bytes are one JSON object. Its first line is `{"sha256":"` and the SHA-256, in hexadecimal, of everything behind that
//! line; so a file that a power cut tore, or that rotted, is seen before anything in it is believed.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use settings::Layer;
use settings::layers::Layers;
use sha2::{Digest as _, Sha256};

use crate::leaves::{Contents, Leaves, Path};
use crate::nest::{self, Group};
use crate::{Generation, MAX_BYTES, Why};

const OPENING: &[u8] = b"{\"sha256\":\"";
const CLOSING: &[u8] = b"\",\n";

/// A generation as it is stored: what migrations work on.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The form that it has.
    pub schema: u32,
    /// The form that it was committed in; a newer one than `schema` where a newer release left it for an older.
    pub made: u32,
    /// The last generation that a newer release left here, before this release went on from it.
    pub from_newer: Option<u64>,
    /// See [`Generation::number`].
    pub number: u64,
    /// See [`Generation::unix_s`].
    pub unix_s: u64,
    /// See [`Generation::by`].
    pub by: String,
    /// See [`Generation::why`].
    pub why: Why,
    /// See [`Generation::release`].
    pub release: String,
    /// See [`Generation::provisional`].
    pub provisional: Option<u32>,
    /// See [`Generation::user_data`]; by the layer's name.
    pub user_data: BTreeMap<String, String>,
    /// See [`Generation::layers`].
    pub contents: Contents,
}

/// Why bytes are not a generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rotten {
    /// Longer than anything we write.
    #[error("it has {bytes} bytes, more than the {MAX_BYTES} that are ever written")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It does not begin as it should: empty, torn, or something else altogether.
    #[error("it does not begin with a checksum")]
    NoChecksum,
    /// It is not what was written.
    #[error("its checksum does not match: the disk changed it, or it was written half")]
    Checksum,
    /// It is what somebody wrote, and not a document.
    #[error("it is not a document of settings: {why}")]
    Syntax {
        /// What the parser says, without any value.
        why: String,
    },
    /// It has another form than its place in the store says.
    #[error("it has schema {found} where schema {expected} belongs")]
    Schema {
        /// What it says.
        found: u32,
        /// What belongs there.
        expected: u32,
    },
    /// It is another generation than its name says.
    #[error("it is generation {found} under the name of generation {expected}")]
    Number {
        /// What it says.
        found: u64,
        /// What its name says.
        expected: u64,
    },
    /// A value that cannot be one.
    #[error("layer {layer}, {path}: {why}")]
    Content {
        /// The layer, as written.
        layer: String,
        /// The keys on the way.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Why a generation cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// It would be longer than what is read back.
    #[error(
        "all settings together take {bytes} bytes, more than the {MAX_BYTES} that are stored; make values shorter, or delete some"
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It would not come back as what it is: a value deeper than what is read, or that is not equal to itself.
    #[error("it would not be read back as it is")]
    Unreadable {
        /// What reading it says.
        #[source]
        err: Option<Rotten>,
    },
}

/// The file's own order and names.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stored {
    schema: u32,
    made: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_newer: Option<u64>,
    number: u64,
    unix_s: u64,
    by: String,
    why: Why,
    release: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provisional: Option<u32>,
    user_data: BTreeMap<String, String>,
    layers: BTreeMap<String, Vec<Group>>,
}

impl Document {
    /// The length of a file's first line, which differs from that of any other file.
    pub const HEADER_BYTES: usize = OPENING.len() + 64 + CLOSING.len();

    /// A generation in the form of the release that made it.
    pub fn of(generation: &Generation, schema: u32) -> Self {
        let said = generation.layers.iter().filter(|(layer, _)| *layer != Layer::Image);
        let digests = generation.user_data.iter();
        Self {
            schema,
            made: schema,
            from_newer: None,
            number: generation.number,
            unix_s: generation.unix_s,
            by: generation.by.clone(),
            why: generation.why,
            release: generation.release.clone(),
            provisional: generation.provisional,
            user_data: digests.map(|(layer, digest)| (layer.name().to_owned(), digest.clone())).collect(),
            contents: Contents(
                said.map(|(layer, tree)| (layer.name().to_owned(), Leaves::of(tree))).collect(),
            ),
        }
    }

    /// What [`Document::from_newer`] is in a document that follows this one.
    pub fn left_by_newer(&self) -> Option<u64> {
        if self.made > self.schema { Some(self.number) } else { self.from_newer }
    }

    /// The typed form. Layers of user data that this release has no name for are left out.
    pub fn into_generation(self) -> Result<Generation, Rotten> {
        let mut layers = Layers::default();
        for (name, leaves) in self.contents.0 {
            let odd = |path: &Path, why| Rotten::Content { layer: named(&name), path: shown(path), why };
            let layer = name.parse::<Layer>().map_err(|_| odd(&Path::new(), "no such layer"))?;
            if layer == Layer::Image {
                return Err(odd(&Path::new(), "the image's own settings are not stored"));
            }
            layers.set(layer, leaves.tree(layer).map_err(|(path, why)| odd(&path, why))?);
        }
        let known = |(name, digest): (String, String)| Some((name.parse().ok()?, digest));
        Ok(Generation {
            number: self.number,
            unix_s: self.unix_s,
            by: self.by,
            why: self.why,
            release: self.release,
            provisional: self.provisional,
            layers,
            user_data: self.user_data.into_iter().filter_map(known).collect(),
        })
    }

    /// The bytes of its file; they read back as exactly this.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Unwritable> {
        let groups = self.contents.0.iter().map(|(layer, leaves)| (layer.clone(), nest::grouped(leaves)));
        let stored = Stored {
            schema: self.schema,
            made: self.made,
            from_newer: self.from_newer,
            number: self.number,
            unix_s: self.unix_s,
            by: self.by.clone(),
            why: self.why,
            release: self.release.clone(),
            provisional: self.provisional,
            user_data: self.user_data.clone(),
            layers: groups.collect(),
        };
        // All keys are text and no writer can fail, which is all that serialising could fail of.
        let mut json = serde_json::to_vec(&stored).map_err(|_| Unwritable::Unreadable { err: None })?;
        json.push(b'\n');
        let rest = json.get(1..).unwrap_or_default();
        let bytes = [OPENING, checksum(rest).as_bytes(), CLOSING, rest].concat();
        if bytes.len() > MAX_BYTES {
            return Err(Unwritable::TooLong { bytes: bytes.len() });
        }
        match Self::from_bytes(&bytes, self.schema) {
            Ok(read) if read == *self => Ok(bytes),
            Ok(_) => Err(Unwritable::Unreadable { err: None }),
            Err(err) => Err(Unwritable::Unreadable { err: Some(err) }),
        }
    }

    /// The document that a file of a form holds.
    pub fn from_bytes(bytes: &[u8], schema: u32) -> Result<Self, Rotten> {
        let stored: Stored = intact(bytes)?;
        if stored.schema != schema {
            return Err(Rotten::Schema { found: stored.schema, expected: schema });
        }
        let mut contents = Contents::default();
        for (layer, groups) in stored.layers {
            let odd =
                |(path, why): (Path, _)| Rotten::Content { layer: named(&layer), path: shown(&path), why };
            let leaves = nest::leaves(groups).map_err(odd)?;
            // Whether it can be a tree does not depend on the layer's name.
            leaves.tree(Layer::Api).map_err(odd)?;
            contents.0.insert(layer, leaves);
        }
        Ok(Self {
            schema: stored.schema,
            made: stored.made,
            from_newer: stored.from_newer,
            number: stored.number,
            unix_s: stored.unix_s,
            by: stored.by,
            why: stored.why,
            release: stored.release,
            provisional: stored.provisional,
            user_data: stored.user_data,
            contents,
        })
    }
}

/// What bytes that are exactly as they were written say.
pub(crate) fn intact<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Rotten> {
    if bytes.len() > MAX_BYTES {
        return Err(Rotten::TooLong { bytes: bytes.len() });
    }
    let (header, rest) = bytes.split_at_checked(Document::HEADER_BYTES).ok_or(Rotten::NoChecksum)?;
    let sum = header.strip_prefix(OPENING).and_then(|header| header.strip_suffix(CLOSING));
    if sum.ok_or(Rotten::NoChecksum)? != checksum(rest).as_bytes() {
        return Err(Rotten::Checksum);
    }
    serde_json::from_slice(bytes).map_err(|err| Rotten::Syntax { why: place(&err) })
}

/// Where a parser stopped. Its own words may quote a value, which may be a secret.
fn place(err: &serde_json::Error) -> String {
    format!("line {}, column {}", err.line(), err.column())
}

/// A path as a message shows it: in one line of bearable length.
fn shown(path: &Path) -> String {
    path.iter().map(|key| named(key)).collect::<Vec<_>>().join(".")
}

fn named(key: &str) -> String {
    const LONGEST: usize = 80;
    let name: String = key.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if key.chars().nth(LONGEST).is_some() { name + ".." } else { name }
}

fn checksum(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let sum = Sha256::digest(bytes);
    let digits = sum.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
