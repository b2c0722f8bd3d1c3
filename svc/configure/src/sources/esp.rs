//! `gantry/user-data.toml` on the EFI system partition of the disk that the host runs from.
//!
//! Another disk's ESP does not count: whoever may plug in a disk hands user data over as NoCloud. A look at the root folder's first
//! entries saves the mount, and with it the FAT driver, on hosts without such a folder.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use super::{Mount, label, volume};
use crate::under;

const FILE: &str = "gantry/user-data.toml";
/// Its folder's short name in a FAT.
const FOLDER: &[u8; 11] = b"GANTRY     ";

/// The document, if there is one.
pub(super) fn read(root: &Path, mount: Mount) -> Result<Option<Vec<u8>>, String> {
    let Some(name) = find(root) else { return Ok(None) };
    let device = under(root, "/dev").join(&name);
    let Ok(fat) = File::open(&device) else { return Ok(None) };
    if !label::may_hold_folder(FOLDER, |offset, buffer| fat.read_exact_at(buffer, offset).is_ok()) {
        return Ok(None);
    }
    let folder =
        mount("vfat", &device.to_string_lossy()).map_err(|err| format!("cannot mount {name}: {err}"))?;
    volume::read(&folder, FILE)
}

/// The device of the partition named ESP, beside the one under the root's verity device.
fn find(root: &Path) -> Option<String> {
    let device = fs::metadata(root).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let slaves = under(root, "/sys/dev/block").join(format!("{major}:{minor}/slaves"));
    let below = fs::read_dir(slaves).ok()?.next()?.ok()?;
    let disk = fs::canonicalize(below.path()).ok()?.parent()?.to_owned();
    let partitions = fs::read_dir(disk).ok()?.filter_map(|entry| Some(entry.ok()?.path().join("uevent")));
    partitions.filter_map(|uevent| files::read_text(&uevent, 4096).ok()).find_map(|uevent| {
        let value = |key: &str| uevent.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        (value("PARTNAME") == Some("ESP")).then(|| value("DEVNAME")).flatten().map(str::to_owned)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    /// Makes the root stand on `vda3`, of a disk whose ESP is `vda1`, and puts a document on that.
    pub(in crate::sources) fn install(root: &Path, document: Option<&str>) {
        let device = {
            fs::create_dir_all(root).unwrap();
            let device = fs::metadata(root).unwrap().dev();
            format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device))
        };
        for (disk, name, partition) in
            [("vda", "vda1", "ESP"), ("vda", "vda3", "ROOT-A"), ("vdb", "vdb1", "ESP")]
        {
            let folder = root.join("sys/devices").join(disk).join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("uevent"), format!("MAJOR=254\nDEVNAME={name}\nPARTNAME={partition}\n"))
                .unwrap();
        }
        let slaves = root.join("sys/dev/block").join(device).join("slaves");
        fs::create_dir_all(&slaves).unwrap();
        symlink("../../../../devices/vda/vda3", slaves.join("vda3")).unwrap();
        fs::create_dir_all(root.join("dev")).unwrap();
        let folders: &[&[u8; 11]] =
            if document.is_some() { &[b"EFI        ", FOLDER] } else { &[b"EFI        "] };
        fs::write(root.join("dev/vda1"), label::tests::fat_with_folders(folders)).unwrap();
        if let Some(document) = document {
            fs::create_dir_all(root.join("dev/vda1.files/gantry")).unwrap();
            fs::write(root.join("dev/vda1.files").join(FILE), document).unwrap();
        }
    }

    fn beside(kind: &str, device: &str) -> std::io::Result<OwnedFd> {
        assert_eq!(kind, "vfat");
        Ok(File::open(format!("{device}.files"))?.into())
    }

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("esp-{name}-{}", std::process::id()))
    }

    #[test]
    fn the_esp_of_the_roots_own_disk_is_read() {
        let root = scratch("read");
        install(&root, Some("settings.motd = 'esp'\n"));
        assert_eq!(find(&root).as_deref(), Some("vda1"));
        assert_eq!(read(&root, beside), Ok(Some(b"settings.motd = 'esp'\n".to_vec())));
        fs::remove_file(root.join("dev/vda1.files").join(FILE)).unwrap();
        assert_eq!(read(&root, beside), Ok(None));
        fs::remove_dir_all(root.join("dev/vda1.files")).unwrap();
        assert!(read(&root, beside).unwrap_err().starts_with("cannot mount vda1: "));
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn an_esp_without_the_folder_is_not_mounted() {
        let root = scratch("skip");
        install(&root, None);
        assert_eq!(read(&root, |_, _| panic!("mounted")), Ok(None));
        fs::write(root.join("dev/vda1"), "no FAT").unwrap();
        assert_eq!(read(&root, |_, _| panic!("mounted")), Ok(None));
        assert_eq!(read(&root.join("sys"), |_, _| panic!("mounted")), Ok(None));
        fs::remove_dir_all(&root).unwrap();
    }
}
