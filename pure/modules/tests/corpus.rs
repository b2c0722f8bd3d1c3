//! The fuzzing corpus of depmod's texts, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/depmod.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("depmod", 10, property::holds);
}
