//! A partition of the running disk that carries a file system of ours: found, mounted, its folders made. For the units
//! `data` and `state`.
//!
//! The disk is the one that the running root stands on ([`block::running()`]): a second disk with a copy of ours must not
//! lend its data. Always holds: repeating any of it changes nothing, so a cut anywhere is mended by the next boot.

mod folders;

use std::io;
use std::path::{Path, PathBuf};

use block::{Access, Device, Disk, KernelPartition, RunningError, WholeDisk};
use sys::mount::Flags;

/// A partition as the disk's table and the kernel know it.
#[derive(Debug)]
pub struct Volume {
    /// The kernel's side.
    pub kernel: KernelPartition,
    /// As long as the table says; the kernel may not know yet.
    pub length_bytes: u64,
}

/// Why the host lacks one of its file systems.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    #[error("cannot tell which disk the root is on")]
    Running(#[source] RunningError),
    #[error("cannot use the root's disk")]
    Open(#[source] block::device::OpenError),
    #[error("cannot read the partition table of {}", disk.display())]
    Table {
        disk: PathBuf,
        #[source]
        err: partition::LoadError,
    },
    #[error("{} has no partition named {name}", disk.display())]
    Absent { disk: PathBuf, name: &'static str },
    #[error("cannot mount {} on {}", node.display(), target.display())]
    Mount {
        node: PathBuf,
        target: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("cannot make {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
}

/// The disk that the running root is on.
pub fn disk() -> Result<WholeDisk, VolumeError> {
    Ok(block::running().map_err(VolumeError::Running)?.disk)
}

/// The partition of this name on the disk.
pub fn named(disk: &WholeDisk, name: &'static str) -> Result<Volume, VolumeError> {
    let device = Device::open(&disk.node, Access::Read).map_err(VolumeError::Open)?;
    let loaded =
        block::table::read(&device).map_err(|err| VolumeError::Table { disk: disk.node.clone(), err })?;
    let sector_bytes = device.geometry().sector().bytes() as u64;
    let found = loaded.table.by_name(name).and_then(|partition| {
        let kernel = disk.kernel_partition(&partition, sector_bytes)?.clone();
        Some(Volume { kernel, length_bytes: partition.sectors() * sector_bytes })
    });
    found.ok_or_else(|| VolumeError::Absent { disk: disk.node.clone(), name })
}

impl Volume {
    /// Mounts its ext4 on `target`, unless an earlier run of the unit did. Neither setuid files nor devices are any good
    /// on either; `more` is what else is not. An error of the file system makes it read-only: what is there stays as it is.
    pub fn mount(&self, target: &Path, more: Flags) -> Result<(), VolumeError> {
        let node = &self.kernel.node;
        let flags = Flags::NOSUID | Flags::NODEV | more;
        let mounted = sys::mount::is_mounted(target).and_then(|there| {
            if there {
                return Ok(());
            }
            sys::mount::mount("ext4", &node.to_string_lossy(), target, flags, "errors=remount-ro")
        });
        mounted.map_err(|err| VolumeError::Mount { node: node.clone(), target: target.into(), err })
    }
}

/// Makes the folders below `root` that are missing, given as path and mode, outer ones first; sets the modes of all.
pub fn make_folders(root: &Path, wanted: &[(&str, u32)]) -> Result<(), VolumeError> {
    folders::make(root, wanted)
        .map_err(|failure| VolumeError::Folder { path: failure.path, err: failure.err })
}

#[cfg(test)]
mod tests {
    use partition::{Geometry, PlannedPartition, SectorSize, Size, build, guid};

    use super::*;

    /// A disk with one partition, which the kernel has seen begin at `start_bytes`.
    fn disk_with(name: &str, start_bytes: u64) -> (tempfile::NamedTempFile, WholeDisk) {
        const BYTES: u64 = 64 << 20;
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(BYTES).unwrap();
        let plan = PlannedPartition {
            name: name.into(),
            type_guid: guid!("5e6cf239-ba39-4636-a427-ac8d8b4e6a82"),
            guid: guid!("33333333-0000-4000-8000-000000000003"),
            size: Size::Rest,
            attributes: 0,
        };
        let geometry = Geometry::new(SectorSize::B512, BYTES / 512).unwrap();
        let table = build(&geometry, guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001"), &[plan]).unwrap();
        let mut device = Device::open(image.path(), Access::Write).unwrap();
        block::table::perform(&mut device, &table.fresh_edits()).unwrap();
        let kernel =
            KernelPartition { number: 1, node: "/dev/vda1".into(), device: "254:1".into(), start_bytes };
        let disk = WholeDisk { name: "vda".into(), node: image.path().into(), partitions: vec![kernel] };
        (image, disk)
    }

    #[test]
    fn a_partition_is_found_by_name_as_the_table_and_the_kernel_agree() {
        let (_image, disk) = disk_with("STATE", 1 << 20);
        let volume = named(&disk, "STATE").unwrap();
        assert_eq!((volume.kernel.device.as_str(), volume.length_bytes), ("254:1", 62 << 20));
    }

    #[test]
    fn a_disk_without_it_says_which_and_what() {
        for (name, start_bytes) in [("DATA", 1 << 20), ("STATE", 2 << 20)] {
            let (_image, disk) = disk_with(name, start_bytes);
            let err = named(&disk, "STATE").unwrap_err().to_string();
            assert_eq!(err, format!("{} has no partition named STATE", disk.node.display()));
        }
    }

    #[test]
    fn a_disk_whose_table_is_gone_says_so() {
        let (image, disk) = disk_with("STATE", 1 << 20);
        image.as_file().set_len(0).unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let err = named(&disk, "STATE").unwrap_err();
        assert!(matches!(err, VolumeError::Table { .. }), "{err}");
    }
}
