//! Building, growing, finding; and refusing what is damaged or hostile.

#![allow(clippy::unwrap_used)]

mod common;

use common::{BOTH_SIZES, DISK, Disk, ESP, gib, image, plan, planned};
use partition::{Fault, Geometry, GrowError, PlanError, SectorSize, Size, TableError, build, guid, load};

fn disk_with_image(sector: SectorSize) -> Disk {
    let mut disk = Disk::empty(gib(sector, 4));
    disk.perform(image(sector).fresh_edits().steps());
    disk
}

#[test]
fn a_built_table_reads_back_from_either_copy() {
    for sector in BOTH_SIZES {
        let mut disk = disk_with_image(sector);
        let geometry = disk.geometry;
        let found = load(&mut disk, &geometry).unwrap();
        assert!(found.is_whole());
        assert_eq!(found.table, image(sector));

        for (lba, fault) in [(1, Fault::HeaderChecksum), (2, Fault::EntriesChecksum)] {
            let mut damaged = disk.clone();
            damaged.written.get_mut(&lba).unwrap()[80] ^= 1;
            let found = load(&mut damaged, &geometry).unwrap();
            assert_eq!((found.table, found.primary), (image(sector), Some(fault)));
        }
        let mut damaged = disk.clone();
        damaged.written.get_mut(&geometry.last_lba()).unwrap()[0] ^= 1;
        assert_eq!(load(&mut damaged, &geometry).unwrap().backup, Some(Fault::Signature));
    }
}

#[test]
fn partitions_are_in_order_on_mebibyte_boundaries_and_findable() {
    for sector in BOTH_SIZES {
        let table = image(sector);
        let mebi = sector.alignment();
        let parts: Vec<_> = table.partitions().collect();
        let spans: Vec<_> = parts.iter().map(|p| (p.first_lba / mebi, p.sectors() / mebi)).collect();
        assert_eq!(spans, [(1, 128), (129, 256), (385, 4096 - 385 - 1)]);
        assert!(parts.iter().all(|p| p.first_lba % mebi == 0 && p.sectors() % mebi == 0));
        assert_eq!(table.by_name("ROOT-A").unwrap().number, 2);
        assert_eq!(table.by_guid(guid!("33333333-0000-4000-8000-000000000003")).unwrap().name, "DATA");
        assert_eq!(table.by_name("root-a"), None);
    }
}

#[test]
fn only_the_last_partition_grows() {
    for sector in BOTH_SIZES {
        let (old, big) = (image(sector), gib(sector, 16));
        let grown = old.grown(&big).unwrap();
        let (before, after): (Vec<_>, Vec<_>) = (old.partitions().collect(), grown.partitions().collect());
        assert_eq!(before[..2], after[..2]);
        assert_eq!(after[2].first_lba, before[2].first_lba);
        assert_eq!(after[2].last_lba + 1, 16383 * sector.alignment());
        assert_eq!(grown.grown(&big), Ok(grown.clone()));
        assert!(matches!(grown.grown(&gib(sector, 4)), Err(GrowError::Shrunk { .. })));
    }
    let other = gib(SectorSize::B4096, 16);
    assert_eq!(image(SectorSize::B512).grown(&other), Err(GrowError::SectorSize));
}

#[test]
fn attributes_change_alone() {
    let table = image(SectorSize::B512);
    let armed = table.with_attributes(2, 0x0123_4567_89ab_cdef).unwrap();
    assert_eq!(armed.by_name("ROOT-A").unwrap().attributes, 0x0123_4567_89ab_cdef);
    assert_eq!(armed.with_attributes(2, 0).unwrap(), table);
    for number in [0, 4, 128, 129, u32::MAX] {
        assert_eq!(table.with_attributes(number, 1), Err(TableError::Absent { number }));
    }
}

#[test]
fn impossible_plans_are_refused() {
    let disk = gib(SectorSize::B512, 4);
    let refused = |plan: &[_]| build(&disk, DISK, plan).unwrap_err();

    let mut rest_first = plan();
    rest_first.rotate_right(1);
    assert!(matches!(refused(&rest_first), PlanError::NoRoom { .. }));
    for bytes in [5 << 30, u64::MAX] {
        let huge = planned("A", ESP, DISK, Size::Bytes(bytes));
        assert!(matches!(refused(&[huge]), PlanError::NoRoom { .. }));
    }
    let twins = [planned("A", ESP, DISK, Size::Bytes(1)), planned("B", ESP, DISK, Size::Bytes(1))];
    assert!(matches!(refused(&twins), PlanError::Table(TableError::Guid { number: 1 })));
    let long = planned(&"x".repeat(36), ESP, DISK, Size::Rest);
    assert!(matches!(refused(&[long]), PlanError::Name { .. }));
    let untyped = planned("A", guid!("00000000-0000-0000-0000-000000000000"), DISK, Size::Rest);
    assert!(matches!(refused(&[untyped]), PlanError::Type { .. }));
    let crowd: Vec<_> = (0..129).map(|_| planned("A", ESP, DISK, Size::Bytes(1))).collect();
    assert!(matches!(refused(&crowd), PlanError::TooMany { count: 129 }));
    assert!(Geometry::new(SectorSize::B512, 100).is_err());
    assert!(Geometry::new(SectorSize::B4096, u64::MAX).is_err());
}

#[test]
fn a_table_beyond_its_disk_is_refused() {
    let mut disk = disk_with_image(SectorSize::B512);
    disk.geometry = gib(SectorSize::B512, 3);
    let geometry = disk.geometry;
    let err = load(&mut disk, &geometry).unwrap_err();
    assert_eq!((err.primary, err.backup), (Fault::Geometry, Fault::Signature));
}

/// The headers that sgdisk 1.0.9 and sfdisk 2.38.1 write for the plan of `common` (their checksums cover the entries).
#[test]
fn headers_are_those_that_sgdisk_writes() {
    let mut disk = disk_with_image(SectorSize::B512);
    let last = disk.geometry.last_lba();
    let hex =
        |disk: &Disk, lba| disk.sector(lba)[..92].iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(hex(&disk, 1), include_str!("sgdisk/primary.hex").trim());
    assert_eq!(hex(&disk, last), include_str!("sgdisk/backup.hex").trim());

    disk.geometry = gib(SectorSize::B512, 16);
    let found = load(&mut disk.clone(), &disk.geometry.clone()).unwrap();
    disk.perform(found.edits(&found.table.grown(&disk.geometry).unwrap()).steps());
    let last = disk.geometry.last_lba();
    assert_eq!(hex(&disk, 1), include_str!("sgdisk/grown-primary.hex").trim());
    assert_eq!(hex(&disk, last), include_str!("sgdisk/grown-backup.hex").trim());
}
