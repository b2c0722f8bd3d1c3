//! The fuzzing corpus of images, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/pe.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("pe", 40, property::holds);
}
