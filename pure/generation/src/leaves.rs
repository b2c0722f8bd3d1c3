//! What a layer says, by path: the form in which migrations and joins see values.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};
use settings::Layer;
use settings::tree::{Item, Node, Stamp, Table, Tree};

use crate::escape;

/// The keys on the way to a value, `settings` first.
pub type Path = Vec<String>;

/// A value that is not a table, or an empty or torn table; and when it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// The value as it stands in the file.
    pub value: Value,
    /// When it was written.
    pub stamp: Option<Stamp>,
}

/// Everything that one layer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Leaves(pub BTreeMap<Path, Leaf>);

/// Everything that all layers say, by the layer's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents(pub BTreeMap<String, Leaves>);

impl Leaf {
    /// Whether it says only that there is a table here.
    pub(crate) fn is_table(&self) -> bool {
        self.value.as_object().is_some_and(|object| escape::table(object).is_some())
    }

    fn is_empty_table(&self) -> bool {
        self.value.as_object().is_some_and(Map::is_empty)
    }
}

impl Leaves {
    /// What a tree of one layer says.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut leaves = Self::default();
        leaves.take(&tree.root, &mut Path::new());
        leaves
    }

    fn take(&mut self, table: &Table, path: &mut Path) {
        for (key, node) in table {
            path.push(key.clone());
            match &node.item {
                Item::Table(inner) => {
                    if inner.is_empty() || node.is_torn_itself() {
                        let value = escape::marker(node.is_torn_itself());
                        self.0.insert(path.clone(), Leaf { value, stamp: None });
                    }
                    self.take(inner, path);
                }
                _ => {
                    let leaf = Leaf { value: escape::value(node), stamp: node.stamp };
                    self.0.insert(path.clone(), leaf);
                }
            }
            path.pop();
        }
    }

    /// The tree that says this, if one does: the path where none can, and why.
    pub(crate) fn tree(&self, layer: Layer) -> Result<Tree, (Path, &'static str)> {
        let mut tree = Tree::default();
        for (path, leaf) in &self.0 {
            plant(&mut tree.root, layer, path, leaf).map_err(|why| (path.clone(), why))?;
        }
        Ok(tree)
    }

    /// Everything at a path and under it.
    pub fn under<'l>(&'l self, path: &[&str]) -> impl Iterator<Item = (&'l Path, &'l Leaf)> {
        let from = owned(path);
        let rest = self.0.range(from.clone()..);
        rest.take_while(move |(at, _)| at.starts_with(&from))
    }

    /// Takes out everything at a path and under it.
    pub fn remove(&mut self, path: &[&str]) -> Vec<(Path, Leaf)> {
        let paths: Vec<Path> = self.under(path).map(|(at, _)| at.clone()).collect();
        paths.into_iter().filter_map(|at| self.0.remove_entry(&at)).collect()
    }

    /// What was at a path and under it is at another; what was there before is gone. Values keep their time. Nothing happens where
    /// nothing is at the path.
    pub fn rename(&mut self, from: &[&str], to: &[&str]) {
        let moved = self.remove(from);
        if moved.is_empty() {
            return;
        }
        self.remove(to);
        for (path, leaf) in moved {
            let rest = path.into_iter().skip(from.len());
            self.put(owned(to).into_iter().chain(rest).collect(), leaf);
        }
    }

    /// Puts a value in. What cannot be there beside it goes: on its way, values and the word that a table is empty; and, unless it only
    /// says that there is a table, everything under it.
    pub fn put(&mut self, path: Path, leaf: Leaf) {
        let keys: Vec<&str> = path.iter().map(String::as_str).collect();
        if !leaf.is_table() {
            self.remove(&keys);
        } else if leaf.is_empty_table() && self.under(&keys).any(|(at, _)| at.len() > keys.len()) {
            return;
        }
        for parents in 1..path.len() {
            if self.0.get(&path[..parents]).is_some_and(|leaf| !leaf.is_table() || leaf.is_empty_table()) {
                self.0.remove(&path[..parents]);
            }
        }
        self.0.insert(path, leaf);
    }

    /// Gives the value at a path another, or takes it out. Its time stays.
    pub fn change(&mut self, path: &[&str], into: impl FnOnce(&Value) -> Option<Value>) {
        let path = owned(path);
        if let Some(leaf) = self.0.get_mut(&path) {
            match into(&leaf.value) {
                Some(value) => leaf.value = value,
                None => drop(self.0.remove(&path)),
            }
        }
    }
}

impl Contents {
    /// [`Leaves::remove`] in every layer.
    pub fn remove(&mut self, path: &[&str]) {
        self.0.values_mut().for_each(|leaves| drop(leaves.remove(path)));
    }

    /// [`Leaves::rename`] in every layer.
    pub fn rename(&mut self, from: &[&str], to: &[&str]) {
        self.0.values_mut().for_each(|leaves| leaves.rename(from, to));
    }

    /// [`Leaves::change`] in every layer.
    pub fn change(&mut self, path: &[&str], into: impl Fn(&Value) -> Option<Value>) {
        self.0.values_mut().for_each(|leaves| leaves.change(path, &into));
    }
}

fn owned(path: &[&str]) -> Path {
    path.iter().map(|key| (*key).to_owned()).collect()
}

/// Puts one leaf in its place. Leaves come in order of their paths, so a table's own leaf comes before what is in it.
fn plant(root: &mut Table, layer: Layer, path: &[String], leaf: &Leaf) -> Result<(), &'static str> {
    const BOTH: &str = "both a value and a table";
    let (last, parents) = path.split_last().ok_or("a value without a key")?;
    let mut table = root;
    for key in parents {
        let empty = || Node::new(layer, Item::Table(Table::new()));
        match &mut table.entry(key.clone()).or_insert_with(empty).item {
            Item::Table(inner) => table = inner,
            _ => return Err(BOTH),
        }
    }
    let mut node = escape::node(&leaf.value, layer)?;
    node.stamp = leaf.stamp;
    match &node.item {
        Item::Table(inner) if !inner.is_empty() => return Err("a table as a value"),
        Item::Table(_) if leaf.stamp.is_some() => return Err("a table with a time"),
        _ => {}
    }
    match table.insert(last.clone(), node) {
        None => Ok(()),
        Some(_) => Err(BOTH),
    }
}
