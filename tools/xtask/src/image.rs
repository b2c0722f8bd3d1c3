//! `xtask image` and `xtask lint`: a variant, built or only checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use imager::build::{self, Request};
use imager::cache::{self, Cache};
use imager::firmware::Programs;
use imager::listing;
use imager::release::Release;
use imager::signed::{self, Signing};
use partition::SectorSize;

use crate::{efi, host};

/// Where cargo puts what it builds for this checkout.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Builds a variant into `out/VARIANT/`.
pub fn build(root: &Path, variant: &str) -> Result<Release> {
    build_also(root, variant, None)
}

/// The same, and a disk image with sectors of that size.
pub fn build_also(root: &Path, variant: &str, also: Option<SectorSize>) -> Result<Release> {
    host::ensure(host::BUILD)?;
    let request = request(root, variant, also);
    let cache = Cache::of_repository(root)?;
    let program =
        |name: &str| efi::build(root, name, &request.target.join("efi").join(name).with_extension("efi"));
    let (stub, bootmgr) = (program("stub")?, program("bootmgr")?);
    let keys = signed::folder(root, &cache);
    let signing = match std::env::var_os("GANTRY_KEYS") {
        Some(_) => Signing::with_keys(&keys)?,
        None => Signing::with_test_keys(&keys)?,
    };
    build::build(&cache, &request, &Programs { stub: &stub, bootmgr: &bootmgr }, &signing)
}

fn request(root: &Path, variant: &str, also: Option<SectorSize>) -> Request {
    Request { repository: root.to_owned(), variant: variant.to_owned(), target: target(root), also }
}

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask image                       build the variant `standalone`
  VARIANT=standalone cargo xtask image    the same, as `make image` says it
  cargo xtask image --sector-bytes 4096   also out/standalone/disk-4096.img, for disks with such sectors

Results of unchanged steps are taken from target/imager ($GANTRY_CACHE). Boot manager and UKI are signed with the keys in
$GANTRY_KEYS; without it, with keys for tests that are made once in target/imager/keys. `db.crt` and, in place of a key, a file
`db.command` with the command that signs are enough there: a distributor's key need not be on this machine.")]
pub struct Image {
    /// A file name in image/variants/, without .toml
    #[arg(long, env = "VARIANT", default_value = "standalone")]
    pub variant: String,
    /// Also make a disk image with sectors of this size
    #[arg(long, value_name = "512|4096")]
    pub sector_bytes: Option<u64>,
}

impl Image {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let also = self.sector_bytes.map(imager::disk::sector).transpose()?;
        let release = build_also(root, &self.variant, also)?;
        println!(
            "image: out/{}/ version {} root hash {}",
            release.variant, release.version, release.root.hash
        );
        for (name, file) in &release.files {
            println!("  {name:<16} {:>12} bytes  sha256 {}", file.bytes, file.sha256);
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask lint            lint the root, compare its listing with image/golden/
  BLESS=1 cargo xtask lint    accept the listing as it is")]
pub struct Lint {
    /// A file name in image/variants/, without .toml
    #[arg(long, env = "VARIANT", default_value = "standalone")]
    pub variant: String,
}

impl Lint {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        host::ensure(host::BUILD)?;
        let request = request(root, &self.variant, None);
        let checked = build::check(&Cache::of_repository(root)?, &request)?;
        let got = listing::golden(&checked.tree, &checked.kernel.release);
        let golden = root.join("image/golden").join(format!("{}.txt", self.variant));
        if std::env::var_os("BLESS").is_some() {
            cache::write(&golden, got.as_bytes())?;
            println!("lint: wrote image/golden/{}.txt", self.variant);
            return Ok(ExitCode::SUCCESS);
        }
        let want = std::fs::read_to_string(&golden)
            .with_context(|| format!("cannot read {}; BLESS=1 makes it", golden.display()))?;
        let difference = listing::difference(&want, &got);
        if difference.is_empty() {
            println!("lint: rules hold and the listing is image/golden/{}.txt", self.variant);
            return Ok(ExitCode::SUCCESS);
        }
        println!("lint: the root differs from image/golden/{}.txt:\n{}", self.variant, difference.join("\n"));
        println!("If that is meant: BLESS=1 cargo xtask lint");
        Ok(ExitCode::FAILURE)
    }
}
