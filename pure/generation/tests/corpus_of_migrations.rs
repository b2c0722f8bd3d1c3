//! The fuzzing corpus of migrations, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/migration.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("migration", 15, property::holds);
}
