//! A document on a file system that somebody else wrote.
//!
//! Holds always: only a plain file of that file system itself is read (no link, no device, no other mount on the way), and of it
//! no more than a document may be long.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use settings::LIMITS;

/// The file at `path` below the volume's root folder, if there is one.
pub(super) fn read(folder: &OwnedFd, path: &str) -> Result<Option<Vec<u8>>, String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let file = match rustix::fs::openat2(folder, path, flags, Mode::empty(), resolve) {
        Ok(file) => file,
        // The disk may hold only what is meant for others (meta-data, network-config).
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(err) => return Err(format!("cannot open {path}: {err}")),
    };
    let plain = rustix::fs::fstat(file.as_fd())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    if !plain {
        return Err(format!("{path} is not a plain file"));
    }
    let mut bytes = Vec::new();
    let one_more = LIMITS.text_bytes as u64 + 1;
    let read = File::from(file).take(one_more).read_to_end(&mut bytes);
    read.map_err(|err| format!("cannot read {path}: {err}"))?;
    if bytes.len() > LIMITS.text_bytes {
        return Err(format!("{path} is longer than {} bytes", LIMITS.text_bytes));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_a_plain_file_of_bounded_length_is_taken() {
        let dir = std::env::temp_dir().join(format!("volume-{}", std::process::id()));
        fs::create_dir_all(dir.join("in")).unwrap();
        let folder = OwnedFd::from(File::open(&dir).unwrap());
        let path = dir.join("in/user-data");
        let read = |path: &str| read(&folder, path);
        assert_eq!(read("in/user-data"), Ok(None));
        assert_eq!(read("no/such"), Ok(None));
        fs::write(&path, "text").unwrap();
        assert_eq!(read("in/user-data"), Ok(Some(b"text".to_vec())));
        assert_eq!(read("in/user-data/x"), Ok(None));
        symlink("in", dir.join("link")).unwrap();
        assert!(read("link/user-data").is_err(), "a link on the way is not followed");
        assert!(read("../etc/passwd").is_err());
        fs::write(&path, vec![b' '; LIMITS.text_bytes + 1]).unwrap();
        assert!(read("in/user-data").is_err());
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert!(read("in/user-data").is_err(), "a link is not followed");
        assert!(read("in").is_err(), "a folder is no file");
        fs::remove_dir_all(&dir).unwrap();
    }
}
