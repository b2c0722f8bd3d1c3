//! A disk, or a file that holds the image of one.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::path::{Path, PathBuf};

use partition::{Geometry, GeometryError, SectorSize};

/// Bytes at offsets. The seam where tests put a disk that loses power.
pub trait Disk {
    /// Sector size and count.
    fn geometry(&self) -> Geometry;
    /// Fills the buffer from `offset` on.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes the whole buffer at `offset`. Durable only after [`Disk::flush`].
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when everything written so far is durable.
    fn flush(&mut self) -> io::Result<()>;
    /// Lets go of what is cached of the disk, so that the next read asks the disk itself. Best effort.
    fn forget_cached(&self) {}
}

/// What a device is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// An open block device or image file.
#[derive(Debug)]
pub struct Device {
    file: File,
    geometry: Geometry,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Its size or sector size cannot be learnt.
    #[error("cannot measure {}", path.display())]
    Measure {
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Its sectors have a size that we do not support.
    #[error("{} has sectors of {bytes} bytes", path.display())]
    SectorSize {
        /// The device.
        path: PathBuf,
        /// What it says.
        bytes: u64,
    },
    /// It is too small (or absurdly large) to carry a table.
    #[error("{} cannot carry a partition table", path.display())]
    Geometry {
        /// The device.
        path: PathBuf,
        /// Why.
        #[source]
        err: GeometryError,
    },
}

impl Device {
    /// Opens a block device (sector size: the kernel's) or an image file (sectors of 512 bytes).
    pub fn open(path: &Path, access: Access) -> Result<Self, OpenError> {
        Self::open_as(path, access, SectorSize::B512)
    }

    /// As [`Device::open`], but an image file is taken to have sectors of `image_sector` bytes.
    pub fn open_as(path: &Path, access: Access, image_sector: SectorSize) -> Result<Self, OpenError> {
        let file = OpenOptions::new()
            .read(true)
            .write(access == Access::Write)
            .open(path)
            .map_err(|err| OpenError::Open { path: path.into(), err })?;
        let measured = measure(&file, image_sector);
        let (sector_bytes, size) = measured.map_err(|err| OpenError::Measure { path: path.into(), err })?;
        let sector = SectorSize::from_bytes(sector_bytes)
            .ok_or_else(|| OpenError::SectorSize { path: path.into(), bytes: sector_bytes })?;
        let geometry = Geometry::new(sector, size / sector_bytes)
            .map_err(|err| OpenError::Geometry { path: path.into(), err })?;
        Ok(Self { file, geometry })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// Sector size and size in bytes. Seeking to the end measures devices and files alike.
fn measure(file: &File, image_sector: SectorSize) -> io::Result<(u64, u64)> {
    let sector = if file.metadata()?.file_type().is_block_device() {
        u64::from(rustix::fs::ioctl_blksszget(file)?)
    } else {
        image_sector.bytes() as u64
    };
    let mut end = file;
    Ok((sector, end.seek(SeekFrom::End(0))?))
}

impl Disk for Device {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// On a block device fsync also empties the drive's own cache (block/fops.c, blkdev_fsync).
    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn forget_cached(&self) {
        // Advice that is not taken (pages that somebody uses stay) costs the proof, not the write.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
    }
}
