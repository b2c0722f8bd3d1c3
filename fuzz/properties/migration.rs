//! What holds for the way of any stored document through versions. The versions are made up: one of each kind of change.

use generation::{Document, Unwritable, join};

#[path = "seal.rs"]
mod seal;

#[path = "../../pure/generation/tests/versions/mod.rs"]
mod versions;

const NEWEST: u32 = 5;

/// Panics if it does not hold for `bytes`: two documents behind each other, parted by the first line end, without their checksums.
pub fn holds(bytes: &[u8]) {
    let cut = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (one, other) = bytes.split_at(cut);
    let other = other.get(1..).unwrap_or_default();
    for newest in 2..=NEWEST {
        let registry = versions::registry(newest);
        for older in 1..newest {
            let one = document(one, older);
            if let Some(one) = one.clone() {
                let up = registry.up_to(newest, one.clone());
                assert_eq!((up.schema, up.number), (newest, one.number));
                storable(&up);
                let down = registry.down_to(older, up.clone());
                storable(&down);
                assert_eq!(down.schema, older);
                let unchanged = join(&registry, &up, down);
                assert_eq!(
                    unchanged.contents, up.contents,
                    "an older release that changed nothing costs nothing"
                );
            }
            for (ours, theirs) in [(one.clone(), document(other, older)), (document(other, older), one)] {
                if let (Some(ours), Some(theirs)) = (ours, theirs) {
                    let joined = join(&registry, &registry.up_to(newest, ours), theirs);
                    assert_eq!(joined.schema, newest);
                    storable(&joined);
                }
            }
        }
    }
}

/// The document that a release of that version would have read.
fn document(bytes: &[u8], schema: u32) -> Option<Document> {
    let text = core::str::from_utf8(bytes).ok()?;
    let text = text.replacen("\"schema\":1,", &format!("\"schema\":{schema},"), 1);
    Document::from_bytes(&seal::sealed(text.strip_prefix('{')?.as_bytes()), schema).ok()
}

/// Whatever a migration makes of it can be stored and read again; only its length may be too much.
fn storable(document: &Document) {
    match document.to_bytes() {
        Ok(bytes) => assert_eq!(Document::from_bytes(&bytes, document.schema).as_ref(), Ok(document)),
        Err(Unwritable::TooLong { .. }) => {}
        Err(err) => panic!("{err:?}"),
    }
}
