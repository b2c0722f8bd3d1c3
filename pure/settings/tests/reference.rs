//! docs/reference/settings.md is what the types say. `BLESS=1 cargo test -p settings` rewrites it.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use settings::model::Document;
use settings::read::Setting;

const HEAD: &str = "\
# Settings

<!-- Made from pure/settings by `BLESS=1 cargo test -p settings --test reference`. Do not edit. -->

Every key of a host's settings, as they stand in user data ([how it is read](../formats/user-data.md)). Every key is
optional unless it says otherwise. `NAME` is a name you choose, `[]` an entry of a list. An unknown key or a bad
value is named on the console with its source and path; the rest applies. A container, a mirror or a credential with a problem in it is
left out as a whole.

| key | what may be written | meaning |
|---|---|---|
";

#[test]
fn the_reference_page_is_current() {
    let mut page = HEAD.to_string();
    for row in Document::shape().rows("") {
        // The rows of the document itself start at its top: without the dot, and without `settings` alone.
        let row = row.replacen("| `.", "| `", 1);
        if !row.starts_with("| `settings` ") {
            page += &row;
            page.push('\n');
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/settings.md");
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/reference/settings.md is not what pure/settings says; run with BLESS=1");
}
