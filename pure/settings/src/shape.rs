//! What may be written where, as data: the reference page, the JSON Schema, completion and the typing of `key=value`
//! are made from it, so they cannot lag behind the types.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::key::KeyPath;

/// What may stand at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Scalar(Facts),
    /// Any number of them.
    List(Box<Shape>),
    /// A list of exactly these.
    Tuple(Vec<Shape>),
    /// A table whose keys are the author's.
    Map {
        /// What the keys may be.
        key: Facts,
        /// What stands at each.
        value: Box<Shape>,
    },
    /// A table whose keys are known.
    Group(Vec<Field>),
    /// Any of several, which differ in kind (one value, a list, a table).
    OneOf(Vec<Shape>),
}

/// One key of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The key as written.
    pub key: &'static str,
    /// What it does, from the field's doc comment.
    pub doc: &'static str,
    /// What may stand there.
    pub shape: Shape,
}

/// What is known of one value, for people and for machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What may be written, in words that fit behind "wanted".
    pub words: Cow<'static, str>,
    /// How it stands in JSON.
    pub kind: Kind,
    /// The only texts it may be, when they can be listed.
    pub values: &'static [&'static str],
    /// A regular expression (ECMA 262) every text of it matches.
    pub pattern: Option<&'static str>,
    /// The least number.
    pub minimum: Option<i64>,
    /// The greatest number.
    pub maximum: Option<i64>,
    /// It is never shown.
    pub secret: bool,
    /// It is a URL, and not shown when it holds a user.
    pub secret_with_user: bool,
    /// No user has a place in it.
    pub without_user: bool,
}

/// How a value stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A string, or a number that stands for it.
    TextOrNumber,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl Facts {
    /// A value of this kind, in words.
    pub const fn new(kind: Kind, words: &'static str) -> Self {
        Facts {
            words: Cow::Borrowed(words),
            kind,
            values: &[],
            pattern: None,
            minimum: None,
            maximum: None,
            secret: false,
            secret_with_user: false,
            without_user: false,
        }
    }

    /// A text, in words.
    pub const fn text(words: &'static str) -> Self {
        Facts::new(Kind::Text, words)
    }

    /// One of these texts only.
    pub const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Every text matches `pattern`.
    pub const fn matching(mut self, pattern: &'static str) -> Self {
        self.pattern = Some(pattern);
        self
    }

    /// Numbers from `minimum` to `maximum`.
    pub const fn between(mut self, minimum: i64, maximum: i64) -> Self {
        self.minimum = Some(minimum);
        self.maximum = Some(maximum);
        self
    }

    /// Not to be shown when it is a URL that holds a user.
    pub const fn secret_with_user(mut self) -> Self {
        self.secret_with_user = true;
        self
    }

    /// With a user in it, it is wrong.
    pub const fn without_user(mut self) -> Self {
        self.without_user = true;
        self
    }

    /// Whether this text of it, which may be wrong, may hold a secret.
    pub fn hides_written(&self, text: &str) -> bool {
        self.hides(text) || (self.without_user && text.contains('@'))
    }

    /// Whether this text of it is a secret.
    pub fn hides(&self, text: &str) -> bool {
        self.secret || (self.secret_with_user && text.contains('@'))
    }

    /// Never to be shown.
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
}

impl Shape {
    /// What may stand one key further down.
    pub fn child(&self, key: &str) -> Option<&Shape> {
        match self {
            Shape::Group(fields) => fields.iter().find(|field| field.key == key).map(|field| &field.shape),
            Shape::Map { value, .. } => Some(value),
            Shape::OneOf(shapes) => shapes.iter().find_map(|shape| shape.child(key)),
            Shape::Scalar(_) | Shape::List(_) | Shape::Tuple(_) => None,
        }
    }

    /// What may stand at `key`, seen from here.
    pub fn at(&self, key: &KeyPath) -> Option<&Shape> {
        key.segments().iter().try_fold(self, |shape, segment| shape.child(segment))
    }

    /// What is known of one value here, if one may stand here.
    pub fn scalar(&self) -> Option<&Facts> {
        match self {
            Shape::Scalar(facts) => Some(facts),
            Shape::OneOf(shapes) => shapes.iter().find_map(Shape::scalar),
            _ => None,
        }
    }

    /// What the entry at `index` of a list here may be, if such an entry may stand here.
    pub fn entry(&self, index: usize) -> Option<&Shape> {
        match self {
            Shape::List(entry) => Some(entry),
            Shape::Tuple(entries) => entries.get(index),
            Shape::OneOf(shapes) => shapes.iter().find_map(|shape| shape.entry(index)),
            _ => None,
        }
    }

    /// Whether a table may stand here.
    pub fn is_table(&self) -> bool {
        match self {
            Shape::Group(_) | Shape::Map { .. } => true,
            Shape::OneOf(shapes) => shapes.iter().any(Shape::is_table),
            Shape::Scalar(_) | Shape::List(_) | Shape::Tuple(_) => false,
        }
    }

    /// One Markdown table row per key below `path`: key, what may be written, meaning.
    pub fn rows(&self, path: &str) -> Vec<String> {
        match self {
            Shape::Group(fields) => fields.iter().flat_map(|field| field.rows(path)).collect(),
            Shape::Map { value, .. } => value.rows(&format!("{path}.NAME")),
            Shape::List(entry) => entry.rows(&format!("{path}[]")),
            Shape::OneOf(shapes) => shapes.iter().flat_map(|shape| shape.rows(path)).collect(),
            Shape::Scalar(_) | Shape::Tuple(_) => Vec::new(),
        }
    }

    /// What may be written, in words.
    pub fn words(&self) -> String {
        match self {
            Shape::Scalar(facts) => facts.words.clone().into_owned(),
            Shape::List(entry) => format!("list of: {}", entry.words()),
            Shape::Map { key, value } => format!("table; key: {}; value: {}", key.words, value.words()),
            Shape::Tuple(entries) => {
                format!("[{}]", entries.iter().map(Shape::words).collect::<Vec<_>>().join(", "))
            }
            Shape::Group(_) => "table".into(),
            Shape::OneOf(shapes) => shapes.iter().map(Shape::words).collect::<Vec<_>>().join("; or "),
        }
    }
}

impl Field {
    fn rows(&self, path: &str) -> Vec<String> {
        let path = format!("{path}.{}", self.key);
        let (words, doc) = (self.shape.words().replace('|', "\\|"), self.doc.trim().replace('|', "\\|"));
        let mut rows = Vec::from([format!("| `{path}` | {words} | {doc} |")]);
        rows.extend(self.shape.rows(&path));
        rows
    }
}
