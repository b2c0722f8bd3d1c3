//! NoCloud: the file `user-data` on a disk whose file system is labelled `cidata` (any case).
//!
//! The disk belongs to whoever provides the machine. It is read through a mount of no path, read-only; the
//! file must be a plain one, which rules out devices and links to somewhere else.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use settings::LIMITS;

use super::label::{FileSystem, identify};
use crate::apply::under;

const LABEL: &str = "cidata";

/// The user data of the first such disk by name, if there is one.
pub(super) fn read(root: &Path) -> Result<Option<Vec<u8>>, String> {
    let Some((device, file_system)) = find(root) else { return Ok(None) };
    let source = under(root, "/dev").join(&device);
    let folder = sys::detached::mount_read_only(file_system.kernel_name(), &source.to_string_lossy())
        .map_err(|err| format!("cannot mount {device}: {err}"))?;
    user_data(&folder)
}

/// The first block device, by name, with the label.
fn find(root: &Path) -> Option<(String, FileSystem)> {
    let listing = fs::read_dir(under(root, "/sys/class/block")).ok()?;
    let mut devices: Vec<_> =
        listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    devices.sort();
    devices.iter().filter(|name| may_be_a_disk(name)).find_map(|name| {
        let device = File::open(under(root, "/dev").join(name)).ok()?;
        let volume = identify(|offset, buffer| device.read_exact_at(buffer, offset).is_ok())?;
        volume.label.eq_ignore_ascii_case(LABEL).then(|| (name.clone(), volume.file_system))
    })
}

/// Nobody attaches user data as one of these, and reading our verity device would only cost hashing.
fn may_be_a_disk(name: &str) -> bool {
    !["dm-", "loop", "ram", "zram", "nbd", "md"].iter().any(|kind| name.starts_with(kind))
}

/// The file in the volume's root folder.
fn user_data(folder: &OwnedFd) -> Result<Option<Vec<u8>>, String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::openat(folder, "user-data", flags, Mode::empty()) {
        Ok(file) => file,
        // A cidata disk may hold only what is meant for others (meta-data, network-config).
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(err) => return Err(format!("cannot open user-data: {err}")),
    };
    let plain = rustix::fs::fstat(file.as_fd())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    if !plain {
        return Err("user-data is not a plain file".into());
    }
    let mut bytes = Vec::new();
    let one_more = LIMITS.text_bytes as u64 + 1;
    File::from(file)
        .take(one_more)
        .read_to_end(&mut bytes)
        .map_err(|err| format!("cannot read user-data: {err}"))?;
    if bytes.len() > LIMITS.text_bytes {
        return Err(format!("user-data is longer than {} bytes", LIMITS.text_bytes));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("nocloud-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn the_labelled_disk_is_found_among_others() {
        let root = scratch("find");
        fs::create_dir_all(root.join("sys/class/block")).unwrap();
        fs::create_dir_all(root.join("dev")).unwrap();
        let mut iso = vec![0; 34 << 10];
        iso[32768..32774].copy_from_slice(b"\x01CD001");
        iso[32808..32814].copy_from_slice(b"CIDATA");
        let disks: [(&str, &[u8]); 5] =
            [("dm-0", &iso), ("loop0", &iso), ("vda", &[0; 70_000]), ("vdb", b""), ("vdc", &iso)];
        for (name, content) in disks {
            fs::write(root.join("sys/class/block").join(name), "").unwrap();
            fs::write(root.join("dev").join(name), content).unwrap();
        }
        fs::write(root.join("sys/class/block/gone"), "").unwrap();
        assert_eq!(find(&root), Some(("vdc".into(), FileSystem::Iso9660)));
        fs::remove_file(root.join("dev/vdc")).unwrap();
        assert_eq!(find(&root), None);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn only_a_plain_file_of_bounded_length_is_taken() {
        let dir = scratch("file");
        let folder = OwnedFd::from(File::open(&dir).unwrap());
        let path = dir.join("user-data");
        assert_eq!(user_data(&folder), Ok(None));
        fs::write(&path, "text").unwrap();
        assert_eq!(user_data(&folder), Ok(Some(b"text".to_vec())));
        fs::write(&path, vec![b' '; LIMITS.text_bytes + 1]).unwrap();
        assert!(user_data(&folder).is_err());
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert!(user_data(&folder).is_err(), "a link is not followed");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(user_data(&folder).is_err());
        fs::remove_dir_all(&dir).unwrap();
    }
}
