//! The fuzzing corpus of stored unit sets, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/unit_set.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("unit_set", 20, property::holds);
}
