//! What holds for whatever a metadata service answers.

use configure::sources::metadata_fuzz;

const LIMIT: usize = 64;

/// Panics if it does not hold for `bytes`, all that the service ever sends on a connection.
pub fn holds(bytes: &[u8]) {
    let answer = metadata_fuzz(bytes, LIMIT);
    assert_eq!(answer, metadata_fuzz(bytes, LIMIT), "the same bytes are the same answer");
    if let Some((status, body)) = answer {
        assert!((100..1000).contains(&status));
        assert!(body.len() <= LIMIT && body.len() <= bytes.len(), "never more than was asked for");
    }
}
