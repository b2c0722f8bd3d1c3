//! The unit `state`: the small partition that holds what makes this host itself, mounted at `/state`.
//!
//! Settings, identity and what the updater remembers live there, in a file system of their own that containers cannot
//! fill. Nothing on it runs, and nobody but root looks into it. It has the size it was made with: the disk's end is DATA's.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use sys::mount::Flags;

use crate::volume::{self, VolumeError};

const NAME: &str = "STATE";
const TARGET: &str = "/state";
/// The first is `/state` itself.
const FOLDERS: &[(&str, u32)] = &[("", 0o700), ("identity", 0o700), ("settings", 0o700), ("update", 0o700)];

pub fn main() -> ExitCode {
    let started = Instant::now();
    match run() {
        Ok(node) => {
            let took_ms = started.elapsed().as_millis();
            eprintln!("info state: mounted partition={node} took_ms={took_ms}");
            ExitCode::SUCCESS
        }
        Err(err) => {
            eprintln!(
                "error state: no state partition: this host has neither its settings nor its identity why={:?}",
                files::chain(&err)
            );
            ExitCode::from(75)
        }
    }
}

fn run() -> Result<String, VolumeError> {
    let volume = volume::named(&volume::disk()?, NAME)?;
    volume.mount(Path::new(TARGET), Flags::NOEXEC)?;
    volume::make_folders(Path::new(TARGET), FOLDERS)?;
    Ok(volume.kernel.node.display().to_string())
}
