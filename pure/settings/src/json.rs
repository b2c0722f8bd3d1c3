//! JSON to tree, for the API: strict, because its author is there to mend it.
//!
//! Holds always: either the whole document is in the tree, as the same document in TOML would be, or there is no tree.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::limits::Limits;
use crate::problem::{Problem, push_index, push_key};
use crate::tree::{Item, Layer, Node, Table, Tree};

/// What the top of a JSON document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rooted {
    /// `{"settings": {"motd": ...}}`
    AtTop,
    /// `{"motd": ...}`, as Bottlerocket's `PATCH /settings` has it.
    AtSettings,
}

/// Reads one document, or names everything that is wrong with it.
pub fn from_json(bytes: &[u8], layer: Layer, rooted: Rooted, limits: &Limits) -> Result<Tree, Vec<Problem>> {
    let document = |why: Cow<'static, str>| vec![Problem { layer, path: "(document)".to_string(), why }];
    if bytes.len() > limits.text_bytes {
        return Err(document(format!("longer than {} bytes", limits.text_bytes).into()));
    }
    let text = core::str::from_utf8(bytes)
        .map_err(|err| document(format!("not UTF-8 at byte {}", err.valid_up_to()).into()))?;
    let path = match rooted {
        Rooted::AtTop => String::new(),
        Rooted::AtSettings => "settings".to_string(),
    };
    let mut planter = Planter { layer, limits, nodes: 0, path, problems: Vec::new() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_any(Place { planter: &mut planter, depth: depth_of(rooted) });
    let item = match read.and_then(|item| json.end().map(|()| item)) {
        Ok(item) => item,
        // The parser's words name no values.
        Err(err) => return Err(document(format!("not JSON: {err}").into())),
    };
    if planter.nodes > limits.nodes {
        return Err(document(format!("more than {} values and tables", limits.nodes).into()));
    }
    let table = match item {
        Item::Table(table) => table,
        item => return Err(document(format!("wanted an object, found {}", item.kind()).into())),
    };
    if !planter.problems.is_empty() {
        return Err(planter.problems);
    }
    let root = match rooted {
        Rooted::AtTop => table,
        Rooted::AtSettings => Table::from([("settings".to_string(), Node::new(layer, Item::Table(table)))]),
    };
    Ok(Tree { root })
}

/// How many tables the top stands in.
fn depth_of(rooted: Rooted) -> usize {
    match rooted {
        Rooted::AtTop => 0,
        Rooted::AtSettings => 1,
    }
}

/// Turns the parser's values into ours.
struct Planter<'l> {
    layer: Layer,
    limits: &'l Limits,
    nodes: usize,
    path: String,
    problems: Vec<Problem>,
}

impl Planter<'_> {
    fn problem(&mut self, why: impl Into<Cow<'static, str>>) {
        let path = if self.path.is_empty() { "(document)".to_string() } else { self.path.clone() };
        self.problems.push(Problem { layer: self.layer, path, why: why.into() });
    }
}

/// Where the next value goes.
struct Place<'p, 'l> {
    planter: &'p mut Planter<'l>,
    depth: usize,
}

impl Place<'_, '_> {
    /// Whether a table or list may stand here.
    fn deep_enough(&mut self) -> bool {
        let fits = self.depth < self.planter.limits.depth;
        if !fits {
            self.planter.problem("tables or lists too deep in each other");
        }
        fits
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Node, D::Error> {
        let layer = self.planter.layer;
        self.planter.nodes += 1;
        if self.planter.nodes > self.planter.limits.nodes {
            return Err(D::Error::custom("too many values and tables"));
        }
        Ok(Node::new(layer, json.deserialize_any(self)?))
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Item, E> {
        Ok(Item::Boolean(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Item, E> {
        Ok(Item::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Item, E> {
        Ok(i64::try_from(number).map_or_else(
            |_| {
                self.planter.problem("an integer of more than 64 bits");
                Item::Integer(i64::MAX)
            },
            Item::Integer,
        ))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Item, E> {
        Ok(Item::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Item, E> {
        Ok(Item::Text(text.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Item, E> {
        self.planter.problem("null; to take a setting back, delete its key");
        Ok(Item::Unusable("null".into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut entries: A) -> Result<Item, A::Error> {
        if !self.deep_enough() {
            while entries.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            return Ok(Item::List(Vec::new()));
        }
        let mut list = Vec::new();
        loop {
            let length = self.planter.path.len();
            push_index(&mut self.planter.path, list.len());
            let entry =
                entries.next_element_seed(Place { planter: &mut *self.planter, depth: self.depth + 1 });
            self.planter.path.truncate(length);
            match entry? {
                Some(node) => list.push(node),
                None => return Ok(Item::List(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Item, A::Error> {
        if !self.deep_enough() {
            while entries.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
            return Ok(Item::Table(Table::new()));
        }
        let mut table = Table::new();
        while let Some(key) = entries.next_key::<String>()? {
            let length = self.planter.path.len();
            push_key(&mut self.planter.path, &key);
            let value = entries.next_value_seed(Place { planter: &mut *self.planter, depth: self.depth + 1 });
            if value.is_ok() && table.contains_key(&key) {
                self.planter.problem("written twice");
            }
            self.planter.path.truncate(length);
            table.insert(key, value?);
        }
        Ok(Item::Table(table))
    }
}

/// One JSON value by itself, if the text is one and nothing is wrong with it.
pub(crate) fn json_item(text: &str, layer: Layer, limits: &Limits) -> Option<Item> {
    let mut planter = Planter { layer, limits, nodes: 0, path: String::new(), problems: Vec::new() };
    let mut json = serde_json::Deserializer::from_str(text);
    let item = json.deserialize_any(Place { planter: &mut planter, depth: 0 }).ok()?;
    (json.end().is_ok() && planter.problems.is_empty()).then_some(item)
}
