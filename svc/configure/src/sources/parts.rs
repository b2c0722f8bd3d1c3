//! What a source's text says: one TOML document, or several in a MIME document, the later over the earlier.
//!
//! Holds always: a part that is not for us, or cannot be read, is named and costs the others nothing; all parts together may hold
//! no more than one document may.

use std::borrow::Cow;

use settings::tree::{Item, Node, Table, Tree};
use settings::written::as_written;
use settings::{Layer, Limits, Problem};

use super::mime::{self, Part};
use super::unpacked;

/// Reads the unpacked bytes of a source. What cannot be read is named, the rest is in the tree.
pub fn read(bytes: &[u8], layer: Layer, limits: &Limits) -> (Tree, Vec<Problem>) {
    match mime::parts(bytes) {
        None => as_written(bytes, layer, limits),
        Some(parts) => joined(parts, layer, limits),
    }
}

fn joined(parts: Vec<Part>, layer: Layer, limits: &Limits) -> (Tree, Vec<Problem>) {
    let mut left = *limits;
    left.repair_bytes /= parts.len().max(1);
    let mut tree = Tree::default();
    let mut problems = Vec::new();
    let mut taken = 0;
    for part in parts {
        let whole = |why: Cow<'static, str>| Problem { layer, path: format!("(part {})", part.number), why };
        let text = match text(&part, left.text_bytes) {
            Ok(text) => text,
            Err(why) => {
                problems.push(whole(why));
                continue;
            }
        };
        taken += 1;
        let (said, wrong) = as_written(&text, layer, &left);
        problems.extend(wrong.into_iter().map(|problem| match problem.path.as_str() {
            "(document)" => whole(problem.why),
            _ => Problem { why: format!("part {}: {}", part.number, problem.why).into(), ..problem },
        }));
        left.text_bytes -= text.len();
        left.nodes = left.nodes.saturating_sub(nodes(&said.root));
        lay(&mut tree.root, said.root);
    }
    if taken == 0 {
        let why = "no part of it is TOML; wanted one of type text/x-gantry or application/toml".into();
        problems.push(Problem { layer, path: "(document)".into(), why });
    }
    (tree, problems)
}

/// The TOML of a part, unpacked, or why it is passed over.
fn text(part: &Part, limit: usize) -> Result<Vec<u8>, Cow<'static, str>> {
    let ours = matches!(part.kind.as_str(), "text/x-gantry" | "application/toml");
    // What tools write that know no better.
    let maybe = matches!(
        part.kind.as_str(),
        "" | "text/plain" | "application/octet-stream" | "application/gzip" | "application/x-gzip"
    );
    let body = part.body.as_ref().map_err(|why| Cow::from(*why))?;
    if !ours && !maybe {
        let kind = shown(&part.kind);
        return Err(format!(
            "skipped: {kind} is not for this host, which reads text/x-gantry and application/toml"
        )
        .into());
    }
    let text = unpacked(body.clone(), limit).map_err(|err| Cow::from(files::chain(&err)))?;
    if text.len() > limit {
        return Err("skipped: all parts together are longer than one document may be".into());
    }
    if !ours && !looks_like_toml(&text) {
        return Err("skipped: it does not look like TOML; if it is, give it the type text/x-gantry".into());
    }
    Ok(text)
}

/// A type as a message may show it.
fn shown(kind: &str) -> &str {
    let plain = kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-+._".contains(&byte));
    if plain && kind.len() <= 64 { kind } else { "its type" }
}

/// Whether the first line that says something is a TOML header or a key with its value.
fn looks_like_toml(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    // How cloud-init tells its own kinds apart; TOML takes these for comments.
    let foreign = ["#!", "#cloud-config", "#cloud-boothook", "#include", "#part-handler", "#upstart-job"];
    if lines.clone().next().is_some_and(|first| foreign.iter().any(|mark| first.starts_with(mark))) {
        return false;
    }
    let key = |key: &str| key.chars().all(|c| c.is_alphanumeric() || "-_.'\" \t".contains(c));
    lines
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .is_some_and(|line| line.starts_with('[') || line.split_once('=').is_some_and(|(name, _)| key(name)))
}

/// Values and tables, as limits count them.
fn nodes(table: &Table) -> usize {
    fn of(node: &Node) -> usize {
        1 + match &node.item {
            Item::Table(table) => nodes(table),
            Item::List(list) => list.iter().map(of).sum(),
            _ => 0,
        }
    }
    table.values().map(of).sum()
}

/// Lays what a later part says over what earlier ones said: tables key by key. What was lost in either stays known.
fn lay(table: &mut Table, over: Table) {
    for (key, node) in over {
        let torn = node.is_torn_itself();
        let joined = match (table.remove(&key), node) {
            (Some(mut there), Node { item: Item::Table(inner), .. })
                if matches!(there.item, Item::Table(_)) =>
            {
                if let Item::Table(table) = &mut there.item {
                    lay(table, inner);
                }
                if torn { there.torn() } else { there }
            }
            (_, node) => node,
        };
        table.insert(key, joined);
    }
}

#[cfg(test)]
#[path = "parts/tests.rs"]
mod tests;
