//! What may be written where, as data: the reference page is made from it, so it cannot lag behind the types.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What may stand at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// One value, in words.
    Scalar(&'static str),
    /// Any number of them.
    List(Box<Shape>),
    /// A table whose keys are the author's.
    Map {
        /// What the keys may be, in words.
        key: &'static str,
        /// What stands at each.
        value: Box<Shape>,
    },
    /// A table whose keys are known.
    Group(Vec<Field>),
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

impl Shape {
    /// One Markdown table row per key below `path`: key, what may be written, meaning.
    pub fn rows(&self, path: &str) -> Vec<String> {
        match self {
            Shape::Group(fields) => fields.iter().flat_map(|field| field.rows(path)).collect(),
            Shape::Map { value, .. } => value.rows(&format!("{path}.NAME")),
            Shape::List(entry) => entry.rows(&format!("{path}[]")),
            Shape::Scalar(_) => Vec::new(),
        }
    }

    fn words(&self) -> String {
        match self {
            Shape::Scalar(words) => (*words).into(),
            Shape::List(entry) => format!("list of: {}", entry.words()),
            Shape::Map { key, value } => format!("table; key: {key}; value: {}", value.words()),
            Shape::Group(_) => "table".into(),
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
