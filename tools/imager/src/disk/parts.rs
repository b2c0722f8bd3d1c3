//! What `out/VARIANT/` holds, as parts of other disks: with another sector size, with something in set B, with keys
//! on the ESP.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use slots::Attributes;
use verity::{Params, Salt};

use super::{Contents, Installed, Layout};
use crate::release::{self, Release};

/// Paths of the boot manager's two copies on the ESP: the one that firmware looks for on a disk it knows nothing about, and
/// our own, which a boot entry names. Either suffices, so they can be replaced one at a time.
pub const BOOT_MANAGERS: [&str; 2] = ["EFI/BOOT/BOOTX64.EFI", "EFI/gantry/bootmgr.efi"];

/// A built variant.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The layout it was built with.
    pub layout: Layout,
    /// Length of its disk.
    pub disk_bytes: u64,
    /// The boot manager, signed.
    pub bootmgr: Vec<u8>,
    /// The UKI, signed.
    pub uki: PathBuf,
    /// The root with its tree and parity.
    pub root: PathBuf,
    /// What activates the root.
    pub params: Params,
    /// The file system of STATE.
    pub state: PathBuf,
    /// The file system of DATA.
    pub data: PathBuf,
}

impl Parts {
    /// Reads what a build left in `out`.
    pub fn load(out: &Path) -> Result<Parts> {
        let text = |name: &str| {
            fs::read_to_string(out.join(name)).with_context(|| {
                format!("cannot read {}; cargo xtask image makes it", out.join(name).display())
            })
        };
        let release = Release::parse(&text("release.json")?)?;
        let disk = out.join("disk.img");
        Ok(Parts {
            layout: Layout::parse(&text("layout.toml")?)?,
            disk_bytes: fs::metadata(&disk).with_context(|| format!("cannot stat {}", disk.display()))?.len(),
            bootmgr: fs::read(out.join("bootmgr.efi")).context("cannot read the boot manager")?,
            uki: out.join("uki.efi"),
            root: out.join("root.img"),
            params: params(&release.root)?,
            state: out.join("state.img"),
            data: out.join("data.img"),
        })
    }

    /// The contents of a disk as delivered: this release in set A, nothing in B.
    pub fn contents(&self) -> Contents<'_> {
        Contents {
            esp: BOOT_MANAGERS.map(|path| (path, &self.bootmgr[..])).to_vec(),
            a: Some(self.installed()),
            b: None,
            state: &self.state,
            data: &self.data,
        }
    }

    /// This release as a set holds it that a machine is delivered with.
    pub fn installed(&self) -> Installed<'_> {
        Installed { uki: &self.uki, root: &self.root, params: &self.params, attributes: Attributes::FACTORY }
    }
}

/// The root's parameters, back from the release's document.
fn params(root: &release::Root) -> Result<Params> {
    let layout = verity::Layout::appended(root.data_blocks, root.fec_roots)
        .context("release.json describes a root that does not fit the verity layout")?;
    ensure!(
        (layout.hash_start_block(), layout.fec_start_block())
            == (root.hash_start_block, root.fec_start_block),
        "release.json describes a root of another layout"
    );
    let root_hash = crate::filesystem::bytes(&root.hash).and_then(|bytes| bytes.try_into().ok());
    let salt = crate::filesystem::bytes(&root.salt).and_then(|bytes| Salt::new(&bytes));
    Ok(Params {
        root_hash: root_hash.context("release.json has no root hash")?,
        layout,
        salt: salt.context("release.json has no salt")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_survive_the_way_through_the_document() {
        let layout = verity::Layout::appended(1000, 2).unwrap();
        let params = Params { root_hash: [7; 32], layout, salt: Salt::new(&[1, 2, 3]).unwrap() };
        let mut root = release::Root::of(&params, 4_000_000);
        assert_eq!(super::params(&root).unwrap(), params);
        root.fec_start_block += 1;
        assert!(super::params(&root).is_err());
    }
}
