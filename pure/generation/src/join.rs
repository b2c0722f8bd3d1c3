//! What a newer release makes of a document that an older one went on with.
//!
//! Before the older release ran, the newer one had left it a document in its form. What the older release changed since shows
//! by comparing its document with that one; everything else stays as the newer release had it, also what the older form has no
//! word for.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::leaves::Leaves;
use crate::{Contents, Document, Registry};

/// Keys of what has a name of its own in a table of such: `settings.containers.NAME`.
const ENTRY_KEYS: usize = 3;

/// `theirs`, in an older form, brought up to the form of `ours`, from which it grew.
///
/// Value by value and layer by layer: what they changed or deleted since is theirs, and what they could not have seen is ours.
pub fn join(registry: &Registry, ours: &Document, theirs: Document) -> Document {
    let left = registry.down_to(theirs.schema, ours.clone());
    let seen = registry.up_to(ours.schema, left).contents;
    let mut joined = registry.up_to(ours.schema, theirs);
    let layers: BTreeSet<String> =
        ours.contents.0.keys().chain(joined.contents.0.keys()).chain(seen.0.keys()).cloned().collect();
    let none = Leaves::default();
    let mut contents = Contents::default();
    for layer in layers {
        let of = |contents: &'_ Contents| contents.0.get(&layer).unwrap_or(&none).clone();
        let leaves = joined_layer(&of(&ours.contents), &of(&seen), of(&joined.contents));
        if !leaves.0.is_empty() {
            contents.0.insert(layer, leaves);
        }
    }
    joined.contents = contents;
    joined.from_newer = ours.left_by_newer();
    joined.made = ours.schema;
    joined
}

/// `ours`, with everything in it that differs between `seen` and `theirs` as it is in `theirs`.
fn joined_layer(ours: &Leaves, seen: &Leaves, theirs: Leaves) -> Leaves {
    let mut joined = ours.clone();
    for path in seen.0.keys().filter(|path| !theirs.0.contains_key(*path)) {
        joined.0.remove(path);
        // Of a container that is gone nothing may stay. A group of settings has no such beginning and end.
        let entry = (ENTRY_KEYS..path.len()).find(|keys| is_gone(&theirs, &path[..*keys]));
        if let Some(keys) = entry {
            joined.remove(&borrowed(&path[..keys]));
        }
    }
    for (path, leaf) in theirs.0 {
        if seen.0.get(&path) != Some(&leaf) {
            // A value may have become a table, or a table a value: what they say now stands.
            joined.put(path, leaf);
        }
    }
    joined
}

/// Whether nothing is left at a path and under it.
fn is_gone(leaves: &Leaves, path: &[String]) -> bool {
    leaves.under(&borrowed(path)).next().is_none()
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}
