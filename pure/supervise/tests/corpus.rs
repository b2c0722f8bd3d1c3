//! The fuzzing corpus of stored unit sets, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/unit_set.rs"]
mod property;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/unit_set");
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        property::holds(&std::fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 20, "the corpus is there");
}
