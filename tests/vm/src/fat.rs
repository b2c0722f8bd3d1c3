//! FAT volumes without a partition table, as clouds and installers attach them. Made by mtools.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::tools::Tools;

/// Where a boot sector has the partition entries of an MBR, and how long they are.
const PARTITIONS_AT: u64 = 446;
const PARTITIONS: [u8; 64] = [0; 64];

/// A volume being filled.
#[derive(Debug)]
pub struct Volume<'t> {
    tools: &'t Tools,
    path: PathBuf,
}

impl<'t> Volume<'t> {
    /// An empty volume of that many MiB. The serial number is fixed, for equal bytes.
    pub fn create(tools: &'t Tools, path: &Path, mib: u32, label: &str) -> Result<Self> {
        let _ = std::fs::remove_file(path);
        let volume = Self { tools, path: path.to_owned() };
        let sectors = (mib * 2048).to_string();
        volume.mtools("mformat", &["-C", "-T", &sectors, "-N", "47414e54", "-v", label], &["::"])?;
        // mformat writes a partition entry into the boot sector; the kernel would make a partition of it.
        let file = File::options().write(true).open(path).map_err(Error::file("open", path))?;
        file.write_all_at(&PARTITIONS, PARTITIONS_AT).map_err(Error::file("write", path))?;
        Ok(volume)
    }

    /// Makes a folder.
    pub fn folder(&self, name: &str) -> Result<()> {
        self.mtools("mmd", &[], &[&format!("::{name}")])
    }

    /// Copies a file of the host.
    pub fn file(&self, from: &Path, name: &str) -> Result<()> {
        self.mtools("mcopy", &[], &[&from.display().to_string(), &format!("::{name}")])
    }

    fn mtools(&self, program: &str, options: &[&str], operands: &[&str]) -> Result<()> {
        let path = self.path.display().to_string();
        let volume = ["-i", path.as_str()];
        let arguments = [["-c", program].as_slice(), options, &volume, operands].concat();
        self.tools.run("mtools", arguments).map(drop)
    }
}
