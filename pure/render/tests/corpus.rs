//! The fuzzing corpus of user data, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/user_data.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("user_data", 20, property::holds);
}
