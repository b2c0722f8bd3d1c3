//! What firmware runs: the UKI, packed, as a file in the cache. (The boot manager is as its compiler left it.)

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pe::uki::Facts;

use crate::cache::Cache;
use crate::digest::Key;
use crate::sbat::Identity;
use crate::uki;

/// The target that UEFI programs are built for.
pub const TARGET: &str = "x86_64-unknown-uefi";
/// Packages of the programs in [`Programs`].
pub const PACKAGES: [&str; 2] = ["stub", "bootmgr"];

/// The UEFI programs of `boot/`, compiled.
#[derive(Clone, Copy, Debug)]
pub struct Programs<'a> {
    /// In front of the kernel.
    pub stub: &'a Path,
    /// In front of everything.
    pub bootmgr: &'a Path,
}

/// What a UKI is made of, beside the stub.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// The kernel as Debian ships it.
    pub image: &'a Path,
    /// The initramfs.
    pub initramfs: &'a Path,
    /// The whole command line.
    pub command_line: &'a str,
    /// Text of os-release.
    pub os_release: &'a str,
    /// The kernel's version, `uname -r`.
    pub uname: &'a str,
    /// What the release says of itself.
    pub identity: &'a Identity,
    /// Its version.
    pub version: &'a str,
}

/// The UKI, packed but not signed.
pub fn uki(cache: &Cache, stub: &Path, kernel: &Kernel<'_>) -> Result<PathBuf> {
    let sbat = kernel.identity.section(kernel.version);
    let key = Key::new("uki", 2).file(stub)?.file(kernel.image)?.file(kernel.initramfs)?;
    let key = key.parts([kernel.command_line, kernel.os_release, kernel.uname, &sbat]).finish();
    let place = cache.step("uki", &key, |dir| {
        let (stub, image, initrd) = (read(stub)?, read(kernel.image)?, read(kernel.initramfs)?);
        let parts = uki::Parts {
            stub: &stub,
            kernel: &image,
            initrd: &initrd,
            command_line: kernel.command_line,
            os_release: kernel.os_release,
            uname: kernel.uname,
            sbat: &sbat,
        };
        let uki = uki::pack(&parts)?;
        let facts = Facts::of_file(&uki).context("the boot manager would not read this UKI")?;
        // A wrong number here would be believed by machines, and could lock the next release out.
        let (got, want) = (facts.security_version, kernel.identity.security_version);
        ensure!(got == want, "the UKI says security version {got}, it must say {want}");
        let got = facts.os_release.get("VERSION_ID");
        ensure!(got == Some(kernel.version), "the UKI says version {got:?}, it must say {}", kernel.version);
        Ok(fs::write(dir.join("uki.efi"), uki)?)
    })?;
    Ok(place.join("uki.efi"))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
