//! The disk and the partition that the running root is on, asked of the verity device itself rather than of any name or
//! GUID: a second disk with a copy of ours must not lend its data, nor its sets.

use std::fs;
use std::io;
use std::path::Path;

use crate::scan::{Host, KernelPartition, ScanError, WholeDisk};

/// What the root stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The disk.
    pub disk: WholeDisk,
    /// The partition under the root's verity device.
    pub partition: KernelPartition,
    /// The verity device itself, `MAJOR:MINOR`.
    pub device: String,
}

/// Why that cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum RunningError {
    /// The root cannot be looked at.
    #[error("cannot look at the root")]
    Stat(#[source] io::Error),
    /// It is no mapped device: not the root of an installed system.
    #[error("root device {device} stands on no partition")]
    NoPartition {
        /// What `/` is on, `MAJOR:MINOR`.
        device: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The disks cannot be listed.
    #[error("cannot look for disks")]
    Scan(#[source] ScanError),
    /// The partition belongs to no disk of hardware.
    #[error("no disk has the root's partition {partition}")]
    NoDisk {
        /// `MAJOR:MINOR`.
        partition: String,
    },
}

/// Finds it.
pub fn running() -> Result<Running, RunningError> {
    let stat = rustix::fs::stat("/").map_err(|err| RunningError::Stat(err.into()))?;
    let device = format!("{}:{}", rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    on(&Host::default(), Path::new("/sys"), device)
}

fn on(host: &Host, sys: &Path, device: String) -> Result<Running, RunningError> {
    let partition =
        below(sys, &device).map_err(|err| RunningError::NoPartition { device: device.clone(), err })?;
    let disks = host.scan().map_err(RunningError::Scan)?;
    let found = disks.into_iter().find_map(|disk| {
        let kernel = disk.partitions.iter().find(|p| p.device == partition)?.clone();
        Some((disk, kernel))
    });
    let (disk, partition) = found.ok_or(RunningError::NoDisk { partition })?;
    Ok(Running { disk, partition, device })
}

/// `MAJOR:MINOR` of what a mapped device stands on. Verity names its one device for data, tree and parity.
fn below(sys: &Path, device: &str) -> io::Result<String> {
    let slaves = sys.join("dev/block").join(device).join("slaves");
    let first = fs::read_dir(slaves)?.next().ok_or(io::ErrorKind::NotFound)??;
    Ok(fs::read_to_string(first.path().join("dev"))?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_roots_partition_is_found_through_the_device_under_it() {
        let dir = tempfile::TempDir::new().unwrap();
        let sys = dir.path().join("sys");
        for (disk, major) in [("vda", 254), ("vdb", 253)] {
            for number in [2, 4] {
                let partition = sys.join(format!("class/block/{disk}/{disk}{number}"));
                write(&partition.join("partition"), &number.to_string());
                write(&partition.join("start"), &(2048 * number).to_string());
                write(&partition.join("dev"), &format!("{major}:{number}\n"));
            }
            fs::create_dir_all(sys.join(format!("class/block/{disk}/device"))).unwrap();
        }
        write(&sys.join("dev/block/252:0/slaves/vda4/dev"), "254:4\n");
        let host = Host::at(&sys, &dir.path().join("dev"));

        let found = on(&host, &sys, "252:0".into()).unwrap();
        assert_eq!((found.disk.name.as_str(), found.partition.number), ("vda", 4));
        assert!(matches!(on(&host, &sys, "252:1".into()), Err(RunningError::NoPartition { .. })));
        write(&sys.join("dev/block/252:2/slaves/dm-0/dev"), "252:0\n");
        assert!(matches!(on(&host, &sys, "252:2".into()), Err(RunningError::NoDisk { .. })));
    }
}
