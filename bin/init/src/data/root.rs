//! The disk that the running root is on, asked of the verity device itself rather than of any name or GUID: a second
//! disk with a copy of ours must not lend its data.

use std::fs;
use std::io;
use std::path::Path;

use block::scan::ScanError;
use block::{Host, WholeDisk};

#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error("cannot look at the root")]
    Stat(#[source] io::Error),
    #[error("root device {device} stands on no partition")]
    NoPartition {
        device: String,
        #[source]
        err: io::Error,
    },
    #[error("cannot look for disks")]
    Scan(#[source] ScanError),
    #[error("no disk has the root's partition {partition}")]
    NoDisk { partition: String },
}

/// Finds it.
pub fn disk() -> Result<WholeDisk, RootError> {
    let stat = rustix::fs::stat("/").map_err(|err| RootError::Stat(err.into()))?;
    let device = format!("{}:{}", rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let partition = below(&device).map_err(|err| RootError::NoPartition { device: device.clone(), err })?;
    let disks = Host::default().scan().map_err(RootError::Scan)?;
    disks
        .into_iter()
        .find(|disk| disk.partitions.iter().any(|p| p.device == partition))
        .ok_or(RootError::NoDisk { partition })
}

/// `MAJOR:MINOR` of what a mapped device stands on. Verity names its one device for data, tree and parity.
fn below(device: &str) -> io::Result<String> {
    let slaves = Path::new("/sys/dev/block").join(device).join("slaves");
    let first = fs::read_dir(slaves)?.next().ok_or(io::ErrorKind::NotFound)??;
    Ok(fs::read_to_string(first.path().join("dev"))?.trim().to_owned())
}
