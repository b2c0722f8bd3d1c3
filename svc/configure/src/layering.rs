//! What all layers say, once this run's sources and generators have spoken.
//!
//! Holds always: a source that is not there, or of which nothing can be understood, leaves what it said last; one that says what it
//! said last changes nothing, so it does not bring back what the API deleted; one that says something new replaces all that it said.

use std::collections::BTreeMap;

use generation::Generation;
use settings::tree::{Item, Table};
use settings::written::as_written;
use settings::{LIMITS, Layer, Layers, Problem, Tree};

use crate::generators::Generated;
use crate::sources::{self, Source};

/// What was said, by layer, and by which documents.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) layers: Layers,
    pub(crate) user_data: BTreeMap<Layer, String>,
}

impl Said {
    /// What is stored.
    pub(crate) fn stored(generation: Option<&Generation>) -> Said {
        generation.map_or_else(Said::default, |generation| Said {
            layers: generation.layers.clone(),
            user_data: generation.user_data.clone(),
        })
    }

    /// The image speaks: always anew, so that its values follow it across updates. Returns what it says that makes no sense.
    pub(crate) fn image(&mut self, bytes: &[u8]) -> Vec<Problem> {
        let (tree, problems) = as_written(bytes, Layer::Image, &LIMITS);
        self.layers.set(Layer::Image, tree);
        problems
    }

    /// A source speaks. Returns whether it says something new, and what it says that makes no sense.
    pub(crate) fn source(&mut self, source: &Source) -> (bool, Vec<Problem>) {
        let (mut tree, problems) = sources::read(&source.bytes, source.layer, &LIMITS);
        let new = self.user_data.get(&source.layer) != Some(&source.digest);
        let understood = problems.is_empty() || !tree.root.is_empty();
        if new && understood {
            if let Some(before) = self.layers.get(source.layer) {
                keep_stamps(&before.root, &mut tree.root);
            }
            self.layers.set(source.layer, tree);
            self.user_data.insert(source.layer, source.digest.clone());
        }
        (new, problems)
    }

    /// Generators speak.
    pub(crate) fn generated(&mut self, generated: &[Generated]) {
        for Generated { key, value } in generated {
            match value {
                Some(value) => {
                    self.layers.write(Layer::Generated, value.to_tree(key, Layer::Generated), None);
                }
                None => {
                    let mut tree = self.layers.get(Layer::Generated).cloned().unwrap_or_default();
                    remove(&mut tree.root, key.segments());
                    self.layers.set(Layer::Generated, tree);
                }
            }
        }
    }

    /// The part that is stored: all but the image's.
    pub(crate) fn to_store(&self) -> Said {
        let mut stored = self.clone();
        stored.layers.set(Layer::Image, Tree::default());
        stored
    }
}

/// What says again what was said before was not written now.
fn keep_stamps(before: &Table, now: &mut Table) {
    for (key, node) in now {
        let Some(old) = before.get(key) else { continue };
        match (&old.item, &mut node.item) {
            (Item::Table(old), Item::Table(now)) => keep_stamps(old, now),
            (old_item, item) if *old_item == *item => node.stamp = old.stamp,
            _ => {}
        }
    }
}

/// Removes what stands at a path, and tables that hold nothing without it.
fn remove(table: &mut Table, path: &[String]) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.remove(key);
    } else if let Some(Item::Table(inner)) = table.get_mut(key).map(|node| &mut node.item) {
        remove(inner, rest);
        if inner.is_empty() {
            table.remove(key);
        }
    }
}
