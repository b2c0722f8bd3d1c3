//! The partition that holds the root: on whichever disk, whenever that disk appears.

use std::io;
use std::time::{Duration, Instant};

use block::Host;
use block::scan::ScanError;
use partition::Guid;
use sys::uevent::Listener;
use verity::Params;

/// A SAN or a slow controller may take this long to show a disk; longer means that it is not there.
const DEADLINE: Duration = Duration::from_secs(30);
/// Announcements come before the kernel has read the partitions of some buses, and may be lost when many come.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("cannot listen for devices")]
    Listen(#[source] io::Error),
    #[error("cannot look for disks")]
    Scan(#[source] ScanError),
    #[error("{partuuid:?} is not a partition's GUID")]
    Guid { partuuid: String },
    #[error("no partition {partuuid} after {} s; disks present: {disks}", DEADLINE.as_secs())]
    Absent { partuuid: String, disks: String },
}

/// Waits for the root's partition; returns it as `MAJOR:MINOR`.
pub fn wait_for(params: &Params) -> Result<String, DiskError> {
    let partuuid = params.partuuid();
    let guid: Guid = partuuid.parse().map_err(|_| DiskError::Guid { partuuid: partuuid.clone() })?;
    let host = Host::default();
    // Most often the disk is there when its driver's init function returns: do not even open the ear.
    if let Some(device) = find(&host, guid)? {
        return Ok(device);
    }
    let listener = Listener::open().map_err(DiskError::Listen)?;
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(device) = find(&host, guid)? {
            return Ok(device);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DiskError::Absent { partuuid, disks: names(&host)? });
        }
        listener.wait(left.min(LOOK_AGAIN)).map_err(DiskError::Listen)?;
    }
}

fn find(host: &Host, guid: Guid) -> Result<Option<String>, DiskError> {
    Ok(host.locate(guid).map_err(DiskError::Scan)?.map(|found| found.kernel.device))
}

fn names(host: &Host) -> Result<String, DiskError> {
    let disks = host.scan().map_err(DiskError::Scan)?;
    let names: Vec<_> =
        disks.iter().map(|disk| format!("{} with {} partitions", disk.name, disk.partitions.len())).collect();
    Ok(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
}
