//! The disks that clouds and hypervisors hand user data over on: NoCloud's `cidata` (file `user-data`) and OpenStack's `config-2`
//! (file `openstack/latest/user_data`), the labels in any case.
//!
//! Such a disk belongs to whoever provides the machine. It is read through a mount of no path, read-only.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::label::{FileSystem, identify};
use super::{Mount, volume};
use crate::under;

/// Labels and files, the first first.
const DISKS: [(&str, &str); 2] = [("cidata", "user-data"), ("config-2", "openstack/latest/user_data")];

/// A disk with a label.
#[derive(Debug, PartialEq, Eq)]
struct Disk {
    device: String,
    file_system: FileSystem,
    label: String,
}

/// The user data of the first such disk that has some, if there is one.
pub(super) fn read(root: &Path, mount: Mount) -> Result<Option<Vec<u8>>, String> {
    let disks = labelled(root);
    for (label, file) in DISKS {
        let Some(disk) = disks.iter().find(|disk| disk.label.eq_ignore_ascii_case(label)) else { continue };
        let device = &disk.device;
        let source = under(root, "/dev").join(device);
        let folder = mount(disk.file_system.kernel_name(), &source.to_string_lossy())
            .map_err(|err| format!("cannot mount {device}: {err}"))?;
        if let Some(bytes) = volume::read(&folder, file)? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The disks with a label that means something here, by name.
fn labelled(root: &Path) -> Vec<Disk> {
    let Ok(listing) = fs::read_dir(under(root, "/sys/class/block")) else { return Vec::new() };
    let mut devices: Vec<_> =
        listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    devices.sort();
    devices.retain(|name| may_be_a_disk(name));
    let disk = |device: String| {
        let file = File::open(under(root, "/dev").join(&device)).ok()?;
        let volume = identify(|offset, buffer| file.read_exact_at(buffer, offset).is_ok())?;
        let meant = DISKS.iter().any(|(label, _)| volume.label.eq_ignore_ascii_case(label));
        meant.then_some(Disk { device, file_system: volume.file_system, label: volume.label })
    };
    devices.into_iter().filter_map(disk).collect()
}

/// Nobody attaches user data as one of these, and reading our verity device would only cost hashing.
fn may_be_a_disk(name: &str) -> bool {
    !["dm-", "loop", "ram", "zram", "nbd", "md"].iter().any(|kind| name.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("nocloud-{name}-{}", std::process::id()));
        fs::create_dir_all(dir.join("sys/class/block")).unwrap();
        fs::create_dir_all(dir.join("dev")).unwrap();
        dir
    }

    fn iso(label: &[u8]) -> Vec<u8> {
        let mut iso = vec![0; 34 << 10];
        iso[32768..32774].copy_from_slice(b"\x01CD001");
        iso[32808..32808 + label.len()].copy_from_slice(label);
        iso
    }

    fn attach(root: &Path, name: &str, content: &[u8]) {
        fs::write(root.join("sys/class/block").join(name), "").unwrap();
        fs::write(root.join("dev").join(name), content).unwrap();
    }

    /// Stands for mount(2): a device's files lie in a folder beside it.
    fn beside(_: &str, device: &str) -> std::io::Result<std::os::fd::OwnedFd> {
        Ok(File::open(format!("{device}.files"))?.into())
    }

    #[test]
    fn the_labelled_disks_are_found_among_others() {
        let root = scratch("find");
        let disks: [(&str, &[u8]); 6] = [
            ("dm-0", &iso(b"cidata")),
            ("loop0", &iso(b"cidata")),
            ("vda", &[0; 70_000]),
            ("vdb", b""),
            ("vdc", &iso(b"CIDATA")),
            ("vdd", &iso(b"other")),
        ];
        for (name, content) in disks {
            attach(&root, name, content);
        }
        fs::write(root.join("sys/class/block/gone"), "").unwrap();
        let names = |root: &Path| labelled(root).into_iter().map(|disk| disk.device).collect::<Vec<_>>();
        assert_eq!(names(&root), ["vdc"]);
        fs::remove_file(root.join("dev/vdc")).unwrap();
        assert!(names(&root).is_empty());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn nocloud_comes_before_a_config_drive_and_gives_way_when_it_says_nothing() {
        let root = scratch("order");
        assert_eq!(read(&root, beside), Ok(None));
        attach(&root, "vda", &iso(b"config-2"));
        assert!(read(&root, beside).unwrap_err().starts_with("cannot mount vda: "));
        fs::create_dir_all(root.join("dev/vda.files/openstack/latest")).unwrap();
        assert_eq!(read(&root, beside), Ok(None));
        fs::write(root.join("dev/vda.files/openstack/latest/user_data"), "stack").unwrap();
        assert_eq!(read(&root, beside), Ok(Some(b"stack".to_vec())));
        attach(&root, "vdb", &iso(b"cidata"));
        fs::create_dir_all(root.join("dev/vdb.files")).unwrap();
        assert_eq!(read(&root, beside), Ok(Some(b"stack".to_vec())), "cidata without user data");
        fs::write(root.join("dev/vdb.files/user-data"), "nocloud").unwrap();
        assert_eq!(read(&root, beside), Ok(Some(b"nocloud".to_vec())));
        fs::remove_dir_all(&root).unwrap();
    }
}
