//! Replacing a file whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};

use crate::Error;

/// Makes `path` hold exactly `bytes` with exactly `mode`; returns whether anything had to change.
///
/// When this returns, the content and the name are on the disk. A power cut or a crash before that leaves the old
/// file, whole; at worst a stale `.NAME.new` lies beside it, which the next call takes over. One writer per file.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, Error> {
    let name = path.file_name().ok_or_else(|| Error::NoName { path: path.to_owned() })?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let dir = rustix::fs::open(parent, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|err| Error::Open { path: parent.to_owned(), err: err.into() })?;
    let mode = Mode::from_raw_mode(mode);
    if holds(&dir, Path::new(name), bytes, mode) {
        return Ok(false);
    }
    let aside = aside(name);
    write_aside(&dir, Path::new(&aside), bytes, mode)
        .map_err(|err| Error::Write { path: path.to_owned(), err })?;
    rustix::fs::renameat(&dir, &*aside, &dir, name)
        .and_then(|()| rustix::fs::fsync(&dir))
        .map_err(|err| Error::Rename { path: path.to_owned(), err: err.into() })?;
    Ok(true)
}

/// Removes what a call of [`replace`] that was cut short left beside `path`, for whoever does not want to replace it again.
pub fn sweep(path: &Path) -> io::Result<()> {
    let Some(name) = path.file_name() else { return Ok(()) };
    match std::fs::remove_file(path.with_file_name(aside(name))) {
        Err(err) if !matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Err(err),
        _ => Ok(()),
    }
}

/// Under which name the new content is written.
fn aside(name: &OsStr) -> OsString {
    let mut aside = OsString::from(".");
    aside.push(name);
    aside.push(".new");
    aside
}

/// Whether the file already is what is wanted. Whatever goes wrong here, writing it anew is the answer.
fn holds(dir: &OwnedFd, name: &Path, bytes: &[u8], mode: Mode) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let Ok(fd) = rustix::fs::openat(dir, name, flags, Mode::empty()) else { return false };
    let same_shape = rustix::fs::fstat(&fd).is_ok_and(|stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file()
            && Mode::from_raw_mode(stat.st_mode) == mode
            && usize::try_from(stat.st_size) == Ok(bytes.len())
    });
    let mut content = Vec::with_capacity(bytes.len());
    // The size is checked, so this reads no more than the caller holds in memory already.
    same_shape
        && File::from(fd).take(bytes.len() as u64 + 1).read_to_end(&mut content).is_ok()
        && content == bytes
}

/// Leaves `bytes` in `aside`, flushed, with `mode` from the first byte on (a secret is never readable for a moment).
fn write_aside(dir: &OwnedFd, aside: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    match rustix::fs::unlinkat(dir, aside, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(err) => return Err(err.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let fd = rustix::fs::openat(dir, aside, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    // fchmod, because the mode of open() is cut by the umask.
    rustix::fs::fchmod(file.as_fd(), mode)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{replace, sweep};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("files-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn a_second_identical_replace_changes_nothing() {
        let dir = scratch("same");
        let path = dir.join("f");
        assert!(replace(&path, b"one", 0o640).unwrap());
        assert!(!replace(&path, b"one", 0o640).unwrap());
        assert!(replace(&path, b"two", 0o640).unwrap());
        assert!(replace(&path, b"two", 0o600).unwrap(), "a changed mode is a change");
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_stale_file_aside_is_taken_over_or_swept() {
        let dir = scratch("stale");
        fs::write(dir.join(".f.new"), b"torn").unwrap();
        fs::write(dir.join(".g.new"), b"torn").unwrap();
        sweep(&dir.join("g")).unwrap();
        sweep(&dir.join("g")).unwrap();
        assert!(replace(&dir.join("f"), b"whole", 0o644).unwrap());
        assert_eq!(fs::read(dir.join("f")).unwrap(), b"whole");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_link_in_the_way_is_replaced_not_followed() {
        let dir = scratch("link");
        fs::write(dir.join("victim"), b"untouched").unwrap();
        std::os::unix::fs::symlink("victim", dir.join("f")).unwrap();
        assert!(replace(&dir.join("f"), b"new", 0o644).unwrap());
        assert_eq!(fs::read(dir.join("victim")).unwrap(), b"untouched");
        assert!(fs::symlink_metadata(dir.join("f")).unwrap().is_file());
        fs::remove_dir_all(&dir).unwrap();
    }
}
