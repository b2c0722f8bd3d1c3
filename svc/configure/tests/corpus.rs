//! The fuzzing corpus of disks, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/volume_label.rs"]
mod property;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/volume_label");
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        property::holds(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 5, "the corpus is there");
}
