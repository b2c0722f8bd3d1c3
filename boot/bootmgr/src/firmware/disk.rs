//! The disk that the boot manager was started from, by the firmware's Block I/O protocol (UEFI 2.10, 13.9).

use alloc::vec::Vec;

use bootmgr::path;
use partition::{Geometry, GeometryError, SectorSize};
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::device_path::DevicePath;
use uefi::proto::media::block::BlockIO;

use super::fault::Fault;
use super::flush::Drive;
use super::pages::Pages;

/// A whole disk.
pub struct Disk {
    io: ScopedProtocol<BlockIO>,
    /// Until it refuses to flush.
    drive: Option<Drive>,
    /// A disk that was exchanged has another one: every call fails then.
    media_id: u32,
    align: usize,
    geometry: Geometry,
    path: Vec<u8>,
    own_partition: Vec<u8>,
}

/// Why there is no disk to boot from.
#[derive(Debug, thiserror::Error)]
pub enum DiskFault {
    #[error("cannot find own image")]
    OwnImage(#[source] Fault),
    #[error("not started from a partition of a disk; start from the ESP of a disk of ours")]
    NoPartition,
    #[error("cannot open the disk")]
    Open(#[source] Fault),
    #[error("disk has sectors of {bytes} bytes; want 512 or 4096")]
    SectorBytes { bytes: u32 },
    #[error("disk cannot carry a table")]
    Geometry(#[source] GeometryError),
}

impl Disk {
    /// The disk behind the device of our loaded image: its device path, cut before the partition.
    pub fn of_own_image() -> Result<Self, DiskFault> {
        let loaded = platform::own_image().map_err(|err| DiskFault::OwnImage(err.into()))?;
        let device = loaded.device().ok_or(DiskFault::NoPartition)?;
        let path = platform::open::<DevicePath>(device).map_err(|err| DiskFault::OwnImage(err.into()))?;
        let (disk, own) = path::disk_and_partition(path.as_bytes()).ok_or(DiskFault::NoPartition)?;
        let (path, own_partition) = (disk.to_vec(), own.to_vec());

        let whole = [path.as_slice(), &path::END].concat();
        let whole = <&DevicePath>::try_from(whole.as_slice()).map_err(|_| DiskFault::NoPartition)?;
        let mut rest = whole;
        let found = boot::locate_device_path::<BlockIO>(&mut rest);
        let handle = found.map_err(|err| DiskFault::Open(err.into()))?;
        // The closest device that has the protocol: a part of the path left over means that it is not our disk.
        let exact = rest.node_iter().next().is_none();
        let io = platform::open::<BlockIO>(handle).map_err(|err| DiskFault::Open(err.into()))?;
        let media = io.media();
        if !exact || media.is_logical_partition() {
            return Err(DiskFault::NoPartition);
        }
        let bytes = media.block_size();
        let sector = SectorSize::from_bytes(bytes.into()).ok_or(DiskFault::SectorBytes { bytes })?;
        let sectors = media.last_block().saturating_add(1);
        let geometry = Geometry::new(sector, sectors).map_err(DiskFault::Geometry)?;
        let (media_id, align) = (media.media_id(), media.io_align() as usize);
        let drive = Drive::at(whole);
        Ok(Self { io, drive, media_id, align, geometry, path, own_partition })
    }

    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Nodes of the disk's device path, without an end.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// A stick or a card.
    pub fn is_removable(&self) -> bool {
        self.io.media().is_removable_media()
    }

    /// Node of the partition that we were started from: the ESP.
    pub fn own_partition(&self) -> &[u8] {
        &self.own_partition
    }

    /// `io_align` of 0 and 1 mean no alignment; anything but a power of two is against the specification.
    pub fn memory(&self, bytes: usize) -> Result<Pages, Fault> {
        Pages::new(bytes, self.align.next_power_of_two())
    }

    pub fn read(&mut self, lba: u64, into: &mut [u8]) -> Result<(), Fault> {
        Ok(self.io.read_blocks(self.media_id, lba, into)?)
    }

    pub fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Fault> {
        let mut aligned = self.memory(bytes.len())?;
        aligned.as_mut().copy_from_slice(bytes);
        Ok(self.io.write_blocks(self.media_id, lba, aligned.as_ref())?)
    }

    /// Whether it worked is what the firmware says. Where that does nothing, the drive's own command does.
    pub fn flush(&mut self) -> Result<(), Fault> {
        self.io.flush_blocks()?;
        self.drive.take_if(|drive| !drive.flush());
        Ok(())
    }
}
