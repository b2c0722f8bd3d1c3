//! Changing the table of a disk that others change, too: one at a time, read back, nothing written for nothing.
//!
//! Growth at boot, `signpost` and `health` each read a table, compute another and write it. [`Locked`] makes that one
//! step among them: it holds the disk's lock (flock(2) on its device node, or on the image file) from before the
//! read until it is dropped.
//!
//! Holds always: when [`Locked::edit`] returns a value, both copies on the disk say [`Edited::after`], durably, and
//! were read back; when it returns an error, the disk says the old table or the new one, whole, in at least one copy.
//! A cut or a failure anywhere is mended by doing the same edit again: a copy that is damaged or differs is written
//! also when the table itself need not change.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use partition::{Geometry, LoadError, Loaded, SectorSize, Table};
use rustix::fs::FlockOperation;

use crate::device::{Access, Device, Disk, OpenError};
use crate::table::{self, PerformError};

/// How long to wait for somebody else's edit: each is a few flushes; the slowest disk that still is one takes
/// seconds for a flush.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A disk whose table only we change, until this is dropped.
#[derive(Debug)]
pub struct Locked {
    path: PathBuf,
    device: Device,
}

/// What an edit found and left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The table before, and how its copies fared.
    pub before: Loaded,
    /// What both copies say now.
    pub after: Table,
    /// Whether anything was written.
    pub written: bool,
}

/// Why a disk's table was not changed. `E` is the reason of whoever computes the new table.
#[derive(Debug, thiserror::Error)]
pub enum EditError<E: StdError + 'static = Infallible> {
    /// The disk cannot be used.
    #[error("cannot use the disk")]
    Open(#[source] OpenError),
    /// Somebody else changes its table, and does not come to an end.
    #[error("another program has held the table of {} for {} s; wait for it, or end it", path.display(), patience.as_secs())]
    Busy {
        /// The disk.
        path: PathBuf,
        /// How long we waited.
        patience: Duration,
    },
    /// It cannot be locked.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The disk.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// It has no table that can be read.
    #[error("cannot read the partition table of {}", path.display())]
    Read {
        /// The disk.
        path: PathBuf,
        /// How both copies fare.
        #[source]
        err: LoadError,
    },
    /// The change itself was refused; nothing was written.
    #[error(transparent)]
    Refused(E),
    /// A write or a flush failed. The disk says the old table or the new one; doing the same again is safe.
    #[error("the partition table of {} was written in part or not at all; try again", path.display())]
    Write {
        /// The disk.
        path: PathBuf,
        /// The step that failed.
        #[source]
        err: PerformError,
    },
    /// What was written is not what is read.
    #[error("the partition table of {} does not read back as it was written: the disk loses writes; replace it", path.display())]
    ReadBack {
        /// The disk.
        path: PathBuf,
    },
}

/// Locks the disk at `path`, changes its table as `change` says, unlocks it. See [`Locked::edit`].
pub fn edit<E: StdError + 'static>(
    path: &Path,
    change: impl FnOnce(&Table) -> Result<Table, E>,
) -> Result<Edited, EditError<E>> {
    Locked::open(path, SectorSize::B512, PATIENCE)?.edit(change)
}

impl Locked {
    /// Opens a block device, or an image file with sectors of `image_sector` bytes, and waits at most `patience` for its lock.
    pub fn open<E: StdError + 'static>(
        path: &Path,
        image_sector: SectorSize,
        patience: Duration,
    ) -> Result<Self, EditError<E>> {
        let device = Device::open_as(path, Access::Write, image_sector).map_err(EditError::Open)?;
        let locked = lock(device.file(), patience);
        match locked.map_err(|err| EditError::Lock { path: path.into(), err })? {
            true => Ok(Self { path: path.into(), device }),
            false => Err(EditError::Busy { path: path.into(), patience }),
        }
    }

    /// Sector size and count of the disk.
    pub fn geometry(&self) -> Geometry {
        self.device.geometry()
    }

    /// The table as it is, and how its copies fare.
    pub fn read<E: StdError + 'static>(&self) -> Result<Loaded, EditError<E>> {
        read(&self.device, &self.path)
    }

    /// Makes the disk say what `change` makes of its table, in both copies. See the module's page for what holds after.
    pub fn edit<E: StdError + 'static>(
        &mut self,
        change: impl FnOnce(&Table) -> Result<Table, E>,
    ) -> Result<Edited, EditError<E>> {
        on(&mut self.device, &self.path, change)
    }
}

fn read<E: StdError + 'static>(disk: &impl Disk, path: &Path) -> Result<Loaded, EditError<E>> {
    table::read(disk).map_err(|err| EditError::Read { path: path.into(), err })
}

fn on<E: StdError + 'static>(
    disk: &mut impl Disk,
    path: &Path,
    change: impl FnOnce(&Table) -> Result<Table, E>,
) -> Result<Edited, EditError<E>> {
    let before = read(disk, path)?;
    let after = change(&before.table).map_err(EditError::Refused)?;
    let edits = before.edits(&after);
    let written = !edits.is_empty();
    if written {
        table::perform(disk, &edits).map_err(|err| EditError::Write { path: path.into(), err })?;
        disk.forget_cached();
        let found = read(disk, path)?;
        if !found.is_whole() || found.table != after {
            return Err(EditError::ReadBack { path: path.into() });
        }
    }
    Ok(Edited { before, after, written })
}

/// Takes the exclusive lock; false when it is not to be had in time. It goes with the last copy of the descriptor.
fn lock(file: &File, patience: Duration) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => return Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => {}
        Err(err) => return Err(err.into()),
    }
    // flock(2) knows no deadline, so a thread waits. When we give up it holds the last copy of the descriptor, and
    // closing that, should the lock come after all, gives it back.
    let copy = file.try_clone()?;
    let wait = move || {
        loop {
            match rustix::fs::flock(&copy, FlockOperation::LockExclusive) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other,
            }
        }
    };
    match sys::patience::within(patience, wait)? {
        Some(locked) => Ok(locked.map(|()| true)?),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::unix::fs::FileExt;
    use std::thread;
    use std::time::Instant;

    use partition::{PlannedPartition, Size, build, guid};
    use tempfile::NamedTempFile;

    use super::*;

    const BYTES: u64 = 64 << 20;
    const SECTORS: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];

    #[derive(Debug, thiserror::Error)]
    #[error("no")]
    struct No;

    fn image(sector: SectorSize) -> (NamedTempFile, Table) {
        let image = NamedTempFile::new().unwrap();
        image.as_file().set_len(BYTES).unwrap();
        let plan = [PlannedPartition {
            name: "BOOT-A".into(),
            type_guid: guid!("3a87fb39-fbef-46c2-92dc-61693d1a1022"),
            guid: guid!("33333333-0000-4000-8000-000000000003"),
            size: Size::Rest,
            attributes: 0,
        }];
        let geometry = Geometry::new(sector, BYTES / sector.bytes() as u64).unwrap();
        let made = build(&geometry, guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001"), &plan).unwrap();
        let mut device = Device::open_as(image.path(), Access::Write, sector).unwrap();
        table::perform(&mut device, &made.fresh_edits()).unwrap();
        (image, made)
    }

    fn open(image: &NamedTempFile, sector: SectorSize) -> Locked {
        Locked::open::<Infallible>(image.path(), sector, PATIENCE).unwrap()
    }

    fn marked(table: &Table) -> Result<Table, partition::TableError> {
        table.with_attributes(1, 1 << 48)
    }

    #[test]
    fn an_edit_is_on_the_disk_and_doing_it_again_writes_nothing() {
        for sector in SECTORS {
            let (image, made) = image(sector);
            let first = open(&image, sector).edit(marked).unwrap();
            assert_eq!((first.before.table, first.written), (made, true));
            let bytes = std::fs::read(image.path()).unwrap();
            let again = open(&image, sector).edit(marked).unwrap();
            assert!(!again.written && again.before.is_whole());
            assert_eq!(again.after, first.after);
            assert!(std::fs::read(image.path()).unwrap() == bytes, "not a byte changed");
        }
    }

    #[test]
    fn a_refused_change_writes_nothing() {
        let (image, _) = image(SectorSize::B512);
        let bytes = std::fs::read(image.path()).unwrap();
        let refused = edit(image.path(), |_| Err(No));
        assert!(matches!(refused, Err(EditError::Refused(No))));
        assert!(std::fs::read(image.path()).unwrap() == bytes);
    }

    #[test]
    fn a_copy_that_is_damaged_or_differs_is_mended_though_nothing_else_changes() {
        for sector in SECTORS {
            let size = sector.bytes() as u64;
            // Header of the primary copy, of the backup copy.
            for damage in [size, BYTES - size] {
                let (image, made) = image(sector);
                image.as_file().write_all_at(b"rot", damage + 16).unwrap();
                let edited = open(&image, sector).edit(|table| Ok::<_, No>(table.clone())).unwrap();
                assert!(edited.written && !edited.before.is_whole());
                assert_eq!(edited.after, made);
                assert!(open(&image, sector).read::<No>().unwrap().is_whole());
            }
            // A cut after the first copy of an edit: the backup says the new table, the primary the old.
            let (image, made) = image(sector);
            let device = Device::open_as(image.path(), Access::Write, sector).unwrap();
            let edits = table::read(&device).unwrap().edits(&marked(&made).unwrap());
            let mut cut = Cutting { device, left: Cell::new(2), lost: false };
            assert!(table::perform(&mut cut, &edits).is_err());
            assert!(open(&image, sector).read::<No>().unwrap().differ);
            let edited = open(&image, sector).edit(marked).unwrap();
            assert!(edited.written && edited.before.differ);
            assert!(open(&image, sector).read::<No>().unwrap().is_whole());
        }
    }

    #[test]
    fn a_disk_that_loses_writes_is_found_out() {
        let (image, _) = image(SectorSize::B512);
        let device = Device::open(image.path(), Access::Write).unwrap();
        let mut lossy = Cutting { device, left: Cell::new(2), lost: true };
        assert!(matches!(on(&mut lossy, image.path(), marked), Err(EditError::ReadBack { .. })));
    }

    #[test]
    fn a_second_editor_waits_and_gives_up_in_time() {
        let (image, _) = image(SectorSize::B512);
        let first = open(&image, SectorSize::B512);
        let patience = Duration::from_millis(50);
        let started = Instant::now();
        let second = Locked::open::<No>(image.path(), SectorSize::B512, patience);
        assert!(matches!(second, Err(EditError::Busy { .. })));
        assert!(started.elapsed() >= patience && started.elapsed() < Duration::from_secs(20));

        thread::scope(|scope| {
            let waits =
                scope.spawn(|| Locked::open::<No>(image.path(), SectorSize::B512, PATIENCE).map(drop));
            drop(first);
            waits.join().unwrap().unwrap();
        });
    }

    #[test]
    fn edits_of_many_at_once_are_all_there() {
        let (image, _) = image(SectorSize::B512);
        thread::scope(|scope| {
            for bit in 48..64 {
                let path = image.path();
                scope.spawn(move || {
                    edit(path, |table| {
                        let old = table.partitions().next().map_or(0, |p| p.attributes);
                        table.with_attributes(1, old | 1 << bit)
                    })
                    .unwrap();
                });
            }
        });
        let loaded = open(&image, SectorSize::B512).read::<No>().unwrap();
        assert_eq!(loaded.table.by_name("BOOT-A").unwrap().attributes, 0xffff << 48);
    }

    /// Takes so many writes, then fails, or swallows the rest in silence.
    struct Cutting {
        device: Device,
        left: Cell<u32>,
        lost: bool,
    }

    impl Disk for Cutting {
        fn geometry(&self) -> Geometry {
            self.device.geometry()
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            self.device.read_at(buffer, offset)
        }

        fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
            match self.left.get() {
                0 if self.lost => Ok(()),
                0 => Err(io::ErrorKind::Other.into()),
                left => {
                    self.left.set(left - 1);
                    self.device.write_at(bytes, offset)
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.device.flush()
        }
    }
}
