//! Power cuts at every write of every kind of edit, as promised in the crate's documentation.
//!
//! Fault model: a flush makes everything before it durable; of the writes since the last flush any subset of
//! sectors survives, and each of them may be torn in the middle. Sectors whose bytes do not change are no choice,
//! which leaves so few that all combinations are walked.

#![allow(clippy::unwrap_used)]

mod common;

use common::{BOTH_SIZES, Disk, gib, image, sectors_of};
use partition::{Edit, Edits, Geometry, Loaded, Table, load};

/// Every disk that a cut during `edits` can leave behind, whole edits included.
fn cuts(before: &Disk, edits: &Edits) -> Vec<Disk> {
    let mut durable = before.clone();
    let mut left = Vec::new();
    for segment in edits.steps().split_inclusive(|step| *step == Edit::Flush) {
        let changes: Vec<_> = segment
            .iter()
            .flat_map(|step| sectors_of(step, before.geometry.sector()))
            .filter(|(lba, bytes)| durable.sector(*lba) != *bytes)
            .collect();
        assert!(changes.len() <= 6, "{} changed sectors: too many to walk", changes.len());
        for fates in 0..3_usize.pow(changes.len() as u32) {
            let mut disk = durable.clone();
            let mut rest = fates;
            for (lba, new) in &changes {
                let old = durable.sector(*lba);
                let survivor = match rest % 3 {
                    0 => old,
                    1 => new.clone(),
                    _ => torn(&old, new),
                };
                disk.written.insert(*lba, survivor);
                rest /= 3;
            }
            left.push(disk);
        }
        durable.perform(segment);
    }
    left
}

fn loaded(disk: &Disk) -> Loaded {
    load(&mut disk.clone(), &disk.geometry).expect("a table must be readable")
}

/// The new sector's beginning and the old one's end, parted in the middle of what differs.
fn torn(old: &[u8], new: &[u8]) -> Vec<u8> {
    let differs = |at: &usize| old[*at] != new[*at];
    let (first, last) = ((0..old.len()).find(differs).unwrap(), (0..old.len()).rfind(differs).unwrap());
    let middle = (first + last).div_ceil(2);
    [&new[..middle], &old[middle..]].concat()
}

/// Cuts the change everywhere, starts it again from what is found, and cuts that everywhere too.
fn survives(start: &Disk, change: impl Fn(&Table, &Geometry) -> Table) -> usize {
    let found = loaded(start);
    let old = found.table.clone();
    let new = change(&old, &start.geometry);
    let mut walked = 0;
    for cut in cuts(start, &found.edits(&new)) {
        let again = loaded(&cut);
        assert!(again.table == old || again.table == new, "neither the old nor the new table");
        let edits = again.edits(&change(&again.table, &cut.geometry));
        for second in cuts(&cut, &edits) {
            let table = loaded(&second).table;
            assert!(table == old || table == new, "neither the old nor the new table after a second cut");
            walked += 1;
        }
        let mut done = cut.clone();
        done.perform(edits.steps());
        let end = loaded(&done);
        assert!(end.is_whole() && end.table == new, "a restarted change must complete");
        assert!(end.edits(&new).is_empty(), "a completed change has nothing left to write");
    }
    walked
}

fn fresh(sector: partition::SectorSize) -> Disk {
    let mut disk = Disk::empty(gib(sector, 4));
    disk.perform(image(sector).fresh_edits().steps());
    disk
}

fn grow(table: &Table, disk: &Geometry) -> Table {
    table.grown(disk).unwrap()
}

fn spend(table: &Table, _: &Geometry) -> Table {
    table.with_attributes(2, 0x01ff << 48).unwrap()
}

#[test]
fn growth_survives_every_cut() {
    for sector in BOTH_SIZES {
        let mut disk = fresh(sector);
        disk.geometry = gib(sector, 16);
        assert!(survives(&disk, grow) > 300);
    }
}

#[test]
fn growth_by_less_than_a_backup_copy_survives_every_cut() {
    for sector in BOTH_SIZES {
        let mut disk = fresh(sector);
        disk.geometry = Geometry::new(sector, disk.geometry.sectors() + 3).unwrap();
        survives(&disk, grow);
    }
}

#[test]
fn an_attribute_edit_survives_every_cut() {
    for sector in BOTH_SIZES {
        assert!(survives(&fresh(sector), spend) > 100);
    }
}

#[test]
fn edits_of_a_disk_with_one_damaged_copy_survive_every_cut() {
    for sector in BOTH_SIZES {
        let last = gib(sector, 4).last_lba();
        for damaged in [1, 2, last, last - 1, last - (16384 / sector.bytes() as u64)] {
            let mut disk = fresh(sector);
            disk.written.insert(damaged, vec![0x5a; sector.bytes()]);
            survives(&disk, spend);
        }
    }
}

#[test]
fn edits_after_a_cut_between_the_copies_survive_every_cut() {
    for sector in BOTH_SIZES {
        let mut disk = fresh(sector);
        let edits = loaded(&disk).edits(&spend(&image(sector), &disk.geometry));
        let first_flush = edits.steps().iter().position(|step| *step == Edit::Flush).unwrap();
        disk.perform(&edits.steps()[..=first_flush]);
        assert!(loaded(&disk).differ);
        survives(&disk, |table, _| table.with_attributes(2, 7 << 52).unwrap());
    }
}

#[test]
fn a_backup_copy_is_durable_before_the_primary_is_touched() {
    let mut disk = fresh(partition::SectorSize::B512);
    disk.geometry = gib(partition::SectorSize::B512, 16);
    let found = loaded(&disk);
    let edits = found.edits(&grow(&found.table, &disk.geometry));
    let shape: Vec<_> = edits
        .steps()
        .iter()
        .map(|step| match step {
            Edit::Write { lba, .. } => *lba,
            Edit::Flush => u64::MAX,
        })
        .collect();
    let last = disk.geometry.last_lba();
    assert_eq!(shape, [last - 32, last, u64::MAX, 0, 2, 1, u64::MAX]);
}
