//! Every verb on disk images, with sectors of both sizes.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use disks::{Image, Root, SECTORS, Uki};
use partition::SectorSize;
use sets::Firmware;
use signpost::{Surroundings, run};
use slots::{Attributes, Set, Sets, TRIAL_TRIES};

/// Exit status, standard output, standard error.
fn signpost(image: &Image, words: &str) -> (u8, String, String) {
    let path = image.path();
    let fixed = ["signpost", "--disk", path.to_str().unwrap()];
    let arguments: Vec<_> = fixed.into_iter().chain(words.split(' ')).map(Into::into).collect();
    let nowhere = image.dir().join("nowhere");
    let host = Surroundings { firmware: Firmware::at(&nowhere), repairs: nowhere };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = run(&arguments, &host, &mut out, &mut err);
    (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// Runs the verb with A running; it must succeed. Returns what it printed.
fn done(image: &Image, words: &str) -> String {
    let (status, out, err) = signpost(image, &format!("--running A {words}"));
    assert_eq!((status, err.as_str()), (0, ""), "{words}");
    out
}

/// Runs the verb with A running; it must be refused, and change nothing.
fn refused(image: &Image, words: &str) -> String {
    let before = image.bytes();
    let (status, out, err) = signpost(image, &format!("--running A {words}"));
    assert_eq!((status, out.as_str()), (64, ""), "{words}");
    assert!(image.bytes() == before, "{words} changed something");
    err
}

fn sets(a: (u8, u8, bool, u8), b: (u8, u8, bool, u8)) -> Sets {
    let set = |(p, t, s, f)| Attributes::new(p, t, s, f).unwrap();
    Sets::new(set(a), set(b))
}

const GOOD: (u8, u8, bool, u8) = (1, 0, true, 0);
const EMPTY: (u8, u8, bool, u8) = (0, 0, false, 0);

fn staged(sector: SectorSize) -> Image {
    let image = Image::factory(sector);
    image.write(Set::B, &Uki::new("2.0.0", 1), 2);
    done(&image, "mark-inactive-valid");
    image
}

#[test]
fn an_update_goes_from_clear_to_armed_and_back() {
    for sector in SECTORS {
        let image = Image::factory(sector);
        let others = |image: &Image| {
            image.table().partitions().map(|p| p.attributes & !(0x7ff << 48)).collect::<Vec<_>>()
        };
        let kept = others(&image);
        image.put(Set::B, Attributes::new(3, 2, false, 1).unwrap());
        assert!(done(&image, "clear-inactive").starts_with("clear-inactive: done\n"));
        assert_eq!(image.sets(), sets(GOOD, EMPTY));

        image.write(Set::B, &Uki::new("2.0.0", 1), 2);
        assert!(done(&image, "mark-inactive-valid").contains("set B: staged"));
        assert_eq!(image.sets(), sets(GOOD, (0, TRIAL_TRIES, false, 0)));
        let guid = Set::B.root_partition(&image.table()).unwrap().guid.to_string();
        assert_eq!(guid, Root::of(2).params.partuuid(), "so that its UKI finds it");

        let armed = done(&image, "upgrade-to-inactive");
        assert!(armed.contains("next: set B (highest-priority)"), "{armed}");
        assert_eq!(image.sets(), sets(GOOD, (2, TRIAL_TRIES, false, 0)));

        done(&image, "cancel-upgrade");
        assert_eq!(image.sets(), sets((2, 0, true, 0), (0, TRIAL_TRIES, false, 0)));
        assert_eq!(others(&image), kept, "bits of others stay");
    }
}

#[test]
fn every_verb_says_so_when_it_was_done_already() {
    for verb in [
        "clear-inactive",
        "mark-inactive-valid",
        "upgrade-to-inactive",
        "cancel-upgrade",
        "mark-successful-boot",
        "rollback-to-inactive",
    ] {
        let image = ready_for(verb);
        done(&image, verb);
        let bytes = image.bytes();
        let again = done(&image, verb);
        assert!(again.starts_with(&format!("{verb}: already so\n")), "{again}");
        assert!(image.bytes() == bytes, "{verb} wrote for nothing");
    }
}

#[test]
fn a_verb_that_was_cut_short_is_finished_by_running_it_again() {
    for verb in ["clear-inactive", "mark-inactive-valid", "upgrade-to-inactive", "cancel-upgrade"] {
        let finished = {
            let image = ready_for(verb);
            done(&image, verb);
            image.table()
        };
        // The backup says the new table already, the primary the old one.
        let image = ready_for(verb);
        image.cut_after_backup(|_| finished.clone());
        assert!(done(&image, verb).starts_with(&format!("{verb}: done\n")));
        assert_eq!(image.table(), finished, "{verb}");
        // Only one copy is sound, and it says the new table.
        for primary in [true, false] {
            image.damage_table(primary);
            let again = done(&image, verb);
            assert!(again.starts_with(&format!("{verb}: already so; a damaged")), "{again}");
            assert_eq!(image.table(), finished, "{verb}");
        }
    }
}

/// An image on which the verb has something to do.
fn ready_for(verb: &str) -> Image {
    let image = staged(SectorSize::B512);
    match verb {
        "mark-inactive-valid" => image.put(Set::B, Attributes::EMPTY),
        "cancel-upgrade" => drop(done(&image, "upgrade-to-inactive")),
        "mark-successful-boot" => image.put(Set::A, Attributes::new(1, 2, false, 0).unwrap()),
        "rollback-to-inactive" => image.put(Set::B, Attributes::new(1, 0, true, 2).unwrap()),
        _ => {}
    }
    image
}

#[test]
fn the_running_set_is_confirmed_whatever_it_was() {
    let image = Image::factory(SectorSize::B4096);
    image.put(Set::A, Attributes::new(2, 1, false, 0).unwrap());
    done(&image, "mark-successful-boot");
    assert_eq!(image.sets(), sets((2, 0, true, 0), EMPTY));
    let (status, ..) = signpost(&image, "--running B mark-successful-boot");
    assert_eq!(status, 0);
    assert_eq!(image.sets(), sets((2, 0, true, 0), (1, 0, true, 0)));
}

#[test]
fn the_way_back_is_a_set_that_was_good() {
    let image = staged(SectorSize::B512);
    assert!(refused(&image, "rollback-to-inactive").contains("never been confirmed"));
    image.put(Set::B, Attributes::new(1, 0, true, 3).unwrap());
    done(&image, "rollback-to-inactive");
    assert_eq!(image.sets(), sets((1, 0, true, 0), (2, 0, true, 0)));
    done(&image, "cancel-upgrade");
    assert_eq!(image.sets(), sets((2, 0, true, 0), (1, 0, true, 0)));
}

#[test]
fn nothing_is_staged_while_the_running_set_is_unconfirmed() {
    let image = staged(SectorSize::B512);
    image.put(Set::A, Attributes::new(2, 1, false, 0).unwrap());
    for verb in ["clear-inactive", "mark-inactive-valid", "upgrade-to-inactive", "cancel-upgrade"] {
        let why = refused(&image, verb);
        assert!(why.contains("not confirmed") && why.contains("mark-successful-boot"), "{why}");
    }
}

#[test]
fn what_the_rules_forbid_is_said_before_a_set_is_read_back() {
    let image = Image::factory(SectorSize::B512);
    image.put(Set::A, Attributes::new(2, 1, false, 0).unwrap());
    // Reading set B back would find that there is nothing.
    for verb in ["mark-inactive-valid", "upgrade-to-inactive"] {
        assert!(refused(&image, verb).contains("not confirmed"));
    }
}

#[test]
fn a_set_that_is_not_whole_is_not_armed() {
    let image = Image::factory(SectorSize::B512);
    assert!(
        refused(&image, "mark-inactive-valid").contains("write its UKI to BOOT-B and its root to ROOT-B")
    );
    image.write(Set::B, &Uki::new("2.0.0", 1), 2);
    image.flip("ROOT-B", 70 * 4096);
    let why = refused(&image, "mark-inactive-valid");
    assert!(why.contains("data block 70") && why.contains("write it anew"), "{why}");
    image.flip("ROOT-B", 70 * 4096);
    done(&image, "mark-inactive-valid");
    // Between the verbs something wrote to the disk.
    image.flip("BOOT-B", 0x900);
    assert!(refused(&image, "upgrade-to-inactive").contains("UKI reads back as"));
    image.flip("BOOT-B", 0x900);
    image.write(Set::B, &Uki::new("3.0.0", 1), 3);
    let why = refused(&image, "upgrade-to-inactive");
    assert!(why.contains("use mark-inactive-valid first"), "{why}");
}

#[test]
fn a_set_with_the_running_sets_root_is_refused() {
    let image = Image::factory(SectorSize::B512);
    image.write(Set::B, &Uki::new("1.0.0", 1), 1);
    let why = refused(&image, "mark-inactive-valid");
    assert!(why.contains("set B cannot hold the root that set A has already"), "{why}");
}

#[test]
fn an_unsigned_uki_is_taken_with_its_digest_alone() {
    let image = staged(SectorSize::B512);
    image.put(Set::B, Attributes::EMPTY);
    image.write_uki(Set::B, &vec![0; 20_000]);
    let file = Uki::new("2.0.0", 1).unsigned(&Root::of(2));
    image.write_uki(Set::B, &file);
    assert!(refused(&image, "mark-inactive-valid").contains("--uki-sha256"));
    let digest = slots::Digest(disks::sha256(&file));
    done(&image, &format!("mark-inactive-valid --uki-sha256 {digest}"));
    done(&image, &format!("upgrade-to-inactive --uki-sha256 {digest}"));
    assert_eq!(signpost(&image, "--running A upgrade-to-inactive --uki-sha256 00").0, 64);
}

#[test]
fn what_is_not_understood_is_explained() {
    let image = Image::factory(SectorSize::B512);
    for (words, says) in [
        ("clear-inactive", "--running A or --running B"),
        ("clear-inactve", "clear-inactive"),
        ("--running C status", "possible values"),
        ("", "Usage"),
    ] {
        let (status, out, err) = signpost(&image, words);
        assert_eq!((status, out.as_str()), (64, ""), "{words}");
        assert!(err.contains(says), "{words}: {err}");
    }
    let (status, out, _) = signpost(&image, "--help");
    assert!(status == 0 && out.contains("Examples:") && out.contains("rollback-to-inactive"), "{out}");
    for shell in ["bash", "zsh", "fish"] {
        let (status, out, _) = signpost(&image, &format!("completion {shell}"));
        assert!(status == 0 && out.contains("upgrade-to-inactive"), "{shell}");
    }
}

#[test]
fn a_disk_that_is_none_of_ours_is_named() {
    let image = Image::factory(SectorSize::B512);
    std::fs::write(image.path(), vec![0; 8 << 20]).unwrap();
    let (status, _, err) = signpost(&image, "--running A clear-inactive");
    assert_eq!(status, 75);
    assert!(err.contains("cannot read the partition table of") && err.contains("disk.img"), "{err}");
    std::fs::remove_file(image.path()).unwrap();
    let (status, _, err) = signpost(&image, "status");
    assert!(status == 75 && err.contains("cannot open"), "{err}");
}

#[test]
fn two_editors_take_turns() {
    let image = staged(SectorSize::B512);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| done(&image, "upgrade-to-inactive"));
            scope.spawn(|| done(&image, "cancel-upgrade"));
        }
    });
    let either = [
        sets((1, 0, true, 0), (2, TRIAL_TRIES, false, 0)),
        sets((2, 0, true, 0), (0, TRIAL_TRIES, false, 0)),
    ];
    assert!(either.contains(&image.sets()), "{:?}", image.sets());
    assert!(Path::new(&image.path()).exists());
}
