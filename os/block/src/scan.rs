//! The disks of a host and their partitions, as the kernel names them.
//!
//! sysfs says which disks and partitions exist (names, device numbers, start sectors) but, up to Linux 6.12,
//! not which GUID a partition has; so the table on the disk is read and the two are matched by number and start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use partition::{Guid, Loaded, Partition};

use crate::device::{Access, Device, Disk};
use crate::table;

/// sysfs counts in these, whatever the disk's own sector size.
const SYSFS_SECTOR_BYTES: u64 = 512;

/// Where a host shows its devices; a test has its own.
#[derive(Debug, Clone)]
pub struct Host {
    sys: PathBuf,
    dev: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Self::at(Path::new("/sys"), Path::new("/dev"))
    }
}

/// A disk that is not part of another device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeDisk {
    /// Kernel name, `vda`.
    pub name: String,
    /// Device node.
    pub node: PathBuf,
    /// Its partitions, by number.
    pub partitions: Vec<KernelPartition>,
}

/// A partition that the kernel has found on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelPartition {
    /// Its number, from 1.
    pub number: u32,
    /// Device node.
    pub node: PathBuf,
    /// `MAJOR:MINOR`, as the device mapper takes it.
    pub device: String,
    /// Where it begins on the disk, in bytes.
    pub start_bytes: u64,
}

/// A partition found by its GUID: the disk it is on, what the disk's table says, how the kernel names it.
#[derive(Debug)]
pub struct Located {
    /// The disk.
    pub disk: WholeDisk,
    /// The table and how its copies fare.
    pub loaded: Loaded,
    /// The table's entry.
    pub partition: Partition,
    /// The kernel's side of it.
    pub kernel: KernelPartition,
}

/// Why the disks cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot list block devices in {}", path.display())]
pub struct ScanError {
    path: PathBuf,
    #[source]
    err: io::Error,
}

impl Host {
    /// A host whose sysfs and devtmpfs are mounted elsewhere.
    pub fn at(sys: &Path, dev: &Path) -> Self {
        Self { sys: sys.into(), dev: dev.into() }
    }

    /// All disks of hardware, by name. Devices made of others (loop, ram, dm, zram) and hidden paths are left out:
    /// they have no `device` of their own, or no node. One that vanishes during the walk is left out, too.
    pub fn scan(&self) -> Result<Vec<WholeDisk>, ScanError> {
        let class = self.sys.join("class/block");
        let error = |err| ScanError { path: class.clone(), err };
        let mut disks = Vec::new();
        for entry in fs::read_dir(&class).map_err(error)? {
            let path = entry.map_err(error)?.path();
            let hidden = attribute(&path, "hidden").is_some_and(|hidden| hidden != "0");
            if !path.join("partition").exists() && path.join("device").exists() && !hidden {
                disks.extend(self.whole_disk(&path));
            }
        }
        disks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(disks)
    }

    fn whole_disk(&self, path: &Path) -> Option<WholeDisk> {
        let name = path.file_name()?.to_str()?.to_owned();
        let mut partitions: Vec<_> =
            fs::read_dir(path).ok()?.filter_map(|entry| self.kernel_partition(&entry.ok()?.path())).collect();
        partitions.sort_by_key(|p| p.number);
        Some(WholeDisk { node: self.node(&name), name, partitions })
    }

    fn kernel_partition(&self, path: &Path) -> Option<KernelPartition> {
        let number = attribute(path, "partition")?.parse().ok()?;
        let start: u64 = attribute(path, "start")?.parse().ok()?;
        let start_bytes = start.checked_mul(SYSFS_SECTOR_BYTES)?;
        let node = self.node(path.file_name()?.to_str()?);
        Some(KernelPartition { number, node, device: attribute(path, "dev")?, start_bytes })
    }

    /// A slash in a device's name is an exclamation mark in sysfs (`cciss!c0d0`).
    fn node(&self, sysfs_name: &str) -> PathBuf {
        self.dev.join(sysfs_name.replace('!', "/"))
    }

    /// Finds the partition with this GUID on any disk. Disks without a readable table are passed over. Should
    /// two disks carry the same GUID (a clone was attached), the first by name is taken, always the same one.
    pub fn locate(&self, guid: Guid) -> Result<Option<Located>, ScanError> {
        Ok(self.scan()?.into_iter().find_map(|disk| locate_on(disk, guid)))
    }
}

fn locate_on(disk: WholeDisk, guid: Guid) -> Option<Located> {
    let device = Device::open(&disk.node, Access::Read).ok()?;
    let loaded = table::read(&device).ok()?;
    let partition = loaded.table.by_guid(guid)?;
    let kernel = disk.kernel_partition(&partition, device.geometry().sector().bytes() as u64)?.clone();
    Some(Located { disk, loaded, partition, kernel })
}

impl WholeDisk {
    /// The kernel's side of a partition of this disk; `None` when the kernel's idea of it begins elsewhere.
    pub fn kernel_partition(&self, partition: &Partition, sector_bytes: u64) -> Option<&KernelPartition> {
        let start = partition.first_lba * sector_bytes;
        self.partitions.iter().find(|k| k.number == partition.number && k.start_bytes == start)
    }
}

fn attribute(device: &Path, name: &str) -> Option<String> {
    Some(fs::read_to_string(device.join(name)).ok()?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use partition::{Geometry, PlannedPartition, SectorSize, Size, build, guid};
    use tempfile::TempDir;

    use super::*;

    const ROOT: Guid = guid!("22222222-0000-4000-8000-000000000002");

    fn attributes(device: &Path, attributes: &[(&str, &str)]) {
        fs::create_dir_all(device).unwrap();
        for (name, value) in attributes {
            fs::write(device.join(name), format!("{value}\n")).unwrap();
        }
    }

    /// A host with a loop device, an empty disk `sda` and a disk `vda` whose second partition is [`ROOT`].
    fn host() -> (TempDir, Host) {
        let dir = TempDir::new().unwrap();
        let (class, dev) = (dir.path().join("sys/class/block"), dir.path().join("dev"));
        fs::create_dir_all(&dev).unwrap();
        attributes(&class.join("loop0"), &[("dev", "7:0")]);
        for disk in ["sda", "vda"] {
            attributes(&class.join(disk), &[("hidden", "0")]);
            fs::create_dir(class.join(disk).join("device")).unwrap();
            File::create(dev.join(disk)).unwrap().set_len(64 << 20).unwrap();
        }
        for (name, number, start, numbers) in [("vda2", "2", "4096", "254:2"), ("vda1", "1", "2048", "254:1")]
        {
            let facts = [("partition", number), ("start", start), ("dev", numbers)];
            attributes(&class.join("vda").join(name), &facts);
            attributes(&class.join(name), &facts);
        }
        let part = |name: &str, guid, size| PlannedPartition {
            name: name.into(),
            type_guid: guid!("4f68bce3-e8cd-4db1-96e7-fbcaf984b709"),
            guid,
            size,
            attributes: 0,
        };
        let esp = part("ESP", guid!("11111111-0000-4000-8000-000000000001"), Size::Bytes(1));
        let geometry = Geometry::new(SectorSize::B512, (64 << 20) / 512).unwrap();
        let guid = guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001");
        let table = build(&geometry, guid, &[esp, part("ROOT-A", ROOT, Size::Rest)]).unwrap();
        let mut device = Device::open(&dev.join("vda"), Access::Write).unwrap();
        table::perform(&mut device, &table.fresh_edits()).unwrap();
        let host = Host::at(&dir.path().join("sys"), &dev);
        (dir, host)
    }

    #[test]
    fn disks_are_listed_with_their_partitions_in_order() {
        let (dir, host) = host();
        let disks = host.scan().unwrap();
        let names: Vec<_> = disks.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["sda", "vda"]);
        assert_eq!(disks[1].node, dir.path().join("dev/vda"));
        let numbers: Vec<_> = disks[1].partitions.iter().map(|p| (p.number, p.device.as_str())).collect();
        assert_eq!(numbers, [(1, "254:1"), (2, "254:2")]);
    }

    #[test]
    fn a_partition_is_found_by_its_guid_with_its_device_number() {
        let (dir, host) = host();
        let found = host.locate(ROOT).unwrap().unwrap();
        assert_eq!((found.disk.name.as_str(), found.kernel.device.as_str()), ("vda", "254:2"));
        assert_eq!(found.kernel.node, dir.path().join("dev/vda2"));
        assert_eq!(found.partition.name, "ROOT-A");
        assert!(found.loaded.is_whole());
        assert!(host.locate(guid!("99999999-0000-4000-8000-000000000009")).unwrap().is_none());
    }

    #[test]
    fn a_partition_that_begins_elsewhere_for_the_kernel_is_not_taken() {
        let (dir, host) = host();
        fs::write(dir.path().join("sys/class/block/vda/vda2/start"), "6144\n").unwrap();
        assert!(host.locate(ROOT).unwrap().is_none());
    }
}
