//! The reference page says what the program does. `BLESS=1` writes it again.

#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/apiclient.md");
    let page = apiclient::reference::page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    // Not assert_eq: nobody reads two pages in one line.
    assert!(
        page == std::fs::read_to_string(&path).unwrap(),
        "BLESS=1 cargo test -p apiclient writes it again"
    );
}

#[test]
fn the_how_to_page_shows_settings_that_hold_and_commands_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/how-to/change-settings.md");
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = |kind: &str| -> Vec<String> {
        let opening = format!("```{kind}\n");
        page.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
    };
    for text in blocks("toml") {
        let loaded = settings::load(&[(settings::Layer::Api, text.as_bytes())], &settings::LIMITS);
        assert_eq!(loaded.problems, [], "{text}");
    }
    let commands = page.lines().filter(|line| line.starts_with("apiclient "));
    let mut seen = 0;
    for line in commands {
        let line =
            line.split(" # ").next().unwrap().split(" | ").next().unwrap().replace("\"$generation\"", "7");
        let words = line.split_whitespace().map(|word| word.trim_matches('\''));
        apiclient::command().try_get_matches_from(words).unwrap_or_else(|err| panic!("{line}: {err}"));
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}
