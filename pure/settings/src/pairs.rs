//! `key=value` to tree, for the API and people at a shell: each text becomes what the model wants at its key.
//!
//! Holds always: a text becomes what it can be read as at its key, or is a problem; nothing is guessed. A key the
//! model does not know keeps its text, for `validate` to name.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::json::json_item;
use crate::key::KeyPath;
use crate::limits::LIMITS;
use crate::model::Document;
use crate::problem::{Problem, push_key};
use crate::read::Setting;
use crate::shape::{Kind, Shape};
use crate::tree::{Item, Layer, Node, Table, Tree};

/// The document that these pairs make. `settings.` at the start of a key may be left out.
pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
    pairs: &[(K, V)],
    layer: Layer,
) -> Result<Tree, Vec<Problem>> {
    let model = Document::shape();
    let mut tree = Tree::default();
    let mut problems = Vec::new();
    for (key, text) in pairs {
        let path = match KeyPath::parse(key.as_ref()) {
            Ok(path) => path.with_settings(),
            Err(invalid) => {
                let mut path = Default::default();
                push_key(&mut path, key.as_ref());
                problems.push(Problem { layer, path, why: invalid.0 });
                continue;
            }
        };
        let planted = item(text.as_ref(), model.at(&path), layer)
            .and_then(|item| plant(&mut tree.root, path.segments(), Node::new(layer, item), layer));
        if let Err(why) = planted {
            problems.push(Problem { layer, path: path.to_string(), why });
        }
    }
    if problems.is_empty() { Ok(tree) } else { Err(problems) }
}

/// The text as what the model wants.
fn item(text: &str, shape: Option<&Shape>, layer: Layer) -> Result<Item, Cow<'static, str>> {
    let Some(shape) = shape else { return Ok(Item::Text(text.into())) };
    let bracket = text.trim_start().starts_with(['[', '{']);
    let Some(facts) = shape.scalar().filter(|_| !(bracket && (shape.entry(0).is_some() || shape.is_table())))
    else {
        return match json_item(text, layer, &LIMITS) {
            Some(item @ (Item::List(_) | Item::Table(_))) => Ok(item),
            _ => Err(format!("wanted it as JSON: {}", shape.words()).into()),
        };
    };
    let wanted = || Cow::Owned(format!("wanted {}", facts.words));
    match facts.kind {
        Kind::Text | Kind::TextOrNumber => Ok(Item::Text(text.into())),
        Kind::Integer => text.parse().map(Item::Integer).map_err(|_| wanted()),
        Kind::Boolean => text.parse().map(Item::Boolean).map_err(|_| wanted()),
    }
}

/// Puts `node` at `path`, making the tables on the way.
fn plant(
    table: &mut Table,
    path: &[alloc::string::String],
    node: Node,
    layer: Layer,
) -> Result<(), Cow<'static, str>> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        return match table.insert(key.to_string(), node) {
            None => Ok(()),
            Some(_) => Err("this key, or one below it, is written twice".into()),
        };
    }
    let below = table.entry(key.to_string()).or_insert_with(|| Node::new(layer, Item::Table(Table::new())));
    match &mut below.item {
        Item::Table(inner) => plant(inner, rest, node, layer),
        _ => Err("a key above it is written too".into()),
    }
}
