//! The fuzzing corpus of stored documents, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/generation.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("generation", 50, property::holds);
}
