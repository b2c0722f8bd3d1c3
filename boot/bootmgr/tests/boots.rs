//! Which set boots, on a machine in memory.

#![allow(clippy::unwrap_used)]

mod common;

use bootmgr::{Outcome, Watchdog, run};
use common::{BOTH_SIZES, Disk, Fake, attributes, confirmed, good, refused, returns, trial, uki};
use partition::SectorSize::B512;
use slots::{Attributes, Set, Sets};

fn machine(a: Attributes, b: Attributes) -> Fake {
    let mut disk = Disk::new(B512, a, b);
    disk.put(Set::A, &good("0.1.0", 1));
    disk.put(Set::B, &good("0.2.0", 1));
    Fake::new(disk)
}

#[test]
fn a_try_is_durable_in_both_copies_before_the_image_is_read() {
    // `Fake::read` holds it: here are the ways there.
    for sector in BOTH_SIZES {
        for (a, b) in [
            (trial(2, 3), confirmed(1)),
            (confirmed(2), confirmed(1)),
            (attributes(2, 0, true, 3), attributes(1, 0, true, 3)),
            (Attributes::EMPTY, trial(2, 1)),
        ] {
            let mut disk = Disk::new(sector, a, b);
            disk.put(Set::A, &good("0.1.0", 1));
            disk.put(Set::B, &good("0.2.0", 1));
            let first = Sets::new(a, b).next().unwrap().set;
            let mut fake = Fake::new(disk);
            assert_eq!(run(&mut fake), Outcome::Started(first));
            assert!(fake.durable.loaded().is_whole());
            assert_eq!(fake.durable.sets(), Sets::new(a, b).spend(first));
        }
    }
}

#[test]
fn a_zeroed_partition_boots_the_other_set_in_the_same_run() {
    for (a, left) in [(trial(2, 3), Attributes::EMPTY), (confirmed(2), attributes(2, 0, true, 1))] {
        let mut disk = Disk::new(B512, a, confirmed(1));
        disk.put(Set::B, &good("0.2.0", 1));
        let mut fake = Fake::new(disk);
        assert_eq!(run(&mut fake), Outcome::Started(Set::B));
        // A trial is never chosen again before it is staged anew; a confirmed set keeps its mark.
        assert_eq!(fake.durable.sets().get(Set::A), left);
        assert!(
            fake.said().contains(
                "refused set=A why=\"cannot read the image: there is no image: not a PE32+ image\""
            )
        );
        assert!(fake.said().contains("trying set=B why=other-refused"));
    }
}

#[test]
fn a_refused_image_is_never_started() {
    for status in ["ACCESS_DENIED", "SECURITY_VIOLATION"] {
        let mut fake = machine(trial(2, 3), confirmed(1));
        fake.cache.put(Set::A, &refused());
        fake.durable = fake.cache.clone();
        fake.refusal = status;
        assert_eq!(run(&mut fake), Outcome::Started(Set::B));
        assert_eq!(fake.started.len(), 1);
        assert!(fake.said().contains(&format!("refused set=A why=\"firmware refuses the image: {status}\"")));
    }
}

#[test]
fn an_image_that_gives_up_is_unloaded_and_the_next_one_started() {
    let mut fake = machine(trial(2, 3), confirmed(1));
    fake.cache.put(Set::A, &returns());
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    assert_eq!((fake.started.len(), fake.live_images), (2, 0));
    assert_eq!(fake.durable.sets().get(Set::A), Attributes::EMPTY);
    assert_eq!(fake.published.unwrap().0, Set::B);
}

#[test]
fn a_set_that_keeps_failing_yields_and_takes_turns() {
    let mut fake = machine(confirmed(2), confirmed(1));
    let mut booted = String::new();
    for _ in 0..15 {
        let Outcome::Started(set) = run(&mut fake) else { panic!("nothing booted") };
        booted += &set.to_string();
        fake = Fake::new(fake.durable);
    }
    assert_eq!(booted, "AAABBBAAABBBAAA");
}

#[test]
fn damaged_copies_are_repaired() {
    for sector in BOTH_SIZES {
        let disk = || {
            let mut disk = Disk::new(sector, confirmed(2), confirmed(1));
            disk.put(Set::A, &good("0.1.0", 1));
            disk
        };
        let last = disk().geometry.last_lba();
        for (lba, word) in [(1, "primary"), (2, "primary"), (last, "backup"), (last - 1, "backup")] {
            let mut disk = disk();
            disk.damage(lba);
            let mut fake = Fake::new(disk);
            assert_eq!(run(&mut fake), Outcome::Started(Set::A));
            assert_eq!(fake.console[0], format!("bootmgr: table copies={word}-damaged repaired=yes"));
            assert!(fake.durable.loaded().is_whole());
        }
        // A cut between the copies: the primary counts.
        let mut disk = disk();
        let steps = disk.loaded().edits(&Sets::new(confirmed(2), trial(3, 3)).table(&disk.table()).unwrap());
        let is_write = |step: &&partition::Edit| matches!(step, partition::Edit::Write { .. });
        let first_copy: Vec<_> = steps.steps().iter().filter(is_write).take(2).cloned().collect();
        disk.perform(&first_copy);
        let mut fake = Fake::new(disk);
        assert_eq!(run(&mut fake), Outcome::Started(Set::A));
        assert_eq!(fake.console[0], "bootmgr: table copies=differ repaired=yes");
        assert_eq!(fake.durable.sets().get(Set::B), confirmed(1));
    }
}

#[test]
fn a_disk_that_has_grown_gets_its_backup_copy_at_its_end() {
    let mut disk = Disk::new(B512, confirmed(2), confirmed(1));
    disk.put(Set::A, &good("0.1.0", 1));
    disk.geometry = partition::Geometry::new(B512, disk.geometry.sectors() * 2).unwrap();
    let mut fake = Fake::new(disk);
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert_eq!(fake.console[0], "bootmgr: table copies=backup-not-at-end repaired=yes");
    assert!(fake.durable.loaded().is_whole());
}

#[test]
fn a_disk_that_takes_no_writes_boots_its_confirmed_set() {
    let mut fake = machine(trial(2, 3), confirmed(1));
    fake.cache.damage(1);
    fake.writes_fail = true;
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    assert_eq!(
        fake.console[0], "bootmgr: table copies=primary-damaged repaired=no",
        "a failed repair does not stop the boot"
    );
    assert!(fake.said().contains("refused set=A why=\"its try cannot be written: cannot write sector "));
    assert!(fake.said().contains("not counted set=B"));

    let mut fake = machine(trial(2, 3), Attributes::EMPTY);
    fake.writes_fail = true;
    assert_eq!(run(&mut fake), Outcome::Started(Set::A), "a trial that is all there is boots as well");
}

#[test]
fn a_read_that_fails_costs_a_confirmed_set_no_more_than_its_turn() {
    let mut fake = machine(confirmed(2), confirmed(1));
    fake.unreadable = Some(Set::A);
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    assert_eq!(fake.durable.sets().get(Set::A), attributes(2, 0, true, 1));
    assert!(fake.said().contains("refused set=A why=\"cannot read the image: cannot read sector "));
}

#[test]
fn a_read_that_fails_costs_a_trial_one_try_and_no_quarantine() {
    let mut fake = machine(attributes(2, 3, false, 0), confirmed(1));
    fake.unreadable = Some(Set::A);
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    assert_eq!(fake.durable.sets().get(Set::A), attributes(2, 2, false, 0));
}

#[test]
fn an_image_longer_than_its_partition_is_refused() {
    let mut fake = machine(confirmed(2), confirmed(1));
    let mut image = good("0.1.0", 1);
    let header = image.windows(8).position(|name| name == b".linux\0\0").unwrap();
    image[header + 16..][..4].copy_from_slice(&(200_u32 << 20).to_le_bytes());
    fake.cache.put(Set::A, &image);
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    assert!(fake.said().contains("the partition has 9437184"), "{}", fake.said());
}

#[test]
fn large_images_are_read_whole_in_bounded_parts() {
    // `Fake::read` holds the bound.
    for sector in BOTH_SIZES {
        let mut disk = Disk::new(sector, confirmed(2), confirmed(1));
        let big = vec![3; (8 << 20) + 12345];
        let section = [pe::NewSection { name: ".initrd", bytes: &big }];
        disk.put(Set::A, &pe::append(&good("0.1.0", 1), &section).unwrap());
        let mut fake = Fake::new(disk);
        assert_eq!(run(&mut fake), Outcome::Started(Set::A));
        let image = &fake.started[0];
        let found = pe::Headers::parse(image).unwrap().section(".initrd").unwrap();
        assert!(found.in_memory(image) == Some(&big));
    }
}

#[test]
fn the_system_learns_what_the_console_said() {
    let mut fake = machine(trial(2, 3), confirmed(1));
    fake.watchdog = Some(Watchdog { name: "i6300esb", timeout_s: 60 });
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert_eq!(fake.published.clone().unwrap(), (Set::A, fake.said()));
    assert!(fake.said().contains("\nbootmgr: watchdog=i6300esb timeout_s=60\nbootmgr: starting set=A "));
}

#[test]
fn an_image_cannot_forge_the_trace() {
    let mut fake = machine(confirmed(2), confirmed(1));
    let version = format!("\"1 security_version=9\x1b[2J{}\"", "x".repeat(6000));
    fake.cache.put(Set::A, &uki(&version, Some(1), "6.12", "quiet"));
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert!(fake.said().contains("starting set=A version=1?security_version?9?[2Jxxx"));
    assert!(fake.said().bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    assert!(fake.published.unwrap().1.len() <= slots::variables::TRACE_MAX_BYTES);
}

#[test]
fn every_run_ends_and_boots_whatever_can_be_booted() {
    let states = || {
        let values = (0..3).flat_map(|p| (0..2).map(move |t| (p, t)));
        let counts = [(false, 0), (true, 0), (true, 3)];
        values.flat_map(move |(p, t)| counts.map(|(ok, f)| attributes(p, t, ok, f)))
    };
    // (image, does it start)
    let images = [(good("0.1.0", 1), true), (refused(), false), (returns(), false), (vec![0; 512], false)];
    let mut walked = 0;
    for (a, b) in states().flat_map(|a| states().map(move |b| (a, b))) {
        for pair in 0..images.len() * images.len() {
            let ((image_a, a_starts), (image_b, b_starts)) = (&images[pair % 4], &images[pair / 4]);
            let mut disk = Disk::new(B512, a, b);
            disk.put(Set::A, image_a);
            disk.put(Set::B, image_b);
            let starts = |set| if set == Set::A { *a_starts } else { *b_starts };
            let want = Sets::new(a, b).order().map(|choice| choice.set).find(|set| starts(*set));
            let mut fake = Fake::new(disk);
            let outcome = run(&mut fake);
            assert_eq!(
                outcome,
                want.map_or(Outcome::NothingLeft, Outcome::Started),
                "{a:?} {b:?} {}",
                fake.said()
            );
            assert!(fake.durable.loaded().is_whole() && fake.live_images == 0);
            let before = Sets::new(a, b).any_can_boot();
            assert_eq!(fake.durable.sets().any_can_boot(), before, "{a:?} {b:?}");
            walked += 1;
        }
    }
    assert_eq!(walked, 18 * 18 * 16);
}
