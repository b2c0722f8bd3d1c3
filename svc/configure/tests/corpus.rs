//! The fuzzing corpus of disks, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/volume_label.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("volume_label", 5, property::holds);
}
