//! Small disk images with two sets in them, whole in every way that a host looks at: a table with our partitions, signed
//! UKIs, verity roots. For tests of what reads and changes them.
//!
//! Nothing in them runs: the stub is a header, the root a pattern.

#![allow(clippy::unwrap_used)]

mod root;
mod uki;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use block::{Access, Device, Disk as _};
use partition::{Edit, Guid, PlannedPartition, SectorSize, Size, Table, guid};
use sha2::Digest as _;
use slots::{Attributes, BOOT_TYPE, ROOT_TYPE, Set, Sets};
use tempfile::TempDir;

pub use root::Root;
pub use uki::Uki;

/// Both sizes of sectors.
pub const SECTORS: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];
const MIB: u64 = 1 << 20;
const BYTES: u64 = 16 * MIB;

/// An image file with our partitions; it goes with this value.
pub struct Image {
    dir: TempDir,
    sector: SectorSize,
}

impl Image {
    /// With nothing in the sets.
    pub fn empty(sector: SectorSize) -> Self {
        let image = Self { dir: TempDir::new().unwrap(), sector };
        File::create_new(image.dir.path().join("disk.img")).unwrap().set_len(BYTES).unwrap();
        let plan = [
            ("ESP", guid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b"), Size::Bytes(MIB)),
            ("BOOT-A", BOOT_TYPE, Size::Bytes(MIB)),
            ("ROOT-A", ROOT_TYPE, Size::Bytes(3 * MIB)),
            ("BOOT-B", BOOT_TYPE, Size::Bytes(MIB)),
            ("ROOT-B", ROOT_TYPE, Size::Bytes(3 * MIB)),
            ("DATA", guid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d"), Size::Rest),
        ];
        let plan: Vec<_> = (1..)
            .zip(plan)
            .map(|(number, (name, type_guid, size))| PlannedPartition {
                name: name.into(),
                type_guid,
                guid: Guid::from_random_bytes([number; 16]),
                size,
                // A bit of somebody else's: it must stay.
                attributes: 1,
            })
            .collect();
        let mut device = image.device();
        let table =
            partition::build(&device.geometry(), guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001"), &plan)
                .unwrap();
        block::table::perform(&mut device, &table.fresh_edits()).unwrap();
        image
    }

    /// As an image is made: set A written and confirmed, set B empty.
    pub fn factory(sector: SectorSize) -> Self {
        let image = Self::empty(sector);
        image.write(Set::A, &Uki::new("1.0.0", 1), 1);
        image.adopt(Set::A);
        image.put(Set::A, Attributes::FACTORY);
        image
    }

    /// The file.
    pub fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("disk.img")
    }

    /// A folder that goes with the image.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a signed UKI and the root that it boots. Attributes and GUIDs stay as they are.
    pub fn write(&self, set: Set, uki: &Uki, seed: u32) {
        let root = Root::of(seed);
        self.write_uki(set, &uki.signed(&root));
        self.write_at(set.root_name(), 0, &root.bytes);
    }

    /// Writes these bytes where the UKI belongs.
    pub fn write_uki(&self, set: Set, bytes: &[u8]) {
        self.write_at(set.boot_name(), 0, bytes);
    }

    /// Writes into a partition.
    pub fn write_at(&self, name: &str, offset: u64, bytes: &[u8]) {
        let at = self.start(name) + offset;
        OpenOptions::new().write(true).open(self.path()).unwrap().write_all_at(bytes, at).unwrap();
    }

    /// Flips a bit of a partition.
    pub fn flip(&self, name: &str, offset: u64) {
        let mut byte = [0];
        File::open(self.path()).unwrap().read_exact_at(&mut byte, self.start(name) + offset).unwrap();
        self.write_at(name, offset, &[byte[0] ^ 0x10]);
    }

    /// Gives the set's `ROOT` partition the GUID that the root in it wants; the root was made by [`Image::write`].
    pub fn adopt(&self, set: Set) {
        let mut block = vec![0; 4096];
        File::open(self.path()).unwrap().read_exact_at(&mut block, self.start(set.root_name())).unwrap();
        let guid = Root::with_first_block(&block).params.partuuid().parse().unwrap();
        self.change(|table| table.with_guid(set.root_partition(table).unwrap().number, guid).unwrap());
    }

    /// Sets the attributes of a set.
    pub fn put(&self, set: Set, attributes: Attributes) {
        self.change(|table| {
            let old = self.sets();
            let sets = match set {
                Set::A => Sets::new(attributes, old.get(Set::B)),
                Set::B => Sets::new(old.get(Set::A), attributes),
            };
            sets.table(table).unwrap()
        });
    }

    /// The attributes of both.
    pub fn sets(&self) -> Sets {
        Sets::of_table(&self.table()).unwrap()
    }

    /// The table; both copies must be whole.
    pub fn table(&self) -> Table {
        let loaded = block::table::read(&self.device()).unwrap();
        assert!(loaded.is_whole(), "{loaded:?}");
        loaded.table
    }

    /// Damages the header of the primary copy of the table, or of the backup.
    pub fn damage_table(&self, primary: bool) {
        let sector = self.sector.bytes() as u64;
        let at = if primary { sector } else { BYTES - sector };
        OpenOptions::new().write(true).open(self.path()).unwrap().write_all_at(b"rot", at + 16).unwrap();
    }

    /// Writes one copy of the table anew, as a cut in the middle of an edit does: the backup, which is written first.
    pub fn cut_after_backup(&self, change: impl FnOnce(&Table) -> Table) {
        let mut device = self.device();
        let loaded = block::table::read(&device).unwrap();
        let edits = loaded.edits(&change(&loaded.table));
        let sector = self.sector.bytes() as u64;
        let writes = edits.steps().iter().filter_map(|step| match step {
            Edit::Write { lba, bytes } => Some((lba, bytes)),
            Edit::Flush => None,
        });
        // Its entries and its header.
        for (lba, bytes) in writes.take(2) {
            device.write_at(bytes, lba * sector).unwrap();
        }
        assert!(block::table::read(&device).unwrap().differ);
    }

    /// Everything in the file.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    fn change(&self, change: impl FnOnce(&Table) -> Table) {
        let mut device = self.device();
        let loaded = block::table::read(&device).unwrap();
        block::table::perform(&mut device, &loaded.edits(&change(&loaded.table))).unwrap();
    }

    fn start(&self, name: &str) -> u64 {
        self.table().by_name(name).unwrap().first_lba * self.sector.bytes() as u64
    }

    fn device(&self) -> Device {
        Device::open_as(&self.path(), Access::Write, self.sector).unwrap()
    }
}

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}
