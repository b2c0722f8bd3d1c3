//! Texts that people write to break out of the place they are put in.

use std::collections::BTreeSet;

use render::render;
use settings::{LIMITS, Layer, load};

use crate::documents::{ECS, ECS_HOST, KUBERNETES, bytes, kubelet, unchanged};
use crate::laws::assert_parses;

/// Each in many places.
const HOSTILE: &[&str] = &[
    "a\nECS_CLUSTER=evil",
    "a\r\nX=y",
    "\"}, \"evil\": {\"",
    "a,b=c",
    "a --evil",
    "$(evil)",
    "../../../evil",
    "/evil",
    "\u{85}evil",
    "\0",
    "a\"b",
];

/// Each document with one of its texts, or of its keys of a map, replaced.
fn spoiled(value: &toml::Value, hostile: &str) -> Vec<toml::Value> {
    match value {
        toml::Value::String(_) => vec![hostile.into()],
        toml::Value::Array(entries) => (0..entries.len())
            .flat_map(|at| spoiled(&entries[at], hostile).into_iter().map(move |entry| (at, entry)))
            .map(|(at, entry)| {
                let mut entries = entries.clone();
                entries[at] = entry;
                toml::Value::Array(entries)
            })
            .collect(),
        toml::Value::Table(table) => {
            let mut all = Vec::new();
            for (key, value) in table {
                for below in spoiled(value, hostile) {
                    let mut table = table.clone();
                    table.insert(key.clone(), below);
                    all.push(toml::Value::Table(table));
                }
                let mut table = table.clone();
                table.remove(key);
                table.insert(hostile.into(), value.clone());
                all.push(toml::Value::Table(table));
            }
            all
        }
        _ => Vec::new(),
    }
}

#[test]
fn nothing_that_people_write_breaks_out_of_its_place() {
    let documents = [(KUBERNETES, kubelet(36)), (KUBERNETES, kubelet(20)), (ECS, ECS_HOST)];
    let mut tried = 0;
    for (document, facts) in documents {
        let document = toml::Value::Table(document.parse().unwrap());
        let honest: BTreeSet<String> =
            bytes(&unchanged(document.as_table().unwrap()), &facts).into_keys().collect();
        // Every fifth place for each text, another fifth for the next: all pairs take long and show no more.
        let texts = HOSTILE
            .iter()
            .enumerate()
            .flat_map(|(first, hostile)| spoiled(&document, hostile).into_iter().skip(first % 5).step_by(5));
        for text in texts {
            let text = toml::to_string(&text).unwrap();
            let settings = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS).settings;
            for file in render(&settings, &facts).0.files {
                assert!(honest.contains(&file.path), "{}", file.path);
                assert_parses(&file.path, &file.bytes);
            }
            tried += 1;
        }
    }
    assert!(tried > 500, "{tried}");
}
