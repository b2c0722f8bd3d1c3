//! The first content of `/etc`: a copy of the image's, so that renderers may change it.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Deeper than any folder in an image of ours; a loop of mounts would be endless.
const DEPTH_MAX: usize = 8;

/// What could not be copied.
#[derive(Debug)]
pub struct Failure {
    pub from: PathBuf,
    pub err: io::Error,
}

/// Copies files, folders and links below `from` into `to`, with their modes. What is there already stays: after a
/// restart of PID 1 alone, rendered files are newer than the image's.
pub fn fill(from: &Path, to: &Path) -> Result<(), Failure> {
    copy_folder(from, to, DEPTH_MAX)
}

fn copy_folder(from: &Path, to: &Path, depth: usize) -> Result<(), Failure> {
    let at = |path: &Path| {
        let from = path.to_owned();
        move |err| Failure { from, err }
    };
    if depth == 0 {
        return Err(at(from)(io::Error::other("folders nested too deep")));
    }
    for entry in fs::read_dir(from).map_err(at(from))? {
        let source = entry.map_err(at(from))?.path();
        let Some(name) = source.file_name() else { continue };
        let target = to.join(name);
        let meta = fs::symlink_metadata(&source).map_err(at(&source))?;
        let there = fs::symlink_metadata(&target).is_ok();
        if meta.is_dir() {
            if !there {
                fs::create_dir(&target).map_err(at(&source))?;
                let mode = fs::Permissions::from_mode(meta.permissions().mode() & 0o777);
                fs::set_permissions(&target, mode).map_err(at(&source))?;
            }
            copy_folder(&source, &target, depth - 1)?;
        } else if there {
            continue;
        } else if meta.is_symlink() {
            let text = fs::read_link(&source).map_err(at(&source))?;
            symlink(text, &target).map_err(at(&source))?;
        } else {
            // Carries the mode over.
            fs::copy(&source, &target).map_err(at(&source))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fill;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn the_copy_has_all_and_keeps_what_was_rendered() {
        let dir = std::env::temp_dir().join(format!("factory-{}", std::process::id()));
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::create_dir_all(from.join("ssl/certs")).unwrap();
        fs::create_dir_all(&to).unwrap();
        fs::write(from.join("ssl/certs/ca.crt"), "ca").unwrap();
        fs::write(from.join("shadow"), "secret").unwrap();
        fs::set_permissions(from.join("shadow"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(from.join("hostname"), "factory").unwrap();
        fs::write(to.join("hostname"), "rendered").unwrap();
        symlink("../usr/lib/os-release", from.join("os-release")).unwrap();

        fill(&from, &to).unwrap();
        fill(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("ssl/certs/ca.crt")).unwrap(), b"ca");
        assert_eq!(fs::metadata(to.join("shadow")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read(to.join("hostname")).unwrap(), b"rendered");
        assert_eq!(fs::read_link(to.join("os-release")).unwrap().to_str(), Some("../usr/lib/os-release"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
