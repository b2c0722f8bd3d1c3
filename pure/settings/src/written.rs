//! The first step: text to tree.
//!
//! Holds always: a syntax error voids the table it stands in (see `repair`) and no other. No text, however hostile,
//! costs more than [`Limits`] allow.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use toml::de::{DeTable, DeValue};

use crate::limits::Limits;
use crate::problem::{Problem, push_key};
use crate::repair;
use crate::tree::{Item, Layer, Node, Table, Tree};

/// Reads one source. What cannot be read is named, the rest is in the tree.
pub fn as_written(bytes: &[u8], layer: Layer, limits: &Limits) -> (Tree, Vec<Problem>) {
    let document = |why: String| Problem { layer, path: "(document)".to_string(), why: why.into() };
    if bytes.len() > limits.text_bytes {
        return (Tree::default(), Vec::from([document(format!("longer than {} bytes", limits.text_bytes))]));
    }
    let text = match core::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(err) => {
            let line = 1 + bytes[..err.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            return (Tree::default(), Vec::from([document(format!("line {line}: not UTF-8"))]));
        }
    };
    if let Some(why) = foreign(text) {
        return (Tree::default(), Vec::from([document(why.to_string())]));
    }
    let mut problems = Vec::new();
    let (whole, syntax_errors) = repair::without_bad_tables(text, limits.repair_bytes);
    for error in &syntax_errors {
        let mut path = String::new();
        error.table.iter().for_each(|key| push_key(&mut path, key));
        let path = if path.is_empty() { "(document)".to_string() } else { path };
        problems.push(Problem { layer, path, why: error.why.clone().into() });
    }
    let Some(Ok(parsed)) = whole.as_deref().map(DeTable::parse) else {
        problems.push(document("too much of it is not TOML; nothing of it is used".to_string()));
        return (Tree::default(), problems);
    };
    let mut planter = Planter { layer, limits, nodes: 0 };
    let mut tree = Tree { root: planter.table(parsed.get_ref(), 1) };
    if planter.nodes > limits.nodes {
        let why = format!("more than {} values and tables", limits.nodes);
        return (Tree::default(), Vec::from([document(why)]));
    }
    for error in &syntax_errors {
        tree.tear(layer, error.torn_path());
    }
    (tree, problems)
}

/// Names what other systems take as user data and we do not, before TOML's syntax errors confuse its author.
fn foreign(text: &str) -> Option<&'static str> {
    let first = text.lines().next().unwrap_or_default();
    if first.starts_with("#cloud-config") {
        return Some("this is cloud-init's YAML; wanted TOML with a [settings] table");
    }
    if first.starts_with("#!") {
        return Some("this is a script; nothing runs scripts here, wanted TOML with a [settings] table");
    }
    if first.trim_start().starts_with('{') {
        return Some("this is JSON; wanted TOML with a [settings] table");
    }
    None
}

/// Turns the parser's values into ours.
struct Planter<'l> {
    layer: Layer,
    limits: &'l Limits,
    nodes: usize,
}

impl Planter<'_> {
    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> Table {
        let entries = table.iter();
        entries
            .filter_map(|(key, value)| Some((key.get_ref().to_string(), self.node(value.get_ref(), depth)?)))
            .collect()
    }

    /// `None` when there are too many.
    fn node(&mut self, value: &DeValue<'_>, depth: usize) -> Option<Node> {
        self.nodes += 1;
        (self.nodes <= self.limits.nodes).then(|| Node::new(self.layer, self.item(value, depth)))
    }

    fn item(&mut self, value: &DeValue<'_>, depth: usize) -> Item {
        match value {
            DeValue::String(text) => Item::Text(text.to_string()),
            DeValue::Boolean(truth) => Item::Boolean(*truth),
            DeValue::Datetime(_) => Item::Datetime,
            DeValue::Float(float) => match float.as_str().parse::<f64>() {
                Ok(float) if float.is_finite() => Item::Float(float),
                _ => Item::Unusable("a float that is not a number".into()),
            },
            DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
                Ok(integer) => Item::Integer(integer),
                Err(_) => Item::Unusable("an integer of more than 64 bits".into()),
            },
            DeValue::Array(_) | DeValue::Table(_) if depth >= self.limits.depth => {
                Item::Unusable("tables or lists too deep in each other".into())
            }
            DeValue::Table(table) => Item::Table(self.table(table, depth + 1)),
            DeValue::Array(list) => {
                Item::List(list.iter().filter_map(|value| self.node(value.get_ref(), depth + 1)).collect())
            }
        }
    }
}
