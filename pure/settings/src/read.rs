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

use crate::layers::address;
use crate::nearest::nearest;
use crate::problem::{Problem, push_index, push_key};
use crate::scalar::Scalar;
use crate::scalar::secret::{self, MARK};
use crate::shape::{Facts, Kind, Shape};
use crate::tree::{Item, Node, Table};
use crate::value::Value;

/// A type that can stand in a settings document.
pub trait Setting: Sized {
    /// What may be written.
    fn shape() -> Shape;

    /// The value at `node`, or `None` with the problems noted in `at`.
    fn read(node: &Node, at: &mut Reader) -> Option<Self>;

    /// The value as it would be written, in its canonical form; `None` when there is nothing to write (an absent
    /// option). Reading it gives the value back.
    fn write(&self) -> Option<Value>;
}

/// Unknown keys of one table that come with advice. Advice costs a comparison with every known key, and a hostile table
/// has tens of thousands of keys.
const ADVISED_AT_MOST: usize = 64;

/// Where reading has got to, and what was wrong so far.
#[derive(Debug, Default)]
pub struct Reader {
    path: String,
    problems: Vec<Problem>,
    /// Addresses of the nodes whose values are in effect, in the order of reading.
    used: Vec<usize>,
    /// Addresses of nodes that turned out not to be in effect after all.
    discarded: Vec<usize>,
}

impl Reader {
    /// Everything that was wrong.
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    /// Addresses of the nodes whose values are in effect, sorted.
    pub(crate) fn into_used(mut self) -> Vec<usize> {
        self.discarded.sort_unstable();
        self.used.retain(|used| self.discarded.binary_search(used).is_err());
        self.used.sort_unstable();
        self.used
    }

    /// Notes that nothing at or below `node` is in effect after all.
    pub fn discard(&mut self, node: &Node) {
        fn below(node: &Node, addresses: &mut Vec<usize>) {
            addresses.push(address(node));
            if let Item::Table(table) = &node.item {
                table.values().for_each(|node| below(node, addresses));
            }
            node.under().into_iter().for_each(|node| below(node, addresses));
        }
        below(node, &mut self.discarded);
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

    /// The value of `key`, or of what it replaced if it is bad.
    pub(crate) fn entry<T: Setting>(&mut self, table: &Table, key: &str) -> Option<T> {
        let mut node = table.get(key);
        while let Some(written) = node {
            let value = self.at_key(key, |at| T::read(written, at));
            if value.is_some() {
                self.used.push(address(written));
                return value;
            }
            node = written.under();
        }
        None
    }

    /// Notes that `key` of the table at `node` is missing, unless it is there and bad, which is noted when it is read.
    pub fn require(&mut self, node: &Node, key: &str) {
        if matches!(&node.item, Item::Table(table) if !table.contains_key(key)) {
            self.at_key(key, |at| at.problem(node, "missing, and required"));
        }
    }

    /// Names the keys of `table` that are none of `known`.
    pub fn unknown_keys(&mut self, table: &Table, known: &[&'static str]) {
        let unknown = table.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        for (count, (key, node)) in unknown.enumerate() {
            let why = match (count < ADVISED_AT_MOST).then(|| nearest(key, known)) {
                Some(Some(meant)) => format!("unknown key; did you mean {meant}?").into(),
                Some(None) => format!("unknown key; known here: {}", known.join(", ")).into(),
                None => Cow::Borrowed("unknown key"),
            };
            self.at_key(key, |at| at.problem(node, why));
        }
    }

    /// Reads the record at `node`: `None` if anything in it was wrong, or lost to a syntax error (named already).
    pub fn whole<T>(&mut self, node: &Node, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if node.is_torn() {
            return None;
        }
        let used = self.used.len();
        let (value, clean) = self.checked(read);
        let value = value.filter(|_| clean);
        if value.is_none() {
            self.used.truncate(used);
        }
        value
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
        Shape::Scalar(T::FACTS)
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let parsed = match &node.item {
            Item::Text(text) if text == MARK && (T::FACTS.secret || T::FACTS.secret_with_user) => {
                Err(secret::MARKED)
            }
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

    fn write(&self) -> Option<Value> {
        Some(Scalar::value(self))
    }
}

impl Setting for bool {
    fn shape() -> Shape {
        Shape::Scalar(Facts::new(Kind::Boolean, "true or false"))
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

    fn write(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }
}

impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        T::read(node, at).map(Some)
    }

    fn write(&self) -> Option<Value> {
        self.as_ref()?.write()
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

    fn write(&self) -> Option<Value> {
        Some(Value::List(self.iter().filter_map(T::write).collect()))
    }
}

impl<K: Scalar + Ord, V: Setting> Setting for BTreeMap<K, V> {
    fn shape() -> Shape {
        Shape::Map { key: K::FACTS, value: Box::new(V::shape()) }
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let table = at.table(node)?;
        let mut map = BTreeMap::new();
        for (key, written) in table {
            match K::parse(key) {
                // A table of which a syntax error left nothing is not there.
                Ok(_)
                    if written.is_torn_itself()
                        && matches!(&written.item, Item::Table(left) if left.is_empty()) => {}
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

    fn write(&self) -> Option<Value> {
        let entries = self.iter().filter_map(|(key, value)| Some((key.text(), value.write()?)));
        Some(Value::Table(entries.collect()))
    }
}

/// A table with known keys: one struct, from which come reading, writing, the errors, the schema and the reference
/// page.
///
/// `pub field: Type = "key",` with `Type: Setting + Default`; an absent key is the default. Behind the struct, `as record`
/// makes it one ([`Reader::whole`]), `requires "key", ..` names keys that have to be there, and `check function` names what single values cannot be blamed for: a
/// `fn(&mut Self, &Table, &mut Reader)`, with the reader at the table. What it takes out of a group that is no record it
/// also tells the reader ([`Reader::discard`]).
macro_rules! group {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( $(#[doc = $doc:expr])* pub $field:ident: $Type:ty = $key:literal, )*
        }
        $(as $record:ident)?
        $(requires $($required:literal),+)?
        $(check $check:path)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $Name {
            $( $(#[doc = $doc])* pub $field: $Type, )*
        }

        impl $Name {
            /// What the table's known keys say; the others are named.
            pub(crate) fn read_table(table: &$crate::tree::Table, at: &mut $crate::read::Reader) -> Self {
                at.unknown_keys(table, &[$($key),*]);
                #[allow(unused_mut)]
                let mut read = $Name { $( $field: at.field(table, $key), )* };
                $( $check(&mut read, table, at); )?
                read
            }
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
                let read = |at: &mut $crate::read::Reader| {
                    let table = at.table(node)?;
                    $($( at.require(node, $required); )+)?
                    Some(Self::read_table(table, at))
                };
                let is_record = !concat!($(stringify!($record))?).is_empty();
                if is_record { at.whole(node, read) } else { read(at) }
            }

            fn write(&self) -> Option<$crate::value::Value> {
                // What is as if nobody had written it is not there.
                Some($crate::value::Value::table([
                    $((
                        $key,
                        (self.$field != <$Type>::default())
                            .then(|| $crate::read::Setting::write(&self.$field))
                            .flatten(),
                    ),)*
                ]))
            }
        }
    };
}
pub(crate) use group;
