//! Folders that programs expect in a file system, with their modes.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub struct Failure {
    pub path: PathBuf,
    pub err: io::Error,
}

/// Makes those that are missing and sets the modes of all. An empty path means `root` itself.
pub fn make(root: &Path, wanted: &[(&str, u32)]) -> Result<(), Failure> {
    wanted.iter().try_for_each(|&(folder, mode)| {
        let path = root.join(folder);
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
    use super::make;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn folders_have_their_modes_also_the_second_time() {
        let root = std::env::temp_dir().join(format!("folders-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let wanted = [("", 0o700), ("lib", 0o755), ("lib/deep", 0o711), ("tmp", 0o1777)];
        assert!(make(&root, &wanted).is_ok());
        fs::set_permissions(root.join("lib"), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(make(&root, &wanted).is_ok());
        for (folder, mode) in wanted {
            let found = fs::metadata(root.join(folder)).unwrap().permissions().mode();
            assert_eq!(found & 0o7777, mode, "{folder}");
        }
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let root = std::env::temp_dir().join(format!("folders-file-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("lib"), "").unwrap();
        let failure = make(&root, &[("lib", 0o755), ("lib/deep", 0o711)]).err().map(|failure| failure.path);
        assert_eq!(failure, Some(root.join("lib/deep")));
        fs::remove_dir_all(&root).unwrap();
    }
}
