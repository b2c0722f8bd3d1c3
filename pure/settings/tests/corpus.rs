//! The fuzzing corpora of JSON documents and of keys, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/key_path.rs"]
mod key_path;

#[path = "../../../fuzz/properties/settings_json.rs"]
mod settings_json;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_of_documents_holds_for_the_whole_corpus() {
    replay::corpus("settings_json", 20, settings_json::holds);
}

#[test]
fn the_property_of_keys_holds_for_the_whole_corpus() {
    replay::corpus("key_path", 20, key_path::holds);
}
