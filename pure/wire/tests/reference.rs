//! docs/reference/api.md and openapi.json say what the routes say. BLESS=1 rewrites them.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

fn compare(name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == made, "{} is not what the routes make: run this test with BLESS=1", path.display());
}

#[test]
fn the_reference_page_is_current() {
    compare("api.md", &wire::reference::page());
}

#[test]
fn the_openapi_document_is_current() {
    compare("openapi.json", &wire::openapi::text());
}
