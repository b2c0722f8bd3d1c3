//! What the data partition holds once the machine is off, by e2fsprogs: a checker that is not ours.

use super::Disk;
use crate::error::Result;
use crate::tools::Tools;

impl Disk {
    /// Ok(report) says that the DATA partition was unmounted and is whole, by a checker that is not ours.
    pub fn check_data(&self, tools: &Tools) -> Result<std::result::Result<String, String>> {
        let superblock = self.data_superblock(tools)?;
        if superblock.contains("needs_recovery") {
            return Ok(Err("its journal has to be replayed: it was not unmounted".to_owned()));
        }
        let output = tools.run_unchecked("e2fsck", ["-fn".to_owned(), self.data_device()?])?;
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(if output.status.success() { Ok(report) } else { Err(report) })
    }

    /// A file of the DATA partition, read by e2fsprogs.
    pub fn read_data(&self, tools: &Tools, path: &str) -> Result<String> {
        let request = format!("cat {path}");
        let output = tools.run("debugfs", ["-R".to_owned(), request, self.data_device()?])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Size of the DATA partition's file system in bytes, from its superblock.
    pub fn data_size(&self, tools: &Tools) -> Result<u64> {
        let text = self.data_superblock(tools)?;
        let field = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
        };
        Ok(field("Block count:") * field("Block size:"))
    }

    fn data_superblock(&self, tools: &Tools) -> Result<String> {
        let request = "show_super_stats -h".to_owned();
        let output = tools.run("debugfs", ["-R".to_owned(), request, self.data_device()?])?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// e2fsprogs' way to name a file system inside a file.
    fn data_device(&self) -> Result<String> {
        let (start, _) = self.partition("DATA")?;
        Ok(format!("{}?offset={start}", self.path.display()))
    }
}
