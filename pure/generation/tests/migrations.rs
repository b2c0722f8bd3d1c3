//! Laws of migrations and joins, over random documents and every pair of versions.
#![allow(clippy::unwrap_used)]

mod random;
mod versions;

use generation::{Contents, Document, Generation, Leaf, Path, Registry, join};
use random::{Random, of_schema, seeds};
use serde_json::Value;
use versions::registry;

const NEWEST: u32 = 5;

fn document(random: &mut Random, schema: u32) -> Document {
    Document::of(&of_schema(random, schema), schema)
}

/// Every value of every layer.
fn leaves(contents: &Contents) -> Vec<(String, Path, Leaf)> {
    let all = contents.0.iter().flat_map(|(layer, leaves)| {
        leaves.0.iter().map(move |(path, leaf)| (layer.clone(), path.clone(), leaf.clone()))
    });
    all.collect()
}

/// Whether only versions from `since` up have a word for it.
fn is_newer(since: u32, path: &Path, value: &Value) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let known_since = match path[..] {
        ["settings", "extra", ..] => 2,
        ["settings", "wait"] if value.as_i64().is_some_and(|seconds| seconds % 60 != 0) => 3,
        ["settings", "containers", _, "gpu"] => 5,
        ["settings", "mode"] if value == "fast" => 5,
        _ => 1,
    };
    known_since > since
}

fn pairs(mut law: impl FnMut(&mut Random, &Registry, u32, u32)) {
    seeds(400, |random| {
        for newest in 1..=NEWEST {
            for older in 1..=newest {
                law(random, &registry(newest), older, newest);
            }
        }
    });
}

#[test]
fn the_way_up_and_down_gives_back_every_value() {
    pairs(|random, registry, older, newer| {
        let before = document(random, older);
        let up = registry.up_to(newer, before.clone());
        assert_eq!(up.schema, newer);
        assert_eq!(registry.down_to(older, up), before);
    });
}

#[test]
fn the_way_down_and_up_loses_only_what_the_older_has_no_word_for() {
    pairs(|random, registry, older, newer| {
        let before = document(random, newer);
        let back = registry.up_to(newer, registry.down_to(older, before.clone()));
        let mut shared = leaves(&before.contents);
        shared.retain(|(_, path, leaf)| !is_newer(older, path, &leaf.value));
        assert_eq!(leaves(&back.contents), shared);
    });
}

#[test]
fn steps_one_by_one_and_all_at_once_are_the_same() {
    pairs(|random, registry, older, newer| {
        let before = document(random, older);
        let steps = (older..=newer).fold(before.clone(), |at, schema| registry.up_to(schema, at));
        assert_eq!(steps, registry.up_to(newer, before));
        let before = document(random, newer);
        let steps = (older..=newer).rev().fold(before.clone(), |at, schema| registry.down_to(schema, at));
        assert_eq!(steps, registry.down_to(older, before));
    });
}

#[test]
fn the_wrong_direction_and_unknown_versions_change_nothing() {
    seeds(100, |random| {
        let before = document(random, 3);
        for registry in [registry(5), registry(3)] {
            assert_eq!(registry.up_to(2, before.clone()), before);
            assert_eq!(registry.down_to(4, before.clone()), before);
        }
        assert_eq!(registry(2).down_to(1, before.clone()), before, "a newer form is nobody's to take apart");
        assert_eq!(registry(3).up_to(9, before.clone()), before);
    });
}

/// What a newer release left, as the older release has it.
fn left(registry: &Registry, ours: &Document, schema: u32) -> Document {
    registry.down_to(schema, ours.clone())
}

#[test]
fn an_older_release_that_changed_nothing_costs_nothing() {
    pairs(|random, registry, older, newer| {
        let ours = document(random, newer);
        let theirs = left(registry, &ours, older);
        assert_eq!(join(registry, &ours, theirs).contents, ours.contents);
    });
}

#[test]
fn what_the_older_release_changed_is_taken_and_all_else_stays() {
    pairs(|random, registry, older, newer| {
        let ours = document(random, newer);
        let before = left(registry, &ours, older);
        // The older release ends up with some other content, as if every value had been changed by somebody.
        let after = Document { contents: document(random, older).contents, ..before.clone() };
        let joined = join(registry, &ours, after.clone());
        let again = registry.down_to(older, joined.clone());
        let shown = registry.up_to(newer, after.clone());
        for (layer, path, leaf) in leaves(&shown.contents) {
            let found = joined.contents.0.get(&layer).and_then(|leaves| leaves.0.get(&path));
            let untouched = leaves(&registry.up_to(newer, before.clone()).contents).contains(&(
                layer.clone(),
                path.clone(),
                leaf.clone(),
            ));
            if !untouched {
                assert_eq!(found, Some(&leaf), "changed: {layer} {path:?}");
            }
        }
        for (layer, path, leaf) in leaves(&joined.contents) {
            let theirs = shown.contents.0.get(&layer).and_then(|leaves| leaves.0.get(&path)) == Some(&leaf);
            let ours = ours.contents.0.get(&layer).and_then(|leaves| leaves.0.get(&path)) == Some(&leaf);
            assert!(theirs || ours, "nobody said {layer} {path:?}");
        }
        let mut gained = leaves(&again.contents);
        gained.retain(|leaf| !leaves(&after.contents).contains(leaf));
        assert!(gained.is_empty(), "to the older release it is what the older release had: {gained:?}");
    });
}

fn at<'d>(document: &'d Document, path: &[&str]) -> Option<&'d Value> {
    document.contents.0.get("api")?.under(path).next().map(|(_, leaf)| &leaf.value)
}

fn api(values: &[(&[&str], Value)], schema: u32) -> Document {
    let mut random = Random(1);
    let empty = Generation { layers: Default::default(), ..of_schema(&mut random, 1) };
    let mut document = Document::of(&empty, schema);
    let layer = document.contents.0.entry("api".to_owned()).or_default();
    for (path, value) in values {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        layer.0.insert(path, Leaf { value: value.clone(), stamp: None });
    }
    document
}

const IMAGE: &[&str] = &["settings", "containers", "web", "image"];
const GPU: &[&str] = &["settings", "containers", "web", "gpu"];
const MODE: &[&str] = &["settings", "mode"];

#[test]
fn a_value_that_only_the_newer_release_knows_outlives_a_fall_back() {
    let ours = api(&[(MODE, "fast".into()), (IMAGE, "a".into()), (GPU, true.into())], 5);
    let mut theirs = left(&registry(5), &ours, 4);
    assert_eq!(at(&theirs, MODE), None);
    theirs.contents.change(IMAGE, |_| Some("b".into()));
    let joined = join(&registry(5), &ours, theirs.clone());
    assert_eq!(at(&joined, MODE), Some(&"fast".into()));
    assert_eq!(at(&joined, IMAGE), Some(&"b".into()));
    assert_eq!(at(&joined, GPU), Some(&true.into()));
    theirs.contents.0.insert("api".to_owned(), api(&[(MODE, "slow".into())], 4).contents.0["api"].clone());
    let joined = join(&registry(5), &ours, theirs);
    assert_eq!(at(&joined, MODE), Some(&"slow".into()), "said again, and different");
    assert_eq!(
        at(&joined, &["settings", "containers"]),
        None,
        "nothing is left of a container that was deleted"
    );
}

#[test]
fn a_value_that_became_a_table_is_one_and_the_other_way_round() {
    let web: &[&str] = &["settings", "x", "web"];
    let inner: &[&str] = &["settings", "x", "web", "y"];
    for (before, after) in [(web, inner), (inner, web)] {
        let ours = api(&[(before, 1.into())], 2);
        let theirs = api(&[(after, 2.into())], 1);
        let joined = join(&registry(2), &ours, theirs);
        assert_eq!(joined.contents, api(&[(after, 2.into())], 2).contents);
        assert!(joined.into_generation().is_ok());
    }
}

#[test]
fn whatever_was_stored_migrates_to_what_can_be_stored() {
    seeds(1_000, |random| {
        let before = Document::of(&random::anything(random), 1);
        let registry = registry(NEWEST);
        let up = registry.up_to(NEWEST, before.clone());
        up.to_bytes().unwrap();
        let theirs = Document::of(&random::anything(random), 1);
        let joined = join(&registry, &up, theirs);
        joined.to_bytes().unwrap();
        joined.into_generation().unwrap();
    });
}
