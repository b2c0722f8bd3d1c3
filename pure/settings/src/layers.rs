//! Every layer's own document, unmerged: what is stored, what a change is made to, and who said what.
//!
//! Holds always: a layer that says nothing is not there, so two hosts that are told the same are equal.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::key::KeyPath;
use crate::model::Document;
use crate::read::{Reader, Setting};
use crate::shape::Shape;
use crate::tree::{Item, Layer, Node, Stamp, Table, Tree};
use crate::value::Value;

/// What each layer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layers {
    trees: BTreeMap<Layer, Tree>,
}

/// What a deletion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deleted {
    /// The layer the key was deleted from.
    pub layer: Layer,
    /// The layer whose value shows now, if there is one.
    pub now: Option<Layer>,
}

/// What one layer says at one leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explained {
    /// Where.
    pub key: KeyPath,
    /// Who.
    pub layer: Layer,
    /// When, if it is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// What. A secret stays one, and what is no setting counts as one.
    pub value: Value,
    /// Whether it is in effect.
    pub wins: bool,
}

impl Layers {
    /// What `layer` says by itself.
    pub fn get(&self, layer: Layer) -> Option<&Tree> {
        self.trees.get(&layer)
    }

    /// Every layer that says something, in rising precedence.
    pub fn iter(&self) -> impl Iterator<Item = (Layer, &Tree)> {
        self.trees.iter().map(|(layer, tree)| (*layer, tree))
    }

    /// Replaces all that `layer` says. What it said before too, and brings no stamp of its own, keeps its stamp.
    pub fn set(&mut self, layer: Layer, mut tree: Tree) {
        tree.root.values_mut().for_each(|node| own(node, layer));
        if let Some(before) = self.trees.get(&layer) {
            inherit_stamps(&mut tree.root, &before.root);
        }
        if tree.root.is_empty() {
            self.trees.remove(&layer);
        } else {
            self.trees.insert(layer, tree);
        }
    }

    /// Lays `change` over what `layer` says. What says again what `layer` said already keeps its stamp, so a change
    /// that changes nothing leaves these equal.
    pub fn write(&mut self, layer: Layer, change: Tree, stamp: Option<Stamp>) {
        let mut tree = self.trees.remove(&layer).unwrap_or_default();
        for (key, mut node) in change.root {
            own(&mut node, layer);
            lay(&mut tree.root, key, node, stamp);
        }
        self.set(layer, tree);
    }

    /// Gives every leaf that has none this stamp: what a commit does. The image's have none ever.
    pub fn stamp(&mut self, stamp: Stamp) {
        for (layer, tree) in &mut self.trees {
            if *layer != Layer::Image {
                tree.root.values_mut().for_each(|node| give_stamp(node, stamp));
            }
        }
    }

    /// Deletes `key` from the topmost layer that has it and may lose it, so that the next lower one's value shows.
    /// `None`: no such layer has it.
    pub fn delete(&mut self, key: &KeyPath) -> Option<Deleted> {
        let path = key.segments();
        let mut having = self
            .trees
            .iter()
            .rev()
            .filter(|(_, tree)| find(&tree.root, path).is_some())
            .map(|(layer, _)| *layer);
        let layer = having.next().filter(|layer| layer.can_be_deleted_from())?;
        let now = having.next();
        let mut tree = self.trees.remove(&layer)?;
        remove(&mut tree.root, path);
        self.set(layer, tree);
        Some(Deleted { layer, now })
    }

    /// All layers in one, the higher over the lower.
    pub fn merged(&self) -> Tree {
        self.trees.values().fold(Tree::default(), |merged, tree| merged.merge(tree.clone()))
    }

    /// Every leaf at or below `key` in every layer that says something there, in the order of keys, the highest layer
    /// first.
    pub fn explain(&self, key: &KeyPath) -> Vec<Explained> {
        let merged = self.merged();
        let mut reader = Reader::default();
        Document::read_table(&merged.root, &mut reader);
        let used = reader.into_used();
        let mut explained = Vec::new();
        let shape = Document::shape();
        let mut path = Vec::new();
        visit(&merged.root, Some(&shape), key.segments(), &mut path, &mut |path, node, shape| {
            explained.extend(KeyPath::of(path).map(|key| Explained {
                key,
                layer: node.layer,
                stamp: node.stamp,
                value: Value::of_node(node, shape),
                wins: used.binary_search(&address(node)).is_ok(),
            }));
        });
        explained.sort_by(|a, b| a.key.cmp(&b.key).then(b.layer.cmp(&a.layer)));
        explained
    }

    /// Every leaf's key, of every layer.
    pub fn keys(&self) -> Vec<KeyPath> {
        let mut keys = Vec::new();
        for tree in self.trees.values() {
            visit(&tree.root, None, &[], &mut Vec::new(), &mut |path, _, _| keys.extend(KeyPath::of(path)));
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// Which node of a tree this is: its place in memory, compared and never followed.
pub(crate) fn address(node: &Node) -> usize {
    core::ptr::from_ref(node).addr()
}

/// Every leaf below `table` and at or below `key`, with what those hid.
fn visit<'t>(
    table: &'t Table,
    shape: Option<&Shape>,
    key: &[String],
    path: &mut Vec<&'t str>,
    leaf: &mut impl FnMut(&[&str], &Node, Option<&Shape>),
) {
    let (wanted, below) = match key.split_first() {
        Some((wanted, below)) => (Some(wanted), below),
        None => (None, key),
    };
    let mut entry = |key: &'t str, node: &'t Node, path: &mut Vec<&'t str>| {
        let shape = shape.and_then(|shape| shape.child(key));
        path.push(key);
        let mut node = Some(node);
        while let Some(written) = node {
            match &written.item {
                // An empty table is a leaf: it may be all that declares a name.
                Item::Table(inner) if !inner.is_empty() => visit(inner, shape, below, path, leaf),
                _ if below.is_empty() => leaf(path, written, shape),
                _ => {}
            }
            node = written.under();
        }
        path.pop();
    };
    match wanted {
        Some(wanted) => {
            if let Some((key, node)) = table.get_key_value(wanted) {
                entry(key, node, path);
            }
        }
        None => table.iter().for_each(|(key, node)| entry(key, node, path)),
    }
}

/// Makes a node and all below it `layer`'s.
fn own(node: &mut Node, layer: Layer) {
    node.layer = layer;
    match &mut node.item {
        Item::Table(table) => table.values_mut().for_each(|node| own(node, layer)),
        Item::List(list) => list.iter_mut().for_each(|node| own(node, layer)),
        _ => {}
    }
}

/// Gives leaves without a stamp the one of the same leaf that said the same.
fn inherit_stamps(table: &mut Table, before: &Table) {
    for (key, node) in table {
        match (&mut node.item, before.get(key)) {
            (Item::Table(inner), Some(Node { item: Item::Table(before), .. })) => {
                inherit_stamps(inner, before)
            }
            (item, Some(before)) if *item == before.item => node.stamp = node.stamp.or(before.stamp),
            _ => {}
        }
    }
}

/// Stamps the leaves at and below a node that have none.
fn give_stamp(node: &mut Node, stamp: Stamp) {
    match &mut node.item {
        Item::Table(table) => table.values_mut().for_each(|node| give_stamp(node, stamp)),
        _ => node.stamp = node.stamp.or(Some(stamp)),
    }
}

/// Puts `node` at `key`: tables into tables, everything else in place of what is there.
fn lay(table: &mut Table, key: String, mut node: Node, stamp: Option<Stamp>) {
    match (table.get_mut(&key).map(|there| &mut there.item), node.item) {
        (Some(Item::Table(there)), Item::Table(over)) => {
            for (key, node) in over {
                lay(there, key, node, stamp);
            }
            return;
        }
        (Some(there), over) if *there == over => return,
        (_, item) => node.item = item,
    }
    node.stamp = None;
    if let Some(stamp) = stamp {
        give_stamp(&mut node, stamp);
    }
    table.insert(key, node);
}

fn find<'t>(table: &'t Table, path: &[String]) -> Option<&'t Node> {
    let (key, rest) = path.split_first()?;
    let node = table.get(key)?;
    match &node.item {
        _ if rest.is_empty() => Some(node),
        Item::Table(inner) => find(inner, rest),
        _ => None,
    }
}

/// Removes what stands at `path`, and the tables that hold nothing without it.
fn remove(table: &mut Table, path: &[String]) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.remove(key);
        return;
    }
    if let Some(Item::Table(inner)) = table.get_mut(key).map(|node| &mut node.item) {
        remove(inner, rest);
        if inner.is_empty() {
            table.remove(key);
        }
    }
}
