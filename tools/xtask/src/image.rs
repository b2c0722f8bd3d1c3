//! `xtask image` and `xtask lint`: a variant, built or only checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use imager::build::{self, Request};
use imager::cache::{self, Cache};
use imager::listing;
use imager::release::Release;

use crate::{efi, host};

/// Where cargo puts what it builds for this checkout.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Builds a variant into `out/VARIANT/`.
pub fn build(root: &Path, variant: &str) -> Result<Release> {
    host::ensure(host::BUILD)?;
    let request = Request { repository: root.to_owned(), variant: variant.to_owned(), target: target(root) };
    let stub = efi::build(root, "stub", &request.target.join("efi/stub.efi"))?;
    build::build(&Cache::of_repository(root)?, &request, &stub)
}

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask image                       build the variant `standalone`
  VARIANT=standalone cargo xtask image    the same, as `make image` says it

Results of unchanged steps are taken from target/imager ($GANTRY_CACHE).")]
pub struct Image {
    /// A file name in image/variants/, without .toml
    #[arg(long, env = "VARIANT", default_value = "standalone")]
    pub variant: String,
}

impl Image {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let release = build(root, &self.variant)?;
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
        let request =
            Request { repository: root.to_owned(), variant: self.variant.clone(), target: target(root) };
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
