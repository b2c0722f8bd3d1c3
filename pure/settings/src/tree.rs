//! A settings document as written: values without meaning, each knowing which layer it came from.
//!
//! Holds always: a value that a later layer replaced stays underneath (`Node::under`), so a bad value can
//! give way to the one below it, and `merge` is associative: it does not matter in which order layers are put
//! together, only which is above which. Neither `Debug` of a tree nor any problem shows a text, because it
//! may be a password.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use crate::layer::{Layer, Stamp};

/// A table's entries.
pub type Table = BTreeMap<String, Node>;

/// A whole document, of one layer or of several merged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tree {
    /// Top level entries. The only one with a meaning is `settings`.
    pub root: Table,
}

/// A value, who wrote it, and what it replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Who wrote it; for a table the last who wrote into it.
    pub layer: Layer,
    /// When it was written; `None` for tables, for what the image says, and before it is committed.
    pub stamp: Option<Stamp>,
    /// What was written.
    pub item: Item,
    /// Something written in it was lost to a syntax error.
    torn: bool,
    under: Option<Box<Node>>,
}

/// What was written.
#[derive(Clone, PartialEq)]
pub enum Item {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A float.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or time. No setting is one, so it is only known to be there.
    Datetime,
    /// A list. Later layers replace it whole.
    List(Vec<Node>),
    /// A table. Later layers add to it.
    Table(Table),
    /// Something that could not be kept, and why. It stays in its place, so that nobody takes it for never written.
    Unusable(Cow<'static, str>),
}

impl Tree {
    /// This document with `upper` laid over it.
    pub fn merge(mut self, upper: Tree) -> Tree {
        merge_tables(&mut self.root, upper.root);
        self
    }

    /// Notes that `layer` wrote something into the table at `path` that was lost. Tables on the way are made,
    /// so that layers below learn of it too; a list or a value on the way is itself marked.
    pub(crate) fn tear(&mut self, layer: Layer, path: &[String]) {
        let mut table = &mut self.root;
        for (index, key) in path.iter().enumerate() {
            let node =
                table.entry(key.clone()).or_insert_with(|| Node::new(layer, Item::Table(Table::new())));
            match &mut node.item {
                Item::Table(inner) if index + 1 < path.len() => table = inner,
                _ => {
                    node.torn = true;
                    return;
                }
            }
        }
    }

    /// What stands at a path of keys, if something does.
    pub fn node(&self, path: &[&str]) -> Option<&Node> {
        let (last, parents) = path.split_last()?;
        let mut table = &self.root;
        for key in parents {
            match &table.get(*key)?.item {
                Item::Table(inner) => table = inner,
                _ => return None,
            }
        }
        table.get(*last)
    }
}

impl Node {
    /// A value as `layer` wrote it.
    pub fn new(layer: Layer, item: Item) -> Self {
        Node { layer, stamp: None, item, torn: false, under: None }
    }

    /// Whether something written here, or anywhere below, was lost to a syntax error.
    pub fn is_torn(&self) -> bool {
        self.torn
            || match &self.item {
                Item::Table(table) => table.values().any(Node::is_torn),
                Item::List(list) => list.iter().any(Node::is_torn),
                _ => false,
            }
    }

    /// Whether something written right here was lost: what a stored document has to keep beside its values.
    pub fn is_torn_itself(&self) -> bool {
        self.torn
    }

    /// The same, with something written right here known to be lost.
    #[must_use]
    pub fn torn(self) -> Self {
        Node { torn: true, ..self }
    }

    /// The value this one replaced.
    pub fn under(&self) -> Option<&Node> {
        self.under.as_deref()
    }

    fn merge(self, upper: Node) -> Node {
        match upper.under {
            // What upper replaced is below it and above us: lay that over us first.
            Some(under) => Node { under: Some(Box::new(self.merge(*under))), ..upper },
            None => match (self.item, upper.item) {
                (Item::Table(mut table), Item::Table(over)) => {
                    merge_tables(&mut table, over);
                    let torn = self.torn || upper.torn;
                    let (layer, stamp) = (upper.layer, upper.stamp);
                    Node { layer, stamp, item: Item::Table(table), torn, under: self.under }
                }
                (item, over) => {
                    let below = Node { item, ..self };
                    Node { item: over, under: Some(Box::new(below)), ..upper }
                }
            },
        }
    }
}

fn merge_tables(table: &mut Table, upper: Table) {
    for (key, over) in upper {
        let merged = match table.remove(&key) {
            Some(node) => node.merge(over),
            None => over,
        };
        table.insert(key, merged);
    }
}

impl Item {
    /// What kind of value this is, as an error says it.
    pub fn kind(&self) -> &str {
        match self {
            Item::Text(_) => "text",
            Item::Integer(_) => "an integer",
            Item::Float(_) => "a float",
            Item::Boolean(_) => "a boolean",
            Item::Datetime => "a date or time",
            Item::List(_) => "a list",
            Item::Table(_) => "a table",
            Item::Unusable(why) => why,
        }
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::List(nodes) => f.debug_list().entries(nodes).finish(),
            Item::Table(table) => f.debug_map().entries(table).finish(),
            scalar => f.write_str(scalar.kind()),
        }
    }
}
