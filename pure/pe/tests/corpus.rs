//! The fuzzing corpus of images, replayed.
#![allow(clippy::unwrap_used)]

#[path = "../../../fuzz/properties/pe.rs"]
mod property;

#[test]
fn the_property_holds_for_the_whole_corpus() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/pe");
    let mut inputs = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        property::holds(&std::fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs >= 10, "the corpus is there");
}
