//! The folders that programs expect below `/var`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Path below `/var` and mode, outer ones first.
const FOLDERS: &[(&str, u32)] = &[
    ("lib", 0o755),
    // Containers with user namespaces must pass through to their own part, and see nothing else.
    ("lib/containerd", 0o711),
    ("lib/gantry", 0o711),
    ("lib/gantry/volumes", 0o711),
    // Logs may quote anything.
    ("log", 0o755),
    ("log/containers", 0o700),
    ("tmp", 0o1777),
];

pub struct Failure {
    pub path: PathBuf,
    pub err: io::Error,
}

/// Makes those that are missing and sets the modes of all.
pub fn make(var: &Path) -> Result<(), Failure> {
    FOLDERS.iter().try_for_each(|&(folder, mode)| {
        let path = var.join(folder);
        let made = match fs::create_dir(&path) {
            Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        };
        made.and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)))
            .map_err(|err| Failure { path, err })
    })
}

#[cfg(test)]
mod tests {
    use super::{FOLDERS, make};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_have_their_modes_also_the_second_time() {
        let var = std::env::temp_dir().join(format!("folders-{}", std::process::id()));
        fs::create_dir_all(&var).unwrap();
        assert!(make(&var).is_ok());
        fs::set_permissions(var.join("lib"), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(make(&var).is_ok());
        for (folder, mode) in FOLDERS {
            assert_eq!(
                fs::metadata(var.join(folder)).unwrap().permissions().mode() & 0o7777,
                *mode,
                "{folder}"
            );
        }
        fs::remove_dir_all(&var).unwrap();
    }
}
