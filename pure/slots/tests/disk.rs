//! Sets in a partition table.

#![allow(clippy::unwrap_used)]

use partition::{Geometry, Guid, PlannedPartition, SectorSize, Size, Table, build, guid};
use slots::{Attributes, BOOT_TYPE, MissingSet, NoSets, ROOT_TYPE, Set, Sets};

const DISK: Guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");
const OTHER: Guid = guid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d");
/// Bits that are not ours: required, legacy boot, and what is left of the type's own.
const NOT_OURS: u64 = 0xf800_0000_0000_0005;

fn table(partitions: &[(&str, Guid, u64)]) -> Table {
    let planned = |(number, (name, type_guid, attributes)): (u8, &(&str, Guid, u64))| {
        let mut guid = DISK.to_bytes();
        guid[15] = number;
        PlannedPartition {
            name: (*name).into(),
            type_guid: *type_guid,
            guid: Guid::from_bytes(guid),
            size: Size::Bytes(1 << 20),
            attributes: *attributes,
        }
    };
    let plan: Vec<_> = (2..).zip(partitions).map(planned).collect();
    build(&Geometry::new(SectorSize::B512, 1 << 20).unwrap(), DISK, &plan).unwrap()
}

fn armed() -> Sets {
    Sets::new(Attributes::FACTORY, Attributes::new(2, 3, false, 0).unwrap())
}

#[test]
fn sets_are_found_by_type_and_name_and_change_alone() {
    let before = table(&[
        ("BOOT-A", OTHER, 1 << 48),
        ("ROOT-A", ROOT_TYPE, 7),
        ("BOOT-A", BOOT_TYPE, NOT_OURS),
        ("BOOT-B", BOOT_TYPE, 0),
        ("BOOT-B", BOOT_TYPE, 9 << 48),
    ]);
    assert_eq!(Sets::of_table(&before).unwrap(), Sets::new(Attributes::EMPTY, Attributes::EMPTY));
    assert_eq!(Set::A.boot_partition(&before).unwrap().number, 3);
    assert_eq!(Set::A.root_partition(&before).unwrap().number, 2);
    assert_eq!(Set::B.root_partition(&before), None);

    let after = armed().table(&before).unwrap();
    assert_eq!(Sets::of_table(&after).unwrap(), armed());
    let attributes: Vec<u64> = after.partitions().map(|partition| partition.attributes).collect();
    let (a, b) = (Attributes::FACTORY.apply(NOT_OURS), armed().get(Set::B).apply(0));
    assert_eq!(attributes, [1 << 48, 7, a, b, 9 << 48]);
    assert_eq!(a & NOT_OURS, NOT_OURS);
}

#[test]
fn a_disk_with_one_set_boots_it() {
    let one = table(&[("BOOT-B", BOOT_TYPE, Attributes::FACTORY.apply(0))]);
    let sets = Sets::of_table(&one).unwrap();
    assert_eq!(sets, Sets::new(Attributes::EMPTY, Attributes::FACTORY));
    assert_eq!(sets.next().unwrap().set, Set::B);
    assert!(sets.spend(Set::B).table(&one).is_ok());
    assert_eq!(armed().table(&one), Err(MissingSet { set: Set::A }));
}

#[test]
fn a_disk_with_neither_is_not_ours() {
    let foreign = table(&[("BOOT-A", OTHER, 1 << 48), ("boot-a", BOOT_TYPE, 1 << 48)]);
    assert_eq!(Sets::of_table(&foreign), Err(NoSets));
    let message = "the partition table has neither BOOT-A nor BOOT-B (type 3a87fb39-fbef-46c2-92dc-61693d1a1022); \
                   this is not a disk of ours";
    assert_eq!(NoSets.to_string(), message);
}

#[test]
fn letters_and_names_are_what_variables_and_tables_hold() {
    for set in Set::BOTH {
        assert_eq!(Set::from_letter(set.to_string().as_bytes()), Some(set));
        assert_eq!(set.to_string(), set.letter().to_string());
        assert_eq!(set.boot_name(), format!("BOOT-{set}"));
        assert_eq!(set.root_name(), format!("ROOT-{set}"));
        assert_eq!(set.other().other(), set);
    }
    for other in [&b"a"[..], b"", b"AB", b"A\0", b"C"] {
        assert_eq!(Set::from_letter(other), None);
    }
}
