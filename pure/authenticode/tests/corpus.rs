//! The fuzzing corpus of signatures, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/authenticode.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("authenticode", 75, property::holds);
}
