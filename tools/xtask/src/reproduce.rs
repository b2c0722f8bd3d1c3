//! `xtask reproduce`: builds a variant a second time somewhere else, and compares.
//!
//! The second build is made from a copy of this checkout: other path, other target folder, other file times, a later
//! clock, another zone, language and user. Every step of the image is done again. Shared are the downloads, whose digests
//! are in the lock file, cargo's registry, and the keys: who signs is an input like the sources. The copy's compiled registry crates stay for the next time; our own crates
//! are compiled anew, because their files are new.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;
use imager::cache::{Cache, Lock, remove};
use imager::command;
use imager::release::Release;

use crate::image;

#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask reproduce    exit 0 if every file came out the same")]
pub struct Reproduce {
    /// A file name in image/variants/, without .toml
    #[arg(long, env = "VARIANT", default_value = "standalone")]
    pub variant: String,
}

impl Reproduce {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let first = image::build(root, &self.variant)?;
        let second = build_elsewhere(root, &self.variant)?;
        let differing = compare(&first, &second);
        if differing.is_empty() {
            println!("reproduce: {} files are the same in both builds", first.files.len());
            return Ok(ExitCode::SUCCESS);
        }
        println!("reproduce: not the same: {}", differing.join(", "));
        println!("reproduce: the second build is in {}", place(root).display());
        Ok(ExitCode::FAILURE)
    }
}

fn place(root: &Path) -> PathBuf {
    image::target(root).join("reproduce")
}

/// Runs the copy's own `cargo xtask image`, so that the builder is compared as well.
fn build_elsewhere(root: &Path, variant: &str) -> Result<Release> {
    let place = place(root);
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let _guard = Lock::take(&place.join("lock"))?;
    let (copy, cache) = (place.join("elsewhere"), place.join("cache"));
    for old in [&copy, &cache] {
        remove(old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    copy_checkout(root, &copy)?;
    let cache_of_first = Cache::of_repository(root)?;
    let (downloads, keys) =
        (cache_of_first.downloads().to_owned(), imager::signed::folder(root, &cache_of_first));
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&copy).args(["xtask", "image", "--variant", variant]);
    cargo.env("CARGO_TARGET_DIR", place.join("objects"));
    cargo.env("GANTRY_CACHE", cache).env("GANTRY_DOWNLOADS", downloads).env("GANTRY_KEYS", keys);
    cargo.env("TZ", "Pacific/Chatham").env("LANG", "tr_TR.UTF-8").env("USER", "somebody");
    command::show(&mut cargo).context("the second build failed")?;
    let text = fs::read_to_string(copy.join("out").join(variant).join("release.json"))
        .context("the second build left no release.json")?;
    Release::parse(&text)
}

/// Copies what git would, with new times. Files that are not yet committed come along.
fn copy_checkout(root: &Path, to: &Path) -> Result<()> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listing = command::read(Command::new("git").current_dir(root).args(arguments))
        .context("git cannot list the checkout's files")?;
    let files: Vec<PathBuf> =
        listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    if files.is_empty() {
        bail!("git lists no files in {}", root.display());
    }
    for file in files {
        let from = root.join(&file);
        // Listed, and removed since.
        if !from.exists() {
            continue;
        }
        let place = to.join(&file);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(&from, &place).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}

/// Names of files that are not the same.
fn compare(first: &Release, second: &Release) -> Vec<String> {
    let mut differing: Vec<String> = first
        .files
        .iter()
        .filter(|(name, file)| second.files.get(*name) != Some(file))
        .map(|(name, _)| name.clone())
        .collect();
    differing.extend(second.files.keys().filter(|name| !first.files.contains_key(*name)).cloned());
    if differing.is_empty() && first != second {
        differing.push("release.json".to_owned());
    }
    differing
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use imager::digest::Digest;
    use imager::release::{File, Root};

    use super::*;

    fn release(files: &[(&str, &str)]) -> Release {
        let file = |text: &str| File { sha256: Digest::of(text.as_bytes()), bytes: text.len() as u64 };
        let text = String::new;
        let root = Root {
            hash: text(),
            partuuid: text(),
            salt: text(),
            data_bytes: 0,
            data_blocks: 0,
            hash_start_block: 0,
            fec_start_block: 0,
            fec_roots: 2,
        };
        Release {
            format: 1,
            version: text(),
            security_version: 1,
            variant: text(),
            architecture: text(),
            source_date_epoch: 0,
            kernel: text(),
            command_line: text(),
            root,
            signed_by: Digest::of(b""),
            executables: 0,
            packages: BTreeMap::new(),
            files: files.iter().map(|(name, text)| ((*name).to_owned(), file(text))).collect(),
        }
    }

    #[test]
    fn every_kind_of_difference_is_named() {
        let first = release(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert_eq!(compare(&first, &first), [""; 0]);
        let second = release(&[("a", "1"), ("b", "2"), ("d", "1")]);
        assert_eq!(compare(&first, &second), ["b", "c", "d"]);
        let later = Release { source_date_epoch: 1, ..first.clone() };
        assert_eq!(compare(&first, &later), ["release.json"]);
    }
}
