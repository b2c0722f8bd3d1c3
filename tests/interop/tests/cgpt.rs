//! The attribute bits as ChromeOS's own tool has them.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use block::{Access, Device};
use interop::cgpt::{self, Kernel};
use partition::{Geometry, Guid, Loaded, PlannedPartition, SectorSize, Size, Table, build, guid};
use slots::{Attributes, Set, Sets};

/// ChromeOS's kernels: the type whose attributes `cgpt` reads. Ours is another one, so that no tool changes ours.
const KERNEL: Guid = guid!("fe3a2a5d-4f32-41a7-b725-accc3285a309");
const DISK: Guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");
const IMAGE_BYTES: u64 = 256 << 20;

fn numbered(number: usize) -> Guid {
    let mut bytes = DISK.to_bytes();
    (bytes[14], bytes[15]) = (0xff, number as u8);
    Guid::from_bytes(bytes)
}

/// A table of kernels with these attribute fields.
fn table(fields: &[u64]) -> Table {
    let plan: Vec<_> = (0..)
        .zip(fields)
        .map(|(number, bits)| PlannedPartition {
            name: format!("KERN-{number}"),
            type_guid: KERNEL,
            guid: numbered(number),
            size: Size::Bytes(1 << 20),
            attributes: *bits,
        })
        .collect();
    build(&Geometry::new(SectorSize::B512, IMAGE_BYTES / 512).unwrap(), DISK, &plan).unwrap()
}

fn image_of(table: &Table) -> tempfile::NamedTempFile {
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(IMAGE_BYTES).unwrap();
    let mut device = Device::open_as(image.path(), Access::Write, SectorSize::B512).unwrap();
    block::table::perform(&mut device, &table.fresh_edits()).unwrap();
    image
}

fn read(image: &Path) -> Loaded {
    block::table::read(&Device::open_as(image, Access::Read, SectorSize::B512).unwrap()).unwrap()
}

fn kernel(label: &str, attributes: Attributes) -> Kernel {
    let (priority, tries) = (attributes.priority(), attributes.tries());
    Kernel { label: label.into(), priority, tries, successful: attributes.successful() }
}

/// Every priority, tries and successful, each with some number of failures.
fn every() -> Vec<Attributes> {
    let of = |number: u64| Attributes::from_bits(number << 48 | (number % 4) << 57);
    (0..16 * 16 * 2).map(of).collect()
}

#[test]
fn cgpt_reads_every_value_that_we_write() {
    let Some(tools) = interop::tools("cgpt reads what we write") else { return };
    for attributes in every().chunks(128) {
        let fields: Vec<u64> = attributes.iter().map(|attributes| attributes.apply(0)).collect();
        let image = image_of(&table(&fields));
        let found = cgpt::kernels(&tools, image.path()).unwrap().expect("cgpt finds both copies good");
        let wanted: Vec<_> =
            (0..).zip(attributes).map(|(number, it)| kernel(&format!("KERN-{number}"), *it)).collect();
        assert_eq!(found, wanted);
    }
}

#[test]
fn we_read_what_cgpt_writes_and_it_keeps_our_failures() {
    let Some(tools) = interop::tools("we read what cgpt writes") else { return };
    let failures = Attributes::new(0, 0, false, 2).unwrap().apply(0);
    let image = image_of(&table(&[failures; 4]));
    for (number, attributes) in (0..).zip(every().into_iter().step_by(13)) {
        let number = number % 4 + 1;
        cgpt::set(&tools, image.path(), number, &kernel("", attributes)).unwrap();
        let found = read(image.path());
        assert!(found.is_whole(), "cgpt writes both copies");
        let bits = found.table.partitions().nth(number as usize - 1).unwrap().attributes;
        let (priority, tries) = (attributes.priority(), attributes.tries());
        let wanted = Attributes::new(priority, tries, attributes.successful(), 2).unwrap();
        assert_eq!(Attributes::from_bits(bits), wanted);
    }
}

/// What would boot, of two kernels in a table.
fn next(image: &Path) -> Option<Set> {
    let found = read(image).table;
    let mut both = found.partitions().map(|partition| Attributes::from_bits(partition.attributes));
    let (a, b) = (both.next().unwrap(), both.next().unwrap());
    Sets::new(a, b).next().map(|choice| choice.set)
}

#[test]
fn cgpt_and_we_agree_on_which_comes_first() {
    let Some(tools) = interop::tools("cgpt's order and ours") else { return };
    let bootable = |priority, tries, successful| Attributes::new(priority, tries, successful, 0).unwrap();
    let values = [bootable(1, 3, false), bootable(2, 0, true), bootable(2, 1, false), bootable(15, 0, true)];
    for a in values {
        for b in values {
            for (number, set) in [(1, Set::A), (2, Set::B)] {
                let image = image_of(&table(&[a.apply(0), b.apply(0)]));
                cgpt::prioritize(&tools, image.path(), number).unwrap();
                assert_eq!(next(image.path()), Some(set), "{a:?} {b:?}: cgpt put {set} first");
                // And it ranks as we do: by priority, and nothing else that it knows.
                let ranked = cgpt::kernels(&tools, image.path()).unwrap().unwrap();
                let first = usize::from(set == Set::B);
                assert!(ranked[first].priority > ranked[1 - first].priority);
            }
        }
    }
}

#[test]
fn cgpt_finds_nothing_to_repair_after_our_edits() {
    let Some(tools) = interop::tools("cgpt repairs nothing of ours") else { return };
    let image = image_of(&table(&[Attributes::FACTORY.apply(0), 0]));
    let mut device = Device::open_as(image.path(), Access::Write, SectorSize::B512).unwrap();
    let found = block::table::read(&device).unwrap();
    let armed = found.table.with_attributes(2, Attributes::new(2, 3, false, 0).unwrap().apply(0)).unwrap();
    block::table::perform(&mut device, &found.edits(&armed)).unwrap();
    let kernels = cgpt::kernels(&tools, image.path()).unwrap().expect("cgpt finds both copies good");
    assert_eq!((kernels[1].priority, kernels[1].tries), (2, 3));

    // And it sees damage where there is some: the answer above is not what it says of everything.
    std::os::unix::fs::FileExt::write_all_at(image.as_file(), &[0x5a; 512], IMAGE_BYTES - 512).unwrap();
    assert_eq!(cgpt::kernels(&tools, image.path()).unwrap(), None);
}
