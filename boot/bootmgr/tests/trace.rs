//! The trace, byte for byte. `BLESS=1` rewrites the golden files.

#![allow(clippy::unwrap_used)]

mod common;

use std::{env, fs, path::Path};

use bootmgr::{Outcome, SecureBoot, StoredFloor, Watchdog, run};
use common::{Disk, Fake, attributes, confirmed, good, refused, trial};
use partition::SectorSize::B512;
use slots::{Attributes, Set};

fn golden(name: &str, fake: &mut Fake, want: Outcome) {
    assert_eq!(run(fake), want);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&file, fake.said()).unwrap();
    }
    assert_eq!(fake.said(), fs::read_to_string(&file).unwrap(), "{name}");
}

fn disk(a: Attributes, b: Attributes) -> Disk {
    let mut disk = Disk::new(B512, a, b);
    disk.put(Set::A, &good("0.1.0", 1));
    disk.put(Set::B, &good("0.2.0", 2));
    disk
}

#[test]
fn a_trial_that_starts() {
    golden("trial.txt", &mut Fake::new(disk(confirmed(1), trial(2, 3))), Outcome::Started(Set::B));
}

#[test]
fn a_confirmed_set_under_secure_boot_that_raises_the_floor() {
    let mut fake = Fake::new(disk(Attributes::EMPTY, confirmed(2)));
    fake.secure_boot = SecureBoot::On;
    fake.floor = Some(StoredFloor::new([1, 0, 0, 0]));
    fake.watchdog = Some(Watchdog { name: "i6300esb", timeout_s: 60 });
    golden("secure.txt", &mut fake, Outcome::Started(Set::B));
}

#[test]
fn a_refused_trial_and_a_repaired_table() {
    let mut disk = disk(trial(2, 3), confirmed(1));
    disk.put(Set::A, &refused());
    disk.damage(1);
    golden("refused.txt", &mut Fake::new(disk), Outcome::Started(Set::B));
}

#[test]
fn a_set_that_lost_its_standing() {
    let disk = disk(attributes(2, 0, true, 3), confirmed(1));
    golden("failing.txt", &mut Fake::new(disk), Outcome::Started(Set::B));
}

#[test]
fn nothing_bootable_is_left() {
    let mut disk = disk(trial(2, 0), confirmed(1));
    disk.put(Set::B, &[0; 512]);
    golden("nothing-left.txt", &mut Fake::new(disk.clone()), Outcome::NothingLeft);
    let mut fake = Fake::new(disk);
    fake.secure_boot = SecureBoot::On;
    golden("nothing-left-secure.txt", &mut fake, Outcome::NothingLeft);
}

#[test]
fn a_disk_that_is_not_ours() {
    let mut disk = disk(confirmed(2), confirmed(1));
    let last = disk.geometry.last_lba();
    disk.damage(1);
    disk.damage(last);
    golden("no-table.txt", &mut Fake::new(disk), Outcome::NothingLeft);
}
