//! What settings say: a document that `configure` leaves, or leaves out.
//!
//! Holds always: there is a deadline. A document that cannot be read says nothing, and that is said.

use std::path::Path;

use render::documents::Health;

/// Where `configure` leaves it.
pub const PATH: &str = "/run/gantry/health.json";
/// One number.
const BYTES_MAX: usize = 64 << 10;

/// The deadline that holds: the document's, else this one; and whether the document makes sense.
pub fn deadline_s(path: &Path, default_s: u64) -> (u64, bool) {
    let bytes = match files::read(path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(err) if err.is_absent() => return (default_s, true),
        Err(err) => return complain(&files::chain(&err), default_s),
    };
    match serde_json::from_slice::<Health>(&bytes) {
        Ok(document) => (document.deadline_s.unwrap_or(default_s), true),
        Err(err) => complain(&err.to_string(), default_s),
    }
}

fn complain(why: &str, default_s: u64) -> (u64, bool) {
    eprintln!("error health: settings not read path={PATH} why={why:?} deadline_s={default_s}");
    (default_s, false)
}

#[cfg(test)]
mod tests {
    use super::deadline_s;

    #[test]
    fn there_is_a_deadline_whatever_the_document_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("health.json");
        assert_eq!(deadline_s(&path, 300), (300, true));
        for (text, want) in [
            (r#"{"deadline-s":90}"#, (90, true)),
            (r#"{"deadline-s":90,"later":true}"#, (90, true)),
            ("{}", (300, true)),
            ("", (300, false)),
            (r#"{"deadline-s":-1}"#, (300, false)),
            (r#"{"deadline-s":"90"}"#, (300, false)),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(deadline_s(&path, 300), want, "{text}");
        }
    }
}
