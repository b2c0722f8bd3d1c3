//! What is in effect, as plain values: the form in which settings leave for the API, a diff or a completion.
//!
//! Holds always: neither `Debug`, `Display` nor `Serialize` of a value shows a secret; only [`Value::to_json`] with
//! [`Secrets::Shown`] does, and whoever calls it answers for who reads the result.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::{Serialize, Serializer};

use crate::key::KeyPath;
use crate::scalar::Secret;
use crate::scalar::secret::MARK;
use crate::shape::Shape;
use crate::tree::{Item, Layer, Node, Tree};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A text that is not shown.
    Secret(Secret),
    /// A list.
    List(Vec<Value>),
    /// A table.
    Table(BTreeMap<String, Value>),
}

/// What becomes of secrets when values are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// `"(secret)"` stands for each.
    Marked,
    /// They are written in clear.
    Shown,
}

impl Value {
    /// A table of nothing.
    pub const EMPTY: Value = Value::Table(BTreeMap::new());

    /// A table of those that are there.
    pub(crate) fn table<const N: usize>(entries: [(&str, Option<Value>); N]) -> Value {
        let there = entries.into_iter().filter_map(|(key, value)| Some((key.to_string(), value?)));
        Value::Table(there.collect())
    }

    /// The value as JSON.
    pub fn to_json(&self, secrets: Secrets) -> serde_json::Value {
        match self {
            Value::Text(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::Secret(secret) => match secrets {
                Secrets::Marked => MARK.into(),
                Secrets::Shown => secret.expose().into(),
            },
            Value::List(list) => list.iter().map(|value| value.to_json(secrets)).collect(),
            Value::Table(table) => {
                let entries = table.iter().map(|(key, value)| (key.clone(), value.to_json(secrets)));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// What stands at `key`, seen from here.
    pub fn at(&self, key: &KeyPath) -> Option<&Value> {
        key.segments().iter().try_fold(self, |value, segment| match value {
            Value::Table(table) => table.get(segment),
            _ => None,
        })
    }

    /// Only the leaves whose dotted keys start with this text, as Bottlerocket's `prefix` has it
    /// (`settings.network.host` is true of `settings.network.hosts` too).
    pub fn filtered(&self, prefix: &str) -> Value {
        self.keep(&mut |key| key.to_string().starts_with(prefix))
    }

    /// Only the leaves at these keys or below them.
    pub fn only(&self, keys: &[KeyPath]) -> Value {
        self.keep(&mut |leaf| keys.iter().any(|key| leaf.starts_with(key)))
    }

    /// Only the leaves that are not at these keys nor below them.
    pub fn without(&self, keys: &[KeyPath]) -> Value {
        self.keep(&mut |leaf| !keys.iter().any(|key| leaf.starts_with(key)))
    }

    fn keep(&self, wanted: &mut dyn FnMut(&KeyPath) -> bool) -> Value {
        fn kept<'v>(
            value: &'v Value,
            path: &mut Vec<&'v str>,
            wanted: &mut dyn FnMut(&KeyPath) -> bool,
        ) -> Option<Value> {
            match value {
                Value::Table(table) if !table.is_empty() => {
                    let mut rest = BTreeMap::new();
                    for (key, value) in table {
                        path.push(key);
                        rest.extend(kept(value, path, wanted).map(|value| (key.clone(), value)));
                        path.pop();
                    }
                    (!rest.is_empty()).then_some(Value::Table(rest))
                }
                leaf => KeyPath::of(path).is_some_and(|key| wanted(&key)).then(|| leaf.clone()),
            }
        }
        kept(self, &mut Vec::new(), wanted).unwrap_or(Value::EMPTY)
    }

    /// Every leaf (a table of nothing is one) with its key, in the order of keys.
    pub fn leaves(&self) -> Vec<(KeyPath, &Value)> {
        fn walk<'v>(value: &'v Value, path: &mut Vec<&'v str>, out: &mut Vec<(KeyPath, &'v Value)>) {
            match value {
                Value::Table(table) if !table.is_empty() => {
                    for (key, value) in table {
                        path.push(key);
                        walk(value, path, out);
                        path.pop();
                    }
                }
                leaf => out.extend(KeyPath::of(path).map(|key| (key, leaf))),
            }
        }
        let mut out = Vec::new();
        walk(self, &mut Vec::new(), &mut out);
        out
    }

    /// The same with a mark in the place of every secret, so that nothing made of it can show one.
    #[must_use]
    pub fn marked(&self) -> Value {
        match self {
            Value::Secret(_) => Value::Text(MARK.to_string()),
            Value::List(list) => Value::List(list.iter().map(Value::marked).collect()),
            Value::Table(table) => {
                Value::Table(table.iter().map(|(key, value)| (key.clone(), value.marked())).collect())
            }
            plain => plain.clone(),
        }
    }

    /// The value as `layer` would have written it.
    pub fn to_node(&self, layer: Layer) -> Node {
        let item = match self {
            Value::Text(text) => Item::Text(text.clone()),
            Value::Integer(number) => Item::Integer(*number),
            Value::Boolean(truth) => Item::Boolean(*truth),
            Value::Secret(secret) => Item::Text(secret.expose().to_string()),
            Value::List(list) => Item::List(list.iter().map(|value| value.to_node(layer)).collect()),
            Value::Table(table) => {
                Item::Table(table.iter().map(|(key, value)| (key.clone(), value.to_node(layer))).collect())
            }
        };
        Node::new(layer, item)
    }

    /// The document that holds this value at `key` and nothing else, as `layer` would have written it.
    pub fn to_tree(&self, key: &KeyPath, layer: Layer) -> Tree {
        let mut node = self.to_node(layer);
        let (top, below) =
            key.segments().split_first().map_or(("", &[][..]), |(top, below)| (top.as_str(), below));
        for segment in below.iter().rev() {
            node = Node::new(layer, Item::Table([(segment.clone(), node)].into()));
        }
        Tree { root: [(top.to_string(), node)].into() }
    }

    /// What was written at `node`, where `shape` may stand (`None`: nothing may).
    ///
    /// What stands where nothing or something else belongs may be anything, a misspelled password too: a secret.
    pub(crate) fn of_node(node: &Node, shape: Option<&Shape>) -> Value {
        let plain = match (&node.item, shape) {
            (Item::List(list), Some(shape)) if shape.entry(0).is_some() => {
                let entries = list.iter().enumerate();
                return Value::List(
                    entries.map(|(index, node)| Value::of_node(node, shape.entry(index))).collect(),
                );
            }
            (Item::Table(table), Some(shape)) if shape.is_table() => {
                let entries = table.iter();
                let entries =
                    entries.map(|(key, node)| (key.clone(), Value::of_node(node, shape.child(key))));
                return Value::Table(entries.collect());
            }
            (Item::Text(text), _) => Value::Text(text.clone()),
            (Item::Integer(number), _) => Value::Integer(*number),
            (Item::Boolean(truth), _) => Value::Boolean(*truth),
            (Item::Float(number), _) => Value::Text(format!("{number}")),
            (Item::Datetime | Item::Unusable(_) | Item::List(_) | Item::Table(_), _) => {
                return Value::Text(format!("({})", node.item.kind()));
            }
        };
        match shape.and_then(Shape::scalar) {
            Some(facts)
                if !facts.secret && !matches!(&plain, Value::Text(text) if facts.hides_written(text)) =>
            {
                plain
            }
            _ => Value::Secret(Secret::new(match plain {
                Value::Text(text) => text,
                other => other.to_string(),
            })),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json(Secrets::Marked))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Boolean(truth) => serializer.serialize_bool(*truth),
            Value::Secret(_) => serializer.serialize_str(MARK),
            Value::List(list) => serializer.collect_seq(list),
            Value::Table(table) => serializer.collect_map(table),
        }
    }
}
