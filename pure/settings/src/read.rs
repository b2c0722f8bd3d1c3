//! The last step's machinery: how values of a tree become typed values, every problem noted on the way.
//!
//! A type that can stand in a settings document is a [`Setting`]. Three kinds treat a bad part differently: a
//! *group* (`group!`) drops the bad key and keeps the others; a *list* or *map* drops the bad entry; a
//! *record* ([`Reader::whole`]) is dropped as a whole, because half of it would mean something else. A
//! dropped value gives way to the one that it replaced in a lower layer, if there is one.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::nearest::nearest;
use crate::problem::{Problem, push_index, push_key};
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tree::{Item, Node, Table};

/// A type that can stand in a settings document.
pub trait Setting: Sized {
    /// What may be written, for the reference page.
    fn shape() -> Shape;

    /// The value at `node`, or `None` with the problems noted in `at`.
    fn read(node: &Node, at: &mut Reader) -> Option<Self>;
}

/// Where reading has got to, and what was wrong so far.
#[derive(Debug, Default)]
pub struct Reader {
    path: String,
    problems: Vec<Problem>,
}

impl Reader {
    /// Everything that was wrong.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Notes a problem with `node`, which stands where the reader is.
    pub fn problem(&mut self, node: &Node, why: impl Into<Cow<'static, str>>) {
        self.problems.push(Problem { layer: node.layer, path: self.path.clone(), why: why.into() });
    }

    /// Notes that `node` is of the wrong kind.
    pub fn wanted(&mut self, node: &Node, wanted: &str) {
        self.problem(node, format!("wanted {wanted}, found {}", node.item.kind()));
    }

    /// Does something one key further down.
    pub fn at_key<T>(&mut self, key: &str, then: impl FnOnce(&mut Self) -> T) -> T {
        self.within(|path| push_key(path, key), then)
    }

    /// Does something at one entry of a list.
    pub fn at_index<T>(&mut self, index: usize, then: impl FnOnce(&mut Self) -> T) -> T {
        self.within(|path| push_index(path, index), then)
    }

    fn within<T>(&mut self, step: impl FnOnce(&mut String), then: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        step(&mut self.path);
        let result = then(self);
        self.path.truncate(length);
        result
    }

    /// `node` as a table.
    pub fn table<'n>(&mut self, node: &'n Node) -> Option<&'n Table> {
        match &node.item {
            Item::Table(table) => Some(table),
            _ => {
                self.wanted(node, "a table");
                None
            }
        }
    }

    /// `node` as a list.
    pub fn list<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n [Node]> {
        match &node.item {
            Item::List(list) => Some(list),
            _ => {
                self.wanted(node, wanted);
                None
            }
        }
    }

    /// The value of `key`, or of what it replaced if it is bad; `T::default()` when there is none.
    pub fn field<T: Setting + Default>(&mut self, table: &Table, key: &str) -> T {
        self.entry(table, key).unwrap_or_default()
    }

    fn entry<T: Setting>(&mut self, table: &Table, key: &str) -> Option<T> {
        let mut node = table.get(key);
        while let Some(written) = node {
            let value = self.at_key(key, |at| T::read(written, at));
            if value.is_some() {
                return value;
            }
            node = written.under();
        }
        None
    }

    /// Names the keys of `table` that are none of `known`.
    pub fn unknown_keys(&mut self, table: &Table, known: &[&'static str]) {
        for (key, node) in table {
            if known.contains(&key.as_str()) {
                continue;
            }
            let why = match nearest(key, known) {
                Some(meant) => format!("unknown key; did you mean {meant}?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            };
            self.at_key(key, |at| at.problem(node, why));
        }
    }

    /// Reads the record at `node`: `None` if anything in it was wrong, or lost to a syntax error (named already).
    pub fn whole<T>(&mut self, node: &Node, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if node.is_torn() {
            return None;
        }
        let (value, clean) = self.checked(read);
        value.filter(|_| clean)
    }

    /// Reads something and tells whether nothing was wrong in it.
    pub fn checked<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> (Option<T>, bool) {
        let before = self.problems.len();
        let value = read(self);
        (value, self.problems.len() == before)
    }
}

impl<T: Scalar> Setting for T {
    fn shape() -> Shape {
        Shape::Scalar(T::WANTED)
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let parsed = match &node.item {
            Item::Text(text) => T::parse(text),
            Item::Integer(number) if T::NUMBERS => T::parse(&format!("{number}")),
            Item::Float(number) if T::NUMBERS => T::parse(&format!("{number}")),
            _ => {
                at.wanted(node, T::WANTED);
                return None;
            }
        };
        parsed.map_err(|invalid| at.problem(node, invalid.0)).ok()
    }
}

impl Setting for bool {
    fn shape() -> Shape {
        Shape::Scalar("true or false")
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        match node.item {
            Item::Boolean(truth) => Some(truth),
            _ => {
                at.wanted(node, "true or false");
                None
            }
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        T::read(node, at).map(Some)
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let list = at.list(node, "a list")?;
        let entries = list.iter().enumerate();
        Some(entries.filter_map(|(index, node)| at.at_index(index, |at| T::read(node, at))).collect())
    }
}

impl<K: Scalar + Ord, V: Setting> Setting for BTreeMap<K, V> {
    fn shape() -> Shape {
        Shape::Map { key: K::WANTED, value: Box::new(V::shape()) }
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let table = at.table(node)?;
        let mut map = BTreeMap::new();
        for (key, written) in table {
            match K::parse(key) {
                Ok(name) => {
                    if let Some(value) = at.entry(table, key) {
                        map.insert(name, value);
                    }
                }
                Err(invalid) => at.at_key(key, |at| at.problem(written, invalid.0)),
            }
        }
        Some(map)
    }
}

/// A table with known keys: one struct, from which come reading, the reference page and the errors.
///
/// `pub field: Type = "key",` with `Type: Setting + Default`; an absent key is the default.
macro_rules! group {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( $(#[doc = $doc:expr])* pub $field:ident: $Type:ty = $key:literal, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $Name {
            $( $(#[doc = $doc])* pub $field: $Type, )*
        }

        impl $crate::read::Setting for $Name {
            fn shape() -> $crate::shape::Shape {
                $crate::shape::Shape::Group(alloc::vec![
                    $( $crate::shape::Field {
                        key: $key,
                        doc: concat!($($doc),*),
                        shape: <$Type as $crate::read::Setting>::shape(),
                    }, )*
                ])
            }

            fn read(node: &$crate::tree::Node, at: &mut $crate::read::Reader) -> Option<Self> {
                let table = at.table(node)?;
                at.unknown_keys(table, &[$($key),*]);
                Some($Name { $( $field: at.field(table, $key), )* })
            }
        }
    };
}
pub(crate) use group;
