//! A log on disk: one file that is appended to, and older ones beside it.
//!
//! Holds always: `NAME`, `NAME.1` .. `NAME.KEEP` in falling age order, none longer than the limit by more
//! than one batch; a file that has been rotated is whole on disk. Lines since the last sync may be lost to a
//! power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// A file this long is put aside.
    pub limit_bytes: u64,
    /// How many that were put aside are kept.
    pub keep: u32,
}

/// What of the log could not be done.
#[derive(Debug, thiserror::Error)]
pub enum RollingError {
    /// The current file.
    #[error("cannot open {}", path.display())]
    Open {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Appending: the disk is full or failing.
    #[error("cannot append to {}", path.display())]
    Append {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Flushing to the disk.
    #[error("cannot sync {}", path.display())]
    Sync {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Putting the current file aside.
    #[error("cannot rotate {}", path.display())]
    Rotate {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
}

/// The open log.
#[derive(Debug)]
pub struct Rolling {
    path: PathBuf,
    rotation: Rotation,
    file: File,
    length: u64,
    dirty: bool,
}

impl Rolling {
    /// Opens `path` for appending, or makes it.
    pub fn open(path: &Path, rotation: Rotation) -> Result<Self, RollingError> {
        let (file, length) = open(path).map_err(|err| RollingError::Open { path: path.to_owned(), err })?;
        Ok(Self { path: path.to_owned(), rotation, file, length, dirty: false })
    }

    /// Keeps this much from now on. What is more goes now, the oldest file first; the current one stays.
    pub fn keep(&mut self, rotation: Rotation) -> Result<(), RollingError> {
        let before = std::mem::replace(&mut self.rotation, rotation);
        let mut room =
            rotation.limit_bytes.saturating_mul(u64::from(rotation.keep) + 1).saturating_sub(self.length);
        for number in 1..=before.keep.max(rotation.keep) {
            let path = self.aged(number);
            let Ok(length) = fs::metadata(&path).map(|it| it.len()) else { continue };
            if number <= rotation.keep && length <= room {
                room -= length;
                continue;
            }
            // Nothing older may be kept across a gap.
            room = 0;
            fs::remove_file(&path).map_err(|err| RollingError::Rotate { path: self.path.clone(), err })?;
        }
        Ok(())
    }

    /// Appends whole lines. What a full disk refused is gone; the next call tries anew.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), RollingError> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.length > 0 && self.length + lines.len() as u64 > self.rotation.limit_bytes {
            self.rotate()?;
        }
        self.file.write_all(lines).map_err(|err| RollingError::Append { path: self.path.clone(), err })?;
        self.length += lines.len() as u64;
        self.dirty = true;
        Ok(())
    }

    /// Whether there is something that a power cut would take.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// On return, every line appended so far is on the disk.
    pub fn sync(&mut self) -> Result<(), RollingError> {
        if self.dirty {
            self.file.sync_data().map_err(|err| RollingError::Sync { path: self.path.clone(), err })?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Puts the file aside. The oldest goes first, so a cut in between leaves a gap in the numbers, never two
    /// files of one age.
    fn rotate(&mut self) -> Result<(), RollingError> {
        self.sync()?;
        let failed = |err| RollingError::Rotate { path: self.path.clone(), err };
        for number in (0..self.rotation.keep).rev() {
            match fs::rename(self.aged(number), self.aged(number + 1)) {
                Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(failed(err)),
                _ => {}
            }
        }
        (self.file, self.length) = open(&self.path).map_err(failed)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        }
        Ok(())
    }

    fn aged(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    // Logs may quote anything: root's alone.
    let mut file = OpenOptions::new().append(true).create(true).read(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    if length > 0 && !ends_line(&file, length)? {
        // A cut in the middle of a line: the next one starts on its own.
        file.write_all(b"\n")?;
    }
    Ok((file, length))
}

fn ends_line(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut last, length - 1)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::{Rolling, Rotation};
    use std::fs;
    use std::path::PathBuf;

    const SMALL: Rotation = Rotation { limit_bytes: 20, keep: 2 };

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("rolling-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    #[test]
    fn who_keeps_less_loses_the_oldest_first_and_who_keeps_more_loses_nothing() {
        let dir = scratch("keep");
        let path = dir.join("host.log");
        let mut store = Rolling::open(&path, SMALL).unwrap();
        for number in 0..6 {
            store.append(format!("line of 17 byte {number}\n").as_bytes()).unwrap();
        }
        let there = || (0..5).filter(|number| store_file(&path, *number).exists()).collect::<Vec<u32>>();
        assert_eq!(there(), [0, 1, 2]);
        store.keep(Rotation { limit_bytes: 40, keep: 4 }).unwrap();
        assert_eq!(there(), [0, 1, 2]);
        // 36 of 45 bytes: the current file and one more.
        store.keep(Rotation { limit_bytes: 15, keep: 2 }).unwrap();
        assert_eq!(there(), [0, 1]);
        store.keep(Rotation { limit_bytes: 1, keep: 1 }).unwrap();
        assert_eq!(there(), [0]);
        store.append(b"more\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "more\n", "the new limit holds from the next line on");
    }

    fn store_file(path: &std::path::Path, number: u32) -> PathBuf {
        match number {
            0 => path.to_owned(),
            _ => PathBuf::from(format!("{}.{number}", path.display())),
        }
    }

    #[test]
    fn only_so_many_files_of_so_many_bytes_are_kept() {
        let dir = scratch("rotate");
        let mut store = Rolling::open(&dir.join("host.log"), SMALL).unwrap();
        for number in 0..20 {
            store.append(format!("line {number:04}\n").as_bytes()).unwrap();
        }
        store.sync().unwrap();
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!(read("host.log"), "line 0018\nline 0019\n");
        assert_eq!(read("host.log.1"), "line 0016\nline 0017\n");
        assert_eq!(read("host.log.2"), "line 0014\nline 0015\n");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 3);
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_restart_goes_on_where_it_stopped_and_a_torn_line_stays_alone() {
        let dir = scratch("restart");
        let path = dir.join("host.log");
        fs::write(&path, "whole\nto").unwrap();
        let mut store = Rolling::open(&path, SMALL).unwrap();
        store.append(b"next\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nto\nnext\n");
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn a_batch_longer_than_the_limit_is_kept_whole() {
        let dir = scratch("batch");
        let mut store = Rolling::open(&dir.join("host.log"), SMALL).unwrap();
        store.append(&[b'x'; 100]).unwrap();
        store.append(b"y\n").unwrap();
        assert_eq!(fs::metadata(dir.join("host.log.1")).unwrap().len(), 100);
        fs::remove_dir_all(&dir).unwrap();
    }
}
