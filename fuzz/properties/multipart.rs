//! What holds for user data in several parts, packed or not, of any content.

use configure::sources::{read, unpacked};
use settings::{LIMITS, Layer, validate};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = unpacked(bytes.to_vec(), LIMITS.text_bytes) else { return };
    assert!(
        text.len() <= LIMITS.text_bytes || text == bytes,
        "never more is unpacked than a document may be long"
    );
    let (tree, problems) = read(&text, Layer::Imds, &LIMITS);
    let again = read(&text, Layer::Imds, &LIMITS);
    assert!(tree == again.0 && problems == again.1, "the same bytes give the same settings");
    let (_, invalid) = validate(&tree);
    for problem in problems.iter().chain(&invalid) {
        let line = problem.to_string();
        assert_eq!(problem.layer, Layer::Imds);
        assert!(!problem.path.is_empty() && !line.chars().any(char::is_control), "one line each: {line:?}");
        assert!(line.len() < 4096, "of bearable length: {line:?}");
    }
}
