//! The remote API of a machine that brings no keys: it makes its own.

use std::path::PathBuf;

use vm::{Api, Guest};

use crate::story::{BOOT, OrTell as _, SOON, Story};

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn a_machine_without_keys_makes_its_own_and_shows_them_once_on_the_console() {
    let story = Story::begin("a_machine_without_keys_makes_its_own_and_shows_them_once_on_the_console");
    let own = "[settings.api]\nenabled = true\n";
    let guest = story.machine(own).forward(vm::api::PORT).start().or_tell();
    guest.wait_for("the first certificate", BOOT, |text| text.contains("==== end ====")).or_tell();
    let folder = story.lab.machines.join("a_machine_without_keys.keys");
    std::fs::create_dir_all(&folder).unwrap();
    let files = ["ca.pem", "client.pem", "client.key"].map(|name| save(&guest, &folder, name));
    let admin = Api::with(&guest, files).or_tell();
    admin.wait(&guest, SOON).or_tell();
    // The key is nowhere that the API could show it.
    let logs = admin.run(&["logs", "apiserver"]).or_tell();
    assert_eq!(logs.status, Some(0), "{}", logs.stderr);
    assert!(!logs.stdout.contains("PRIVATE KEY"), "{}", logs.stdout);
    assert_eq!(text_of(&guest).matches("==== end ====").count(), 1);
}

fn text_of(guest: &Guest) -> String {
    let lines = guest.console().lines();
    lines.iter().map(|line| line.text.trim_end_matches('\r')).collect::<Vec<_>>().join("\n")
}

/// What the console shows under a file's name.
fn save(guest: &Guest, folder: &std::path::Path, name: &str) -> PathBuf {
    let text = text_of(guest);
    let (_, block) =
        text.split_once(&format!("---- {name}\n")).unwrap_or_else(|| panic!("no {name} on the console"));
    // Other programs may write to the console in between: only what is PEM counts.
    let pem = |line: &&str| {
        line.starts_with("-----") || line.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
    };
    let until = block.lines().position(|line| line.starts_with("-----END")).unwrap_or_default();
    let lines: Vec<_> = block.lines().take(until + 1).filter(pem).filter(|line| !line.is_empty()).collect();
    let path = folder.join(name);
    std::fs::write(&path, format!("{}\n", lines.join("\n"))).unwrap();
    path
}
