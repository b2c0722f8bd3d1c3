//! The two boot sets on a disk: putting images into them, and their attribute bits.
//!
//! Changes go through our own `pure/slots`, `pure/partition` and `os/block`, as on a host. Reading back after a run
//! goes through the harness's own reader.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use block::device::{Access, Device};
use partition::{Guid, Table};
use slots::{Attributes, Set};

use super::Disk;
use crate::error::{Error, Result};
use crate::root::Root;

impl Disk {
    /// Puts a UKI into a set's boot partition, and nothing else there.
    pub fn put_uki(&self, set: Set, uki: &[u8]) -> Result<()> {
        let (start, room) = self.partition(set.boot_name())?;
        if uki.len() as u64 > room {
            return Err(self.failed("put a UKI", &format!("{} bytes do not fit", uki.len())));
        }
        self.punch(start, room)?;
        self.open()?.write_all_at(uki, start).map_err(Error::file("write", &self.path))
    }

    /// The first bytes of a set's boot partition.
    pub fn read_uki(&self, set: Set, length: usize) -> Result<Vec<u8>> {
        let (start, _) = self.partition(set.boot_name())?;
        let mut bytes = vec![0; length];
        self.open()?.read_exact_at(&mut bytes, start).map_err(Error::file("read", &self.path))?;
        Ok(bytes)
    }

    /// Puts a root into a set's root partition and names the partition after it, as an update does.
    pub fn put_root(&self, set: Set, root: &Root) -> Result<()> {
        let (start, room) = self.partition(set.root_name())?;
        let source = File::open(root.file()).map_err(Error::file("open", root.file()))?;
        let length = source.metadata().map_err(Error::file("measure", root.file()))?.len();
        if length > room {
            return Err(self.failed("put a root", &format!("{length} bytes do not fit")));
        }
        self.punch(start, room)?;
        super::copy_range(&source, 0..length, &self.open()?, start)
            .map_err(Error::file("copy to", &self.path))?;
        let guid = Guid::try_parse(&root.params().partuuid());
        let guid = guid.map_err(|err| self.failed("name a root", &err.to_string()))?;
        self.edit("name a root", |table| {
            let partition = table.by_name(set.root_name()).ok_or("no such partition")?;
            table.with_guid(partition.number, guid).map_err(|err| err.to_string())
        })
    }

    /// Sets a set's attribute bits; bits of others stay.
    pub fn set_attributes(&self, set: Set, attributes: Attributes) -> Result<()> {
        self.edit("set attributes", |table| {
            let partition = table.by_name(set.boot_name()).ok_or("no such partition")?;
            let bits = attributes.apply(partition.attributes);
            table.with_attributes(partition.number, bits).map_err(|err| err.to_string())
        })
    }

    /// A set's attribute bits, as the primary copy of the table has them.
    pub fn attributes(&self, set: Set) -> Result<Attributes> {
        Ok(Attributes::from_bits(self.entry(set.boot_name())?.attributes))
    }

    fn edit(
        &self,
        act: &'static str,
        change: impl FnOnce(&Table) -> std::result::Result<Table, String>,
    ) -> Result<()> {
        let fail = |why: String| self.failed(act, &why);
        let mut device =
            Device::open_as(&self.path, Access::Write, self.sector).map_err(|err| fail(err.to_string()))?;
        let loaded = block::table::read(&device).map_err(|err| fail(err.to_string()))?;
        let table = change(&loaded.table).map_err(fail)?;
        block::table::perform(&mut device, &loaded.edits(&table))
            .map_err(|err| self.failed(act, &err.to_string()))
    }

    fn failed(&self, act: &'static str, why: &str) -> Error {
        Error::Table { act, disk: self.path.clone(), why: why.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use partition::{Geometry, PlannedPartition, SectorSize, Size, build, guid};

    use super::super::TableCopy;
    use super::*;

    const MIB: u64 = 1 << 20;

    fn disk(name: &str, sector: SectorSize) -> Disk {
        let path = std::env::temp_dir().join(format!("gantry-vm-{name}-{}", std::process::id()));
        File::create(&path).unwrap().set_len(64 * MIB).unwrap();
        let guids =
            [guid!("11111111-0000-4000-8000-000000000001"), guid!("22222222-0000-4000-8000-000000000002")];
        let names = ["BOOT-A", "BOOT-B"];
        let plan = names.iter().zip(guids).map(|(name, guid)| PlannedPartition {
            name: (*name).into(),
            type_guid: guid!("3a87fb39-fbef-46c2-92dc-61693d1a1022"),
            guid,
            size: Size::Bytes(8 * MIB),
            attributes: 1,
        });
        let geometry = Geometry::new(sector, 64 * MIB / sector.bytes() as u64).unwrap();
        let disk_guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");
        let table = build(&geometry, disk_guid, &plan.collect::<Vec<_>>()).unwrap();
        let mut device = Device::open_as(&path, Access::Write, sector).unwrap();
        block::table::perform(&mut device, &table.fresh_edits()).unwrap();
        Disk::at(path).with_sectors(sector)
    }

    #[test]
    fn what_is_put_into_a_set_is_read_back_by_the_other_reader() {
        for sector in [SectorSize::B512, SectorSize::B4096] {
            let disk = disk(&format!("sets-{}", sector.bytes()), sector);
            let trial = Attributes::new(2, 3, false, 0).unwrap();
            disk.set_attributes(Set::B, trial).unwrap();
            disk.put_uki(Set::B, b"a UKI").unwrap();
            assert_eq!(disk.attributes(Set::B).unwrap(), trial);
            assert_eq!(disk.attributes(Set::A).unwrap(), Attributes::EMPTY);
            // The bit that is not ours stays, in both copies.
            for copy in [TableCopy::Primary, TableCopy::Backup] {
                assert_eq!(disk.entry_of(copy, "BOOT-B").unwrap().attributes, trial.apply(1));
            }
            assert_eq!(disk.read_uki(Set::B, 6).unwrap(), b"a UKI\0");
            disk.zero("BOOT-B").unwrap();
            assert_eq!(disk.read_uki(Set::B, 6).unwrap(), [0; 6]);
            std::fs::remove_file(disk.path()).unwrap();
        }
    }

    #[test]
    fn a_damaged_copy_is_unreadable_and_the_other_is_left_alone() {
        for sector in [SectorSize::B512, SectorSize::B4096] {
            for copy in [TableCopy::Primary, TableCopy::Backup] {
                let disk = disk(&format!("damage-{copy:?}-{}", sector.bytes()), sector);
                disk.damage_table(copy).unwrap();
                assert!(disk.entry_of(copy, "BOOT-A").is_err());
                let device = Device::open_as(disk.path(), Access::Read, sector).unwrap();
                let loaded = block::table::read(&device).unwrap();
                assert_eq!(loaded.primary.is_some(), copy == TableCopy::Primary);
                assert_eq!(loaded.backup.is_some(), copy == TableCopy::Backup);
                std::fs::remove_file(disk.path()).unwrap();
            }
        }
    }
}
