//! A real folder.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::folder::{Entry, Folder};

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// A folder of a file system, by descriptor: what is mounted over it later does not matter.
#[derive(Debug)]
pub struct Disk {
    folder: OwnedFd,
}

/// A folder, locked: by a descriptor of its own, so that closing it unlocks, and with no file that a full disk could refuse.
#[derive(Debug)]
pub struct Locked {
    _folder: OwnedFd,
}

impl Disk {
    /// The folder at a path, made if it is not there; root's alone, because settings hold secrets.
    ///
    /// When this returns, the folder is there after a power cut too.
    pub fn open(path: &Path) -> io::Result<Self> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) => {
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                let parent = rustix::fs::open(parent.unwrap_or(Path::new(".")), FOLDER, Mode::empty())?;
                rustix::fs::fsync(parent)?;
            }
            Err(Errno::EXIST) => {}
            Err(err) => return Err(err.into()),
        }
        let folder = rustix::fs::open(path, FOLDER, Mode::empty())?;
        let mode = Mode::from_raw_mode(rustix::fs::fstat(&folder)?.st_mode);
        if mode != Mode::RWXU {
            rustix::fs::fchmod(&folder, Mode::RWXU)?;
        }
        Ok(Self { folder })
    }
}

impl Folder for Disk {
    type File = File;
    type Lock = Locked;

    fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            // Names that are not text are nobody's.
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                    entries.push(Entry { name: name.to_owned(), bytes });
                }
                // Removed between the two calls, by another process that prunes.
                Err(Errno::NOENT) => {}
                Err(err) => return Err(err.into()),
            }
        }
        Ok(entries)
    }

    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        // NONBLOCK: a pipe in the place of a file must not hang the host's boot.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = File::from(rustix::fs::openat(&self.folder, name, flags, Mode::empty())?);
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mut file = File::from(rustix::fs::openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(bytes)?;
        Ok(file)
    }

    fn flush(&self, file: File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, from, &self.folder, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    fn flush_names(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.folder)?)
    }

    fn enter(&self, name: &str) -> io::Result<Self> {
        Ok(Self { folder: rustix::fs::openat(&self.folder, name, FOLDER, Mode::empty())? })
    }

    fn make(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.folder, name, Mode::RWXU)?)
    }

    fn lock(&self, patience: Duration) -> io::Result<Locked> {
        let folder = rustix::fs::openat(&self.folder, ".", FOLDER, Mode::empty())?;
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Locked { _folder: folder }),
            Err(Errno::WOULDBLOCK) => wait(folder, patience),
            Err(err) => Err(err.into()),
        }
    }
}

/// flock(2) has no deadline, so a thread waits in it. One that nobody waits for any more lets the lock go when it gets it.
fn wait(folder: OwnedFd, patience: Duration) -> io::Result<Locked> {
    let (done, locked) = mpsc::channel();
    let waits = move || {
        let result = loop {
            match rustix::fs::flock(&folder, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                result => break result,
            }
        };
        // Where nobody listens any more, the folder is closed here, and the lock with it.
        drop(done.send(result.map(|()| Locked { _folder: folder })));
    };
    thread::Builder::new().name("settings-lock".to_owned()).spawn(waits)?;
    match locked.recv_timeout(patience) {
        Ok(result) => Ok(result?),
        Err(_) => Err(ErrorKind::TimedOut.into()),
    }
}
