//! Settings across releases: an older image on a store that a newer one wrote.

use std::path::Path;

use generation::Migration;
use store::{Draft, KEEP, Registry, Store, Why};
use vm::{Disk, Tools};

use crate::api::Served;
use crate::story::{OrTell as _, SOON, Story};

/// A release to come, whose second form of the document calls `motd` `greeting`.
fn newer() -> Registry {
    Registry::new(vec![Migration {
        up: |contents| contents.rename(&["settings", "motd"], &["settings", "greeting"]),
        down: |contents| contents.rename(&["settings", "greeting"], &["settings", "motd"]),
    }])
}

/// What the newer release does to the store while it runs: it opens it and commits something.
fn as_the_newer_release(disk: &Disk, tools: &Tools, scratch: &Path, work: impl FnOnce(&Store)) {
    let _ = std::fs::remove_dir_all(scratch);
    disk.take_store(tools, scratch).or_tell();
    let settings = scratch.join("settings");
    let opened = Store::open(&settings, KEEP, &newer()).unwrap();
    assert!(opened.problems.is_empty(), "{:?}", opened.problems);
    work(&opened.store);
    disk.put_store(tools, &settings).or_tell();
    std::fs::remove_dir_all(scratch).unwrap();
}

#[test]
#[ignore = "boots a machine: cargo xtask vm"]
fn an_older_image_finds_its_settings_in_a_store_that_a_newer_one_wrote() {
    const NAME: &str = "an_older_image_finds_its_settings_in_a_store_that_a_newer_one_wrote";
    let story = Story::begin(NAME);
    let tools = &story.lab.tools;
    let path = story.lab.machines.join(format!("{NAME}.img"));
    let scratch = story.lab.machines.join(format!("{NAME}.store"));
    let disk = Disk::copy(&story.lab.image.disk(), &path, None).or_tell();

    let mut served = Served::start(&story, "", |machine| machine.disk(disk.clone()));
    served.ask(&["set", "motd=of the older image"]);
    assert!(served.guest.power_off(SOON).or_tell().success());

    // The host is updated; the newer release changes something, and then the machine falls back.
    as_the_newer_release(&disk, tools, &scratch, |store| {
        let current = store.current().unwrap();
        let draft =
            Draft { why: Why::Change, by: "the newer release".to_owned(), ..Draft::from((*current).clone()) };
        assert_eq!(store.commit(draft, None).unwrap().number, current.number + 1);
    });

    let mut served = Served::start(&story, "", |machine| machine.disk(disk.clone()));
    assert_eq!(served.ask(&["get", "settings.motd"])["settings"]["motd"], "of the older image");
    let history = served.ask(&["history"]);
    assert!(history.to_string().contains("the newer release"), "{history:#}");
    served.ask(&["set", "motd=changed after the fall-back"]);
    assert!(served.guest.power_off(SOON).or_tell().success());

    // Updated again: what the older image changed is there, in the newer form.
    as_the_newer_release(&disk, tools, &scratch, |store| {
        let current = store.current().unwrap();
        let shown = current.layers.merged();
        let greeting = shown.node(&["settings", "greeting"]).unwrap();
        assert_eq!(greeting.item, settings::tree::Item::Text("changed after the fall-back".to_owned()));
    });
    std::fs::remove_file(disk.path()).unwrap();
}
