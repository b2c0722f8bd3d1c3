//! The fuzzing corpus of partition tables, replayed: the tables, and the sets in them.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/gpt.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("gpt", 45, property::holds);
}
