//! A layer in its file: values as tables in tables, grouped by the generation that wrote them.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::tree::Stamp;

use crate::escape;
use crate::leaves::{Leaf, Leaves, Path};

/// What one generation wrote into a layer and nobody has overwritten since.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Group {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unix_s: Option<u64>,
    values: Map<String, Value>,
}

/// The groups of a layer, oldest first, those without a time before all.
pub(crate) fn grouped(leaves: &Leaves) -> Vec<Group> {
    let mut groups: BTreeMap<Option<(u64, u64)>, Map<String, Value>> = BTreeMap::new();
    for (path, leaf) in &leaves.0 {
        let when = leaf.stamp.map(|stamp| (stamp.generation, stamp.unix_s));
        put(groups.entry(when).or_default(), path, leaf);
    }
    let group = |(when, values): (Option<(u64, u64)>, _)| Group {
        generation: when.map(|when| when.0),
        unix_s: when.map(|when| when.1),
        values,
    };
    groups.into_iter().map(group).collect()
}

/// Puts one leaf in its place. Of two that cannot both be there (nothing makes such leaves) the later stands.
fn put(mut table: &mut Map<String, Value>, path: &[String], leaf: &Leaf) {
    let Some((last, parents)) = path.split_last() else { return };
    for key in parents {
        let inner = table.entry(escape::key(key)).or_insert_with(|| escape::marker(false));
        if !inner.is_object() {
            *inner = escape::marker(false);
        }
        let Value::Object(inner) = inner else { return };
        table = inner;
    }
    table.insert(escape::key(last), leaf.value.clone());
}

/// The leaves of a layer's groups; or the path at which they contradict each other.
pub(crate) fn leaves(groups: Vec<Group>) -> Result<Leaves, (Path, &'static str)> {
    let mut leaves = Leaves::default();
    for group in groups {
        let stamp = match (group.generation, group.unix_s) {
            (Some(generation), Some(unix_s)) => Some(Stamp { generation, unix_s }),
            (None, None) => None,
            _ => return Err((Path::new(), "a group with half a time")),
        };
        take(&mut leaves, group.values, stamp, &mut Path::new())?;
    }
    Ok(leaves)
}

fn take(
    leaves: &mut Leaves,
    table: Map<String, Value>,
    stamp: Option<Stamp>,
    path: &mut Path,
) -> Result<(), (Path, &'static str)> {
    for (key, value) in table {
        let Some(plain) = escape::plain(&key) else {
            if escape::is_about_its_table(&key) {
                continue;
            }
            return Err((path.clone(), "a word with $ that has no meaning"));
        };
        path.push(plain.to_owned());
        let mark = match &value {
            Value::Object(object) => escape::table(object).map(|torn| (torn, object.is_empty() || torn)),
            _ => None,
        };
        let (own, inner) = match (mark, value) {
            (Some((torn, marked)), Value::Object(inner)) => {
                (marked.then(|| escape::marker(torn)), Some(inner))
            }
            (_, value) => (Some(value), None),
        };
        if let Some(value) = own {
            let stamp = if inner.is_some() { None } else { stamp };
            if leaves.0.insert(path.clone(), Leaf { value, stamp }).is_some() {
                return Err((path.clone(), "written twice"));
            }
        }
        if let Some(inner) = inner {
            take(leaves, inner, stamp, path)?;
        }
        path.pop();
    }
    Ok(())
}
