//! Looking into a container's root file system before anything is mounted.
//!
//! The snapshot's mounts name the directories of its layers; a file is looked for from the top down, as the
//! overlay would. Image content is hostile: each look stays below the layer's directory whatever symbolic
//! links say (openat2 with RESOLVE_IN_ROOT), takes regular files only, and takes a bounded number of bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use containerd_client::types::Mount;
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2};
use rustix::io::Errno;

/// No passwd or group of an image is longer. One that is, is cut: what comes later is not found.
const LONGEST: u64 = 1 << 20;

/// The text of `path` in the root file system that `mounts` make; empty when it has none.
pub fn read(mounts: &[Mount], path: &str) -> String {
    layers(mounts).find_map(|layer| read_in(Path::new(layer), path)).unwrap_or_default()
}

/// The directories of the layers, top first.
fn layers(mounts: &[Mount]) -> impl Iterator<Item = &str> {
    mounts.iter().flat_map(|mount| {
        let option =
            |name: &str| mount.options.iter().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
        let bound = (mount.r#type != "overlay").then_some(mount.source.as_str());
        bound
            .into_iter()
            .chain(option("upperdir"))
            .chain(option("lowerdir").into_iter().flat_map(|it| it.split(':')))
    })
}

/// `None`: look further down. A whiteout, or anything else that is no file, hides what is below.
fn read_in(layer: &Path, path: &str) -> Option<String> {
    let root = open(layer, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match openat2(&root, path.trim_start_matches('/'), flags, Mode::empty(), ResolveFlags::IN_ROOT)
    {
        Ok(file) => file,
        Err(Errno::NOENT) => return None,
        Err(_) => return Some(String::new()),
    };
    if !fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile) {
        return Some(String::new());
    }
    let mut bytes = Vec::new();
    // What could be read counts.
    let _ = File::from(file).take(LONGEST).read_to_end(&mut bytes);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_topmost_file_counts_and_links_do_not_lead_out() {
        let dir = std::env::temp_dir().join(format!("containers-rootfs-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for layer in ["upper", "top", "low"] {
            fs::create_dir_all(dir.join(layer).join("etc")).unwrap();
        }
        fs::write(dir.join("low/etc/passwd"), "low").unwrap();
        fs::write(dir.join("top/etc/passwd"), "top").unwrap();
        fs::write(dir.join("low/etc/group"), "group").unwrap();
        symlink("/etc/hostname", dir.join("top/etc/leak")).unwrap();
        symlink("../../../../../../etc/hostname", dir.join("top/etc/climb")).unwrap();
        let at = |name: &str| dir.join(name).display().to_string();
        let options = vec![
            "index=off".into(),
            format!("upperdir={}", at("upper")),
            format!("lowerdir={}:{}", at("top"), at("low")),
        ];
        let mounts = [Mount { r#type: "overlay".into(), options, ..Mount::default() }];
        assert_eq!(read(&mounts, "/etc/passwd"), "top");
        assert_eq!(read(&mounts, "/etc/group"), "group");
        assert_eq!(read(&mounts, "/etc/leak"), "");
        assert_eq!(read(&mounts, "/etc/climb"), "");
        assert_eq!(read(&mounts, "/etc"), "", "a directory is no file");
        let bound = [Mount { r#type: "bind".into(), source: at("low"), ..Mount::default() }];
        assert_eq!(read(&bound, "/etc/passwd"), "low");
        fs::remove_dir_all(&dir).unwrap();
    }
}
