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

mod grow;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use block::edit::PATIENCE;
use block::{Locked, WholeDisk};
use partition::SectorSize;
use sys::mount::Flags;

use crate::volume::{self, VolumeError};

const NAME: &str = "DATA";
const TARGET: &str = "/var";
const FOLDERS: &[(&str, u32)] = &[
    ("lib", 0o755),
    // Containers with user namespaces must pass through to their own part, and see nothing else.
    ("lib/containerd", 0o711),
    ("lib/gantry", 0o711),
    ("lib/gantry/volumes", 0o711),
    // Logs may quote anything.
    ("log", 0o755),
    ("log/containers", 0o700),
    ("tmp", 0o1777),
];

pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error data: no data partition why={:?}", files::chain(&err));
            ExitCode::from(75)
        }
    }
}

fn run() -> Result<(), VolumeError> {
    let started = Instant::now();
    let disk = volume::disk()?;
    if let Err(err) = grow_table(&disk) {
        eprintln!("warn data: partition not grown why={:?}", files::chain(&err));
    }
    // Read again: what counts is what the disk says now.
    let volume = volume::named(&disk, NAME)?;
    if let Err(err) = grow::kernel(&disk.node, &volume.kernel, volume.length_bytes) {
        eprintln!("warn data: kernel not told of the new size why={:?}", files::chain(&err));
    }
    // Programs stay executable: containers' roots live here.
    volume.mount(Path::new(TARGET), Flags::empty())?;
    let mounted_ms = started.elapsed().as_millis();
    match grow::file_system(Path::new(TARGET), &volume.kernel.node) {
        Ok(grown) => grown.report(),
        Err(err) => eprintln!("warn data: file system not grown why={:?}", files::chain(&err)),
    }
    volume::make_folders(Path::new(TARGET), FOLDERS)?;
    let took_ms = started.elapsed().as_millis();
    eprintln!(
        "info data: mounted partition={} size_mib={} mounted_ms={mounted_ms} took_ms={took_ms}",
        volume.kernel.node.display(),
        volume.length_bytes >> 20
    );
    Ok(())
}

/// Holds the disk's lock for as long as the table changes: others edit it, too.
fn grow_table(disk: &WholeDisk) -> Result<(), grow::Failure> {
    let locked = Locked::open(&disk.node, SectorSize::B512, PATIENCE);
    grow::table(&mut locked.map_err(grow::Failure::Table)?, NAME)
}
