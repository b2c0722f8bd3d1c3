//! What holds for a file in the settings store of any content.

use generation::{Document, Generation, Rotten, SCHEMA, Summary};
use seal::sealed;

#[path = "seal.rs"]
mod seal;

/// Panics if it does not hold for `bytes`: for themselves, and, where they could be JSON, behind a checksum that is right, which no
/// fuzzer finds.
pub fn holds(bytes: &[u8]) {
    read(bytes);
    if let Some(rest) = bytes.strip_prefix(b"{") {
        read(&sealed(rest));
    }
}

fn read(bytes: &[u8]) {
    let read = Document::from_bytes(bytes, SCHEMA);
    assert_eq!(read, Document::from_bytes(bytes, SCHEMA), "the same bytes give the same document");
    match read {
        Ok(document) => {
            assert!(Summary::from_bytes(bytes).is_ok_and(|summary| summary.number == document.number));
            let stored = document.to_bytes().expect("what was read can be written");
            assert_eq!(
                Document::from_bytes(&stored, SCHEMA).as_ref(),
                Ok(&document),
                "it reads what it writes"
            );
            match document.into_generation() {
                Ok(generation) => typed(&generation),
                Err(err) => bearable(&err),
            }
        }
        Err(err) => bearable(&err),
    }
}

fn typed(generation: &Generation) {
    let stored = generation.to_bytes().expect("what was read can be written");
    let again = Generation::from_bytes(&stored).expect("it reads what it writes");
    assert_eq!(again.to_bytes().as_ref(), Ok(&stored));
    settings::validate(&generation.layers.merged());
}

fn bearable(err: &Rotten) {
    let line = err.to_string();
    assert!(
        !line.chars().any(char::is_control) && line.len() < 64 * 1024,
        "one line of bearable length: {line:?}"
    );
}
