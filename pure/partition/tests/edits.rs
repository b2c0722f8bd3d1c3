//! Which sectors an edit writes, in which order, and where it waits. That no cut in between does harm is shown by
//! `tests/power`, with the firmware and the boot manager around it.

#![allow(clippy::unwrap_used)]

mod common;

use common::{BOTH_SIZES, Disk, gib, image};
use partition::{Copies, Edit, Edits, Fault, Geometry, Loaded, SectorSize, TableError, guid, load};

const FLUSH: u64 = u64::MAX;

/// First sectors of the writes, and the flushes.
fn shape(edits: &Edits) -> Vec<u64> {
    let step = |step: &Edit| match step {
        Edit::Write { lba, .. } => *lba,
        Edit::Flush => FLUSH,
    };
    edits.steps().iter().map(step).collect()
}

fn fresh(sector: SectorSize) -> Disk {
    let mut disk = Disk::empty(gib(sector, 4));
    disk.perform(image(sector).fresh_edits().steps());
    disk
}

fn loaded(disk: &Disk) -> Loaded {
    load(&mut disk.clone(), &disk.geometry).unwrap()
}

/// Entries and header of the backup copy.
fn backup(disk: &Geometry) -> [u64; 2] {
    [disk.last_lba() - 16384 / disk.sector().bytes() as u64, disk.last_lba()]
}

const PRIMARY: [u64; 2] = [2, 1];

/// Flush, first copy, flush, second copy, flush.
fn order(first: [u64; 2], second: [u64; 2]) -> Vec<u64> {
    [&[FLUSH][..], &first, &[FLUSH], &second, &[FLUSH]].concat()
}

#[test]
fn a_backup_copy_is_durable_before_the_primary_is_touched() {
    for sector in BOTH_SIZES {
        let disk = fresh(sector);
        let found = loaded(&disk);
        let spent = found.table.with_attributes(2, 0x01ff << 48).unwrap();
        assert_eq!(shape(&found.edits(&spent)), order(backup(&disk.geometry), PRIMARY));
        assert!(found.edits(&found.table).is_empty());
    }
}

#[test]
fn a_damaged_copy_is_written_first_whatever_is_changed() {
    for sector in BOTH_SIZES {
        let geometry = gib(sector, 4);
        let ends = backup(&geometry);
        for (lba, first, second) in
            [(1, PRIMARY, ends), (2, PRIMARY, ends), (ends[0], ends, PRIMARY), (ends[1], ends, PRIMARY)]
        {
            let mut disk = fresh(sector);
            disk.written.insert(lba, vec![0x5a; sector.bytes()]);
            let found = loaded(&disk);
            assert_eq!(found.table, image(sector));
            let spent = found.table.with_attributes(2, 1 << 48).unwrap();
            for table in [&found.table, &spent] {
                assert_eq!(shape(&found.edits(table)), order(first, second));
            }
            disk.perform(found.edits(&spent).steps());
            assert!(loaded(&disk).is_whole() && loaded(&disk).table == spent);
        }
    }
}

#[test]
fn copies_that_differ_are_made_to_agree_with_the_primary() {
    let mut disk = fresh(SectorSize::B512);
    let found = loaded(&disk);
    let spent = found.table.with_attributes(2, 1 << 48).unwrap();
    // A cut between the copies.
    disk.perform(&found.edits(&spent).steps()[..4]);
    let found = loaded(&disk);
    assert!(found.differ && found.table == image(SectorSize::B512));
    assert_eq!(found.copies(), Copies::Differ);
    disk.perform(found.edits(&found.table).steps());
    assert!(loaded(&disk).is_whole() && loaded(&disk).table == image(SectorSize::B512));
}

/// Firmware looks for a backup copy in the last sector alone: were the primary torn while the backup is where the
/// disk used to end, it would find no table at all.
#[test]
fn on_a_disk_that_has_grown_every_edit_brings_the_backup_to_its_end_first() {
    for sector in BOTH_SIZES {
        let mut disk = fresh(sector);
        disk.geometry = gib(sector, 16);
        let found = loaded(&disk);
        assert_eq!((found.backup, found.copies()), (Some(Fault::NotAtEnd), Copies::BackupNotAtEnd));
        let spent = found.table.with_attributes(2, 1 << 48).unwrap();
        let grown = found.table.grown(&disk.geometry).unwrap();
        for table in [&found.table, &spent, &grown] {
            assert_eq!(shape(&found.edits(table)), order(backup(&disk.geometry), PRIMARY));
        }
        disk.perform(found.edits(&spent).steps());
        let found = loaded(&disk);
        assert!(found.is_whole() && found.table == spent);
        assert_eq!(found.table.partitions().count(), image(sector).partitions().count());
    }
}

/// It has no second copy, and firmware that cannot read it sees no table.
#[test]
fn only_a_new_table_writes_the_protective_mbr() {
    let geometry = gib(SectorSize::B512, 4);
    let shape = shape(&image(SectorSize::B512).fresh_edits());
    assert_eq!(shape, [&[0][..], &PRIMARY, &[FLUSH], &backup(&geometry), &[FLUSH]].concat());
}

#[test]
fn a_guid_changes_alone_and_stays_unique() {
    let table = image(SectorSize::B512);
    let [first, root, _] = [1, 2, 3].map(|number| table.partitions().find(|p| p.number == number).unwrap());
    let new = guid!("77777777-0000-4000-8000-000000000007");
    let changed = table.with_guid(2, new).unwrap();
    assert_eq!(changed.by_guid(new).unwrap().name, root.name);
    assert_eq!(changed.with_guid(2, root.guid).unwrap(), table);
    assert_eq!(table.with_guid(2, first.guid), Err(TableError::Guid { number: 1 }));
    assert_eq!(table.with_guid(4, new), Err(TableError::Absent { number: 4 }));
    let zero = guid!("00000000-0000-0000-0000-000000000000");
    assert_eq!(table.with_guid(2, zero), Err(TableError::Guid { number: 2 }));
}
