//! Where the sets are: on the disk under the running root, or on a disk or image that somebody names.

use std::error::Error as StdError;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use block::device::OpenError;
use block::{Access, Device, EditError, Host, Locked, Running, RunningError, WholeDisk};
use partition::{LoadError, Loaded, Partition, SectorSize, Table};
use slots::Set;

use crate::extent::Extent;

/// A disk with sets.
#[derive(Debug, Clone)]
pub struct Place {
    path: PathBuf,
    /// Of an image file; a device says itself.
    sector: SectorSize,
    kernel: Option<WholeDisk>,
    running: Option<Running>,
}

/// Why the sets cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The root is not that of an installed system.
    #[error("cannot tell which disk the root is on; name one with --disk, or run this on an installed host")]
    Root(#[source] RunningError),
    /// The disk cannot be used.
    #[error("cannot use the disk; it needs root, and a path that exists")]
    Open(#[source] OpenError),
    /// It has no table.
    #[error("cannot read the partition table of {}", path.display())]
    Table {
        /// The disk.
        path: PathBuf,
        /// How both copies fare.
        #[source]
        err: LoadError,
    },
    /// The root is on a partition that belongs to no set.
    #[error("the root is on partition {number} of {}, which is neither ROOT-A nor ROOT-B; to change its sets, boot one of them", path.display())]
    NoSet {
        /// The disk.
        path: PathBuf,
        /// The partition under the root.
        number: u32,
    },
}

impl Place {
    /// The disk under the running root.
    pub fn of_root() -> Result<Self, PlaceError> {
        let running = block::running().map_err(PlaceError::Root)?;
        let kernel = Some(running.disk.clone());
        Ok(Self { path: running.disk.node.clone(), sector: SectorSize::B512, kernel, running: Some(running) })
    }

    /// A disk or an image file. The sectors of an image are as large as its table says. Who names the disk under the root
    /// gets that, with the set that runs.
    pub fn named(path: &Path) -> Result<Self, PlaceError> {
        let path = path.canonicalize().unwrap_or_else(|_| path.into());
        // Neither is an error: an image is as good an image on a machine that is no host of ours, or without sysfs.
        let disks = Host::default().scan().unwrap_or_default();
        let kernel = disks.into_iter().find(|disk| disk.node == path);
        let running = block::running().ok().filter(|running| running.disk.node == path);
        let mut place = Self { path, sector: SectorSize::B512, kernel, running };
        let Err(first) = place.load() else { return Ok(place) };
        place.sector = SectorSize::B4096;
        if matches!(first, PlaceError::Table { .. }) && place.load().is_ok() { Ok(place) } else { Err(first) }
    }

    /// The disk's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the root stands on, if this is the disk under it.
    pub fn root(&self) -> Option<&Running> {
        self.running.as_ref()
    }

    /// The table as it is now.
    pub fn load(&self) -> Result<Loaded, PlaceError> {
        let device = Device::open_as(&self.path, Access::Read, self.sector).map_err(PlaceError::Open)?;
        block::table::read(&device).map_err(|err| PlaceError::Table { path: self.path.clone(), err })
    }

    /// Locks the disk, to change its table.
    pub fn lock<E: StdError + 'static>(&self, patience: Duration) -> Result<Locked, EditError<E>> {
        Locked::open(&self.path, self.sector, patience)
    }

    /// The set that runs: the one whose `ROOT` partition is under the root. `None` for a disk that is not under it.
    pub fn running(&self, table: &Table) -> Result<Option<Set>, PlaceError> {
        let Some(running) = &self.running else { return Ok(None) };
        let number = running.partition.number;
        let of = |set: &Set| set.root_partition(table).is_some_and(|root| root.number == number);
        match Set::BOTH.into_iter().find(of) {
            Some(set) => Ok(Some(set)),
            None => Err(PlaceError::NoSet { path: self.path.clone(), number }),
        }
    }

    /// The bytes of one partition.
    pub fn extent(&self, partition: &Partition, table: &Table) -> io::Result<Extent> {
        Extent::open(&self.path, self.kernel.as_ref(), table.disk().sector(), partition)
    }
}
