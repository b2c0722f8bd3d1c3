//! A corpus, replayed: how `cargo test` keeps every input that ever failed.

/// Runs `holds` over all inputs of `fuzz/corpus/NAME`, naming each before, so that the last name is the one that failed. A
/// corpus of fewer than `at_least` inputs is not the one that was committed.
pub fn corpus(name: &str, at_least: usize, holds: fn(&[u8])) {
    let folder = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        holds(&std::fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs >= at_least, "{folder} holds {inputs} inputs, not {at_least}");
}
