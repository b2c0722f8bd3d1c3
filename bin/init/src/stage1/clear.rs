//! Emptying the initramfs: its files are memory that nothing could free once the new root covers them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The initramfs is as deep as `/modules/NAME`; deeper is not ours.
const DEPTH_MAX: usize = 8;

/// Removes every file of the root file system, without entering what is mounted on it. Failing costs memory only.
pub fn initramfs() {
    if let Ok(root) = fs::symlink_metadata("/") {
        empty(Path::new("/"), root.dev(), DEPTH_MAX);
    }
}

fn empty(folder: &Path, device: u64, depth: usize) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if !meta.is_dir() {
            let _ = fs::remove_file(&path);
        } else if meta.dev() == device && depth > 0 {
            empty(&path, device, depth - 1);
            let _ = fs::remove_dir(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::empty;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn files_and_folders_go_links_are_not_followed_other_devices_stay() {
        let dir = std::env::temp_dir().join(format!("clear-{}", std::process::id()));
        fs::create_dir_all(dir.join("root/modules")).unwrap();
        fs::create_dir_all(dir.join("outside")).unwrap();
        fs::write(dir.join("outside/kept"), "").unwrap();
        fs::write(dir.join("root/modules/a.ko"), "").unwrap();
        symlink(dir.join("outside"), dir.join("root/link")).unwrap();
        let device = fs::metadata(&dir).unwrap().dev();
        empty(&dir.join("root"), device + 1, 8);
        assert!(dir.join("root/modules/a.ko").exists(), "another device is not entered");
        empty(&dir.join("root"), device, 8);
        assert_eq!(fs::read_dir(dir.join("root")).unwrap().count(), 0);
        assert!(dir.join("outside/kept").exists());
        fs::remove_dir_all(&dir).unwrap();
    }
}
