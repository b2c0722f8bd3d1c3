//! `out/VARIANT/`: results put in place one by one, by rename, each with its digest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cache::{self, remove};
use crate::command;
use crate::digest::Digest;
use crate::release::File;

/// A result.
pub enum Made {
    /// A file of the cache.
    Copy(PathBuf),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Puts one result in place, unless what lies there is it: results in the cache keep their time.
pub fn publish(place: &Path, made: &Made) -> Result<File> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    match made {
        Made::Text(text) => written(place, text.as_bytes()),
        Made::Bytes(bytes) => written(place, bytes),
        Made::Copy(from) => {
            let file = digest_beside(from)?;
            let stamp = |path: &Path| fs::metadata(path).and_then(|meta| Ok((meta.len(), meta.modified()?)));
            let there = stamp(place).ok();
            if there.is_none() || there != stamp(from).ok() {
                let aside = place.with_extension("aside");
                remove(&aside)?;
                // cp keeps holes: a disk image is mostly those.
                let mut cp = Command::new("cp");
                cp.args(["--reflink=auto", "--sparse=auto", "--preserve=mode,timestamps"]);
                command::run(cp.arg(from).arg(&aside))?;
                fs::rename(&aside, place)
                    .with_context(|| format!("cannot put {} in place", place.display()))?;
            }
            Ok(file)
        }
    }
}

fn written(place: &Path, bytes: &[u8]) -> Result<File> {
    cache::write(place, bytes)?;
    Ok(File { sha256: Digest::of(bytes), bytes: bytes.len() as u64 })
}

/// A cached file's digest, taken once and kept beside it.
fn digest_beside(path: &Path) -> Result<File> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".digest");
    let beside = PathBuf::from(beside);
    if let Ok(text) = fs::read_to_string(&beside) {
        return serde_json::from_str(&text).with_context(|| format!("{} is damaged", beside.display()));
    }
    let (sha256, bytes) = Digest::of_file(path)?;
    let file = File { sha256, bytes };
    cache::write(&beside, serde_json::to_string(&file)?.as_bytes())?;
    Ok(file)
}
