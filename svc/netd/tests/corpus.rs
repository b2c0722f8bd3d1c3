//! The fuzzing corpus of DHCP messages and packets, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/dhcp.rs"]
mod property;

#[path = "../../../fuzz/properties/replay.rs"]
mod replay;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    replay::corpus("dhcp", 10, property::holds);
}
