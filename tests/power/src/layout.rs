//! Disks as our images have them.

use partition::{Geometry, Guid, PlannedPartition, SectorSize, Size, Table, build, guid};
use slots::{Attributes, BOOT_TYPE, ROOT_TYPE, Set, Sets};

use crate::disk::Disk;
use crate::machine::Images;

/// The sector sizes that disks have.
pub const BOTH_SIZES: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];
/// Of an image.
const IMAGE_GIB: u64 = 4;

const ESP: Guid = guid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
const STATE: Guid = guid!("5e6cf239-ba39-4636-a427-ac8d8b4e6a82");
const DATA: Guid = guid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d");
const DISK: Guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");

/// A disk of so many GiB.
pub fn gib(sector: SectorSize, gib: u64) -> Geometry {
    Geometry::new(sector, (gib << 30) / sector.bytes() as u64).expect("a disk of whole GiB carries a table")
}

/// A GUID like no other on the disk.
pub fn numbered(number: u8) -> Guid {
    let mut bytes = DISK.to_bytes();
    bytes[15] = number;
    Guid::from_bytes(bytes)
}

/// The partitions of an image (docs/formats/disk.md), with what their sets say.
pub fn plan(sets: Sets) -> Vec<PlannedPartition> {
    let mut number = 0;
    let mut planned = |name: &str, type_guid, mib: u64, attributes| {
        number += 1;
        let guid = numbered(number);
        let size = if mib == 0 { Size::Rest } else { Size::Bytes(mib << 20) };
        PlannedPartition { name: name.into(), type_guid, guid, size, attributes }
    };
    let bits = |set| sets.get(set).apply(0);
    vec![
        planned("ESP", ESP, 128, 0),
        planned("BOOT-A", BOOT_TYPE, 128, bits(Set::A)),
        planned("ROOT-A", ROOT_TYPE, 1024, 0),
        planned("BOOT-B", BOOT_TYPE, 128, bits(Set::B)),
        planned("ROOT-B", ROOT_TYPE, 1024, 0),
        planned("STATE", STATE, 256, 0),
        planned("DATA", DATA, 0, 0),
    ]
}

/// The table of an image.
pub fn table_of(sector: SectorSize, sets: Sets) -> Table {
    build(&gib(sector, IMAGE_GIB), DISK, &plan(sets)).expect("our own plan fits")
}

/// A disk with the table, and with image 0 in set A and image 1 in set B, each where its attributes are not empty.
pub fn installed(sector: SectorSize, sets: Sets, images: &Images) -> Disk {
    let table = table_of(sector, sets);
    let mut disk = Disk::new(*table.disk());
    block::table::perform(&mut disk, &table.fresh_edits()).expect("mains power");
    for set in Set::BOTH.into_iter().filter(|set| sets.get(*set) != Attributes::EMPTY) {
        let partition = set.boot_partition(&table).expect("both sets have one");
        disk.put(partition.first_lba, images.get(set as usize));
    }
    disk
}

/// The same disk after somebody gave the machine a larger one.
pub fn grown_disk(disk: &Disk, by_sectors: u64) -> Disk {
    let now = disk.geometry();
    let larger =
        Geometry::new(now.sector(), now.sectors() + by_sectors).expect("larger still carries a table");
    disk.clone().resized(larger)
}
