//! The few things an application does to a host, so that a test can stop it at each of them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::lock::Lock;

/// The kernel's parameters are one page at most.
const KNOB_BYTES: usize = 4096;

/// What is at a path.
pub(crate) enum Found {
    Nothing,
    /// A plain file of no more than the asked-for size.
    File {
        bytes: Vec<u8>,
        mode: u32,
    },
    /// Anything else: a link, a folder, a longer file, one that cannot be read.
    Other,
}

/// A host, as seen by an application. Paths are absolute on that host.
pub(crate) trait Host: Send + Sync {
    /// Waits for its turn to change the host.
    fn lock(&self) -> io::Result<Lock>;

    /// What is at this path.
    fn look(&self, path: &str, limit: usize) -> Found;

    /// Makes the file whole and new; folders on its way are made.
    fn replace(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), files::Error>;

    /// Takes the file away, and folders that hold nothing then. One that is away already is no error.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Takes away what a replacement that was cut short left, and folders that hold nothing then.
    fn sweep(&self, path: &str) -> io::Result<()>;

    /// A kernel parameter's text, without its line's end; of a choice in brackets, the choice, which is what one writes.
    fn parameter(&self, path: &str) -> io::Result<String>;

    /// One write into a kernel parameter, which must be there.
    fn set_parameter(&self, path: &str, value: &str) -> io::Result<()>;
}

/// A host below a folder: `/`, or a test's.
pub(crate) struct Root(pub(crate) PathBuf);

impl Root {
    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path.trim_start_matches('/'))
    }
}

impl Host for Root {
    fn lock(&self) -> io::Result<Lock> {
        Lock::take(&self.at(crate::record::LOCK))
    }

    fn look(&self, path: &str, limit: usize) -> Found {
        let path = self.at(path);
        match fs::symlink_metadata(&path) {
            Err(err) if is_absent(&err) => Found::Nothing,
            Ok(meta) if meta.is_file() => match files::read(&path, limit) {
                Ok(bytes) => Found::File { bytes, mode: meta.permissions().mode() & 0o7777 },
                Err(_) => Found::Other,
            },
            _ => Found::Other,
        }
    }

    fn replace(&self, path: &str, bytes: &[u8], mode: u32) -> Result<(), files::Error> {
        let path = self.at(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|err| files::Error::Open { path: folder.to_owned(), err })?;
        }
        files::replace(&path, bytes, mode).map(drop)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        match fs::remove_file(&path) {
            Err(err) if !is_absent(&err) => return Err(err),
            _ => {}
        }
        remove_empty_folders(&self.0, &path);
        Ok(())
    }

    fn sweep(&self, path: &str) -> io::Result<()> {
        let path = self.at(path);
        files::sweep(&path)?;
        remove_empty_folders(&self.0, &path);
        Ok(())
    }

    fn parameter(&self, path: &str) -> io::Result<String> {
        let text = files::read(&self.at(path), KNOB_BYTES).map_err(io::Error::other)?;
        Ok(value(String::from_utf8_lossy(&text).trim_end()).to_owned())
    }

    fn set_parameter(&self, path: &str, value: &str) -> io::Result<()> {
        let text = format!("{value}\n");
        OpenOptions::new().write(true).truncate(true).open(self.at(path))?.write_all(text.as_bytes())
    }
}

/// The `integrity` of `none [integrity] confidentiality`, and any other text as it is.
fn value(text: &str) -> &str {
    let choice = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    choice.map_or(text, |(choice, _)| choice)
}

/// A file where a folder should be hides everything below.
fn is_absent(err: &io::Error) -> bool {
    matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Folders between the root's own (`/etc`, `/run`) and the file go with the last file in them.
fn remove_empty_folders(root: &Path, path: &Path) {
    let below = |folder: &&Path| folder.strip_prefix(root).is_ok_and(|rest| rest.components().count() > 1);
    for folder in path.ancestors().skip(1).take_while(below) {
        // One that is not empty refuses, and so ends it.
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}
