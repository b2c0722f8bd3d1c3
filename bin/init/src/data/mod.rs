//! The unit `data`: the partition DATA of the disk that the root is on, grown to the disk's end and mounted at
//! `/var`.
//!
//! Every step is repeated at every boot and does nothing where nothing is left to do, so a power cut anywhere is
//! mended by the next boot:
//!
//! | step | cut before it is durable |
//! |---|---|
//! | partition table: backup copy, flush, primary copy, flush | one copy is whole: the old size or the new |
//! | the kernel's idea of the partition's size | lives in memory only |
//! | mount (replays the journal) | is journal replay itself |
//! | file system grown, group by group through its journal | is as large as the last whole group |
//! | folders | made then |
//!
//! Growth that fails is said and costs room, not the boot; a mount that fails is the unit's failure.

mod folders;
mod grow;
mod root;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use block::{Access, Device, Disk, KernelPartition};
use sys::mount::Flags;

const NAME: &str = "DATA";
const TARGET: &str = "/var";

/// The host has no place for its data.
#[derive(Debug, thiserror::Error)]
enum DataError {
    #[error("cannot tell which disk the root is on")]
    Root(#[source] root::RootError),
    #[error("cannot use the root's disk")]
    Open(#[source] block::device::OpenError),
    #[error("cannot read the partition table of {}", disk.display())]
    Table {
        disk: PathBuf,
        #[source]
        err: partition::LoadError,
    },
    #[error("{} has no partition named {NAME}", disk.display())]
    Absent { disk: PathBuf },
    #[error("cannot mount {} on {TARGET}", node.display())]
    Mount {
        node: PathBuf,
        #[source]
        err: io::Error,
    },
    #[error("cannot make {}", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        err: io::Error,
    },
}

pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error data: no data partition why={:?}", files::chain(&err));
            ExitCode::from(75)
        }
    }
}

fn run() -> Result<(), DataError> {
    let started = Instant::now();
    let disk = root::disk().map_err(DataError::Root)?;
    let mut device = Device::open(&disk.node, Access::Write).map_err(DataError::Open)?;
    let loaded =
        block::table::read(&device).map_err(|err| DataError::Table { disk: disk.node.clone(), err })?;
    if let Err(err) = grow::table(&mut device, &loaded, NAME) {
        eprintln!("warn data: partition not grown why={:?}", files::chain(&err));
    }
    let absent = || DataError::Absent { disk: disk.node.clone() };
    // Read again: what counts is what the disk says now.
    let loaded =
        block::table::read(&device).map_err(|err| DataError::Table { disk: disk.node.clone(), err })?;
    let partition = loaded.table.by_name(NAME).ok_or_else(absent)?;
    let sector_bytes = device.geometry().sector().bytes() as u64;
    let kernel = disk.kernel_partition(&partition, sector_bytes).ok_or_else(absent)?;
    let length_bytes = partition.sectors() * sector_bytes;
    if let Err(err) = grow::kernel(&disk.node, kernel, length_bytes) {
        eprintln!("warn data: kernel not told of the new size why={:?}", files::chain(&err));
    }
    mount(kernel)?;
    let mounted_ms = started.elapsed().as_millis();
    match grow::file_system(Path::new(TARGET), &kernel.node) {
        Ok(grown) => grown.report(),
        Err(err) => eprintln!("warn data: file system not grown why={:?}", files::chain(&err)),
    }
    folders::make(Path::new(TARGET))
        .map_err(|failure| DataError::Folder { path: failure.path, err: failure.err })?;
    let took_ms = started.elapsed().as_millis();
    eprintln!(
        "info data: mounted partition={} size_mib={} mounted_ms={mounted_ms} took_ms={took_ms}",
        kernel.node.display(),
        length_bytes >> 20
    );
    Ok(())
}

/// Mounts it, unless an earlier run of this unit did. Programs stay executable: containers' roots live here.
fn mount(partition: &KernelPartition) -> Result<(), DataError> {
    let target = Path::new(TARGET);
    let mounted = sys::mount::is_mounted(target).and_then(|there| {
        if there {
            return Ok(());
        }
        let node = partition.node.to_string_lossy();
        sys::mount::mount("ext4", &node, target, Flags::NOSUID | Flags::NODEV, "errors=remount-ro")
    });
    mounted.map_err(|err| DataError::Mount { node: partition.node.clone(), err })
}
