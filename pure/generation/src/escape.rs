//! One value in JSON, also where JSON has no word for it.
//!
//! Almost every value is itself. What is not is an object with a key that begins with one `$`; a genuine key that does gets a
//! second one. `{"$date":true}`: a date or time. `{"$float":"nan"}`: a float that JSON cannot write. `{"$unusable":"why"}`:
//! something its source wrote and nobody could keep. `"$torn":true` in a table: something written there was lost to a syntax
//! error; `{"$torn":true,"$value":..}` the same of what is not a table.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde_json::{Map, Number, Value};
use settings::Layer;
use settings::tree::{Item, Node, Table};

const DATE: &str = "$date";
const FLOAT: &str = "$float";
const UNUSABLE: &str = "$unusable";
const TORN: &str = "$torn";
const VALUE: &str = "$value";

/// A table that is empty or torn, without what is in it.
pub(crate) fn marker(torn: bool) -> Value {
    let mut marker = Map::new();
    if torn {
        marker.insert(TORN.to_owned(), Value::Bool(true));
    }
    Value::Object(marker)
}

/// A key as it stands in an object.
pub(crate) fn key(key: &str) -> String {
    if key.starts_with('$') { ["$", key].concat() } else { key.to_owned() }
}

/// The key that stands in an object, if it is one.
pub(crate) fn plain(key: &str) -> Option<&str> {
    match key.strip_prefix('$') {
        Some(rest) if rest.starts_with('$') => Some(rest),
        Some(_) => None,
        None => Some(key),
    }
}

/// Whether a word with `$` belongs to a table's own leaf.
pub(crate) fn is_about_its_table(key: &str) -> bool {
    key == TORN
}

/// Whether an object is a table, and then whether it is torn; `None`: it stands for something else.
pub(crate) fn table(object: &Map<String, Value>) -> Option<bool> {
    let other = [DATE, FLOAT, UNUSABLE, VALUE].iter().any(|word| object.contains_key(*word));
    (!other).then(|| object.contains_key(TORN))
}

/// What is written, with all that is in it.
pub(crate) fn value(node: &Node) -> Value {
    let value = match &node.item {
        Item::Text(text) => Value::String(text.clone()),
        Item::Integer(number) => Value::Number((*number).into()),
        Item::Float(number) => match Number::from_f64(*number) {
            Some(number) => Value::Number(number),
            None => word(FLOAT, Value::String(number.to_string())),
        },
        Item::Boolean(truth) => Value::Bool(*truth),
        Item::Datetime => word(DATE, Value::Bool(true)),
        Item::Unusable(why) => word(UNUSABLE, Value::String(why.clone().into_owned())),
        Item::List(list) => Value::Array(list.iter().map(value).collect()),
        Item::Table(inner) => {
            let entries = inner.iter().map(|(name, node)| (key(name), value(node)));
            let mut object: Map<_, _> = entries.collect();
            if node.is_torn_itself() {
                object.insert(TORN.to_owned(), Value::Bool(true));
            }
            return Value::Object(object);
        }
    };
    if node.is_torn_itself() {
        let torn = [(TORN.to_owned(), Value::Bool(true)), (VALUE.to_owned(), value)];
        return Value::Object(torn.into_iter().collect());
    }
    value
}

fn word(word: &str, value: Value) -> Value {
    Value::Object([(word.to_owned(), value)].into_iter().collect())
}

/// What [`value`] made the value of; or why nobody can have.
pub(crate) fn node(value: &Value, layer: Layer) -> Result<Node, &'static str> {
    let item = match value {
        Value::Null => return Err("null is no value"),
        Value::Bool(truth) => Item::Boolean(*truth),
        Value::String(text) => Item::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => Item::Integer(number),
            (None, Some(number)) if number.is_finite() && !value.is_u64() => Item::Float(number),
            _ => return Err("a number too large"),
        },
        Value::Array(list) => {
            Item::List(list.iter().map(|value| node(value, layer)).collect::<Result<Vec<_>, _>>()?)
        }
        Value::Object(object) => return of_object(object, layer),
    };
    Ok(Node::new(layer, item))
}

fn of_object(object: &Map<String, Value>, layer: Layer) -> Result<Node, &'static str> {
    let item = if let Some(torn) = table(object) {
        let mut inner = Table::new();
        for (name, value) in object.iter().filter(|(name, _)| *name != TORN) {
            let name = plain(name).ok_or("a word with $ that has no meaning")?;
            inner.insert(name.to_owned(), node(value, layer)?);
        }
        let node = Node::new(layer, Item::Table(inner));
        return Ok(if torn { node.torn() } else { node });
    } else if let (Some(value), Some(_), 2) = (object.get(VALUE), object.get(TORN), object.len()) {
        return match value {
            Value::Object(object) if table(object).is_some() || object.contains_key(VALUE) => {
                Err("a torn table that is not a table")
            }
            value => node(value, layer).map(Node::torn),
        };
    } else if object.len() != 1 {
        return Err("a word with $ that does not stand alone");
    } else if object.get(DATE) == Some(&Value::Bool(true)) {
        Item::Datetime
    } else if let Some(why) = object.get(UNUSABLE).and_then(Value::as_str) {
        Item::Unusable(Cow::Owned(why.to_owned()))
    } else {
        match object.get(FLOAT).and_then(Value::as_str) {
            Some("NaN") => Item::Float(f64::NAN),
            Some("inf") => Item::Float(f64::INFINITY),
            Some("-inf") => Item::Float(f64::NEG_INFINITY),
            _ => return Err("a word with $ that has no meaning"),
        }
    };
    Ok(Node::new(layer, item))
}
