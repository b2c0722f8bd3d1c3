//! The security floor.

#![allow(clippy::unwrap_used)]

mod common;

use bootmgr::{Outcome, SecureBoot, StoredFloor, run};
use common::{Disk, Fake, confirmed, good, refused, trial, uki};
use partition::SectorSize::B512;
use slots::{Attributes, Set};

/// Set A, which boots first, and set B, each with a security version; and the floor.
fn machine(a: (Attributes, u32), b: (Attributes, u32), floor: u32) -> Fake {
    let mut disk = Disk::new(B512, a.0, b.0);
    disk.put(Set::A, &good("0.1.0", a.1));
    disk.put(Set::B, &good("0.2.0", b.1));
    let mut fake = Fake::new(disk);
    fake.secure_boot = SecureBoot::On;
    fake.floor = (floor > 0).then(|| StoredFloor::new(floor.to_le_bytes()));
    fake
}

fn floor(fake: &Fake) -> u32 {
    fake.floor.as_ref().map_or(0, |floor| u32::from_le_bytes(floor.bytes.as_slice().try_into().unwrap()))
}

#[test]
fn an_image_below_the_floor_is_refused() {
    for secure_boot in [SecureBoot::On, SecureBoot::Off, SecureBoot::Setup] {
        let mut fake = machine((trial(2, 3), 1), (confirmed(1), 2), 2);
        fake.secure_boot = secure_boot;
        assert_eq!(run(&mut fake), Outcome::Started(Set::B));
        assert!(fake.said().contains("refused set=A why=\"security version 1 is below the floor 2\""));
        assert_eq!((fake.started.len(), floor(&fake)), (1, 2));
    }
}

#[test]
fn an_image_without_a_security_version_counts_as_zero() {
    let mut fake = machine((confirmed(2), 1), (confirmed(1), 1), 1);
    fake.cache.put(Set::A, &uki("0.1.0", None, "6.12", "quiet"));
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    let mut fake = machine((confirmed(2), 1), (confirmed(1), 1), 0);
    fake.cache.put(Set::A, &uki("0.1.0", None, "6.12", "quiet"));
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert_eq!(floor(&fake), 0);
}

#[test]
fn the_loaded_copy_counts_not_what_was_read() {
    let mut fake = machine((confirmed(2), 5), (Attributes::EMPTY, 5), 3);
    fake.loads = Some(good("0.1.0", 2));
    assert_eq!(run(&mut fake), Outcome::NothingLeft);
    assert!(fake.started.is_empty());
}

#[test]
fn the_floor_rises_to_the_least_version_that_can_boot() {
    for (a, b, before, after) in [
        ((confirmed(2), 3), (confirmed(1), 2), 0, 2),
        ((confirmed(2), 3), (confirmed(1), 7), 1, 3),
        ((confirmed(2), 3), (trial(1, 1), 1), 0, 1),
        ((confirmed(2), 3), (Attributes::EMPTY, 1), 1, 3),
        ((confirmed(2), 3), (confirmed(1), 3), 3, 3),
        // Never lowered, and not by a set that has sunk below it.
        ((confirmed(2), 3), (confirmed(1), 1), 2, 2),
    ] {
        let mut fake = machine(a, b, before);
        assert_eq!(run(&mut fake), Outcome::Started(Set::A));
        assert_eq!(floor(&fake), after, "{a:?} {b:?} {before}");
        let line = format!("floor={after} raised_from={before}");
        assert_eq!(fake.said().contains(&line), before != after);
    }
}

#[test]
fn nobody_raises_the_floor_without_secure_boot_or_on_trial() {
    for secure_boot in [SecureBoot::Off, SecureBoot::Setup] {
        let mut fake = machine((confirmed(2), 3), (confirmed(1), 3), 0);
        fake.secure_boot = secure_boot;
        assert_eq!(run(&mut fake), Outcome::Started(Set::A));
        assert_eq!(floor(&fake), 0);
    }
    let mut fake = machine((trial(2, 3), 3), (confirmed(1), 3), 1);
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert_eq!(floor(&fake), 1);
}

#[test]
fn a_set_that_cannot_be_read_keeps_the_floor_where_it_is() {
    let mut fake = machine((confirmed(2), 3), (confirmed(1), 3), 1);
    fake.unreadable = Some(Set::B);
    assert_eq!(run(&mut fake), Outcome::Started(Set::A));
    assert_eq!(floor(&fake), 1);
}

#[test]
fn a_floor_that_a_running_system_could_have_written_is_deleted() {
    let forged = |bytes: &[u8], runtime_access| {
        let mut fake = machine((confirmed(2), 1), (Attributes::EMPTY, 1), 0);
        fake.secure_boot = SecureBoot::Off;
        fake.floor = Some(StoredFloor { bytes: bytes.to_vec(), runtime_access });
        assert_eq!(run(&mut fake), Outcome::Started(Set::A));
        assert_eq!(fake.floor, None);
        fake.said()
    };
    assert!(forged(&[9, 0, 0, 0], true).contains("floor=0 discarded=\"shows runtime access\""));
    assert!(forged(&[9, 0, 0], false).contains("floor=0 discarded=\"not four bytes\""));
}

#[test]
fn a_refused_image_raises_nothing() {
    let mut fake = machine((confirmed(2), 9), (confirmed(1), 2), 0);
    fake.cache.put(Set::A, &refused());
    fake.durable = fake.cache.clone();
    assert_eq!(run(&mut fake), Outcome::Started(Set::B));
    // A can boot by its bits, and what it claims is 9: the least is B's.
    assert_eq!(floor(&fake), 2);
}
