//! Files on the EFI system partition, by mtools: another's idea of FAT.

use super::Disk;
use crate::error::{Error, Result};
use crate::tools::Tools;

impl Disk {
    /// Puts a file there, in place of one of that name. Folders are made as needed.
    pub fn put_on_esp(&self, tools: &Tools, path: &str, content: &[u8]) -> Result<()> {
        let volume = self.esp_volume()?;
        for (end, _) in path.match_indices('/') {
            let folder = format!("::{}", &path[..end]);
            // `-D s`: one that is there is left alone, and the exit code says so; a folder that is missing shows below.
            tools.run_unchecked("mtools", ["-c", "mmd", "-D", "s", "-i", &volume, &folder])?;
        }
        let mut from = self.path.clone().into_os_string();
        from.push(".esp-file");
        std::fs::write(&from, content).map_err(Error::file("write", &from))?;
        let (from_name, to) = (from.to_string_lossy().into_owned(), format!("::{path}"));
        let copied = tools.run("mtools", ["-c", "mcopy", "-o", "-i", &volume, &from_name, &to]);
        std::fs::remove_file(&from).map_err(Error::file("remove", &from))?;
        copied.map(drop)
    }

    /// Takes a file away.
    pub fn remove_from_esp(&self, tools: &Tools, path: &str) -> Result<()> {
        tools.run("mtools", ["-c", "mdel", "-i", &self.esp_volume()?, &format!("::{path}")]).map(drop)
    }

    /// A file's bytes.
    pub fn read_from_esp(&self, tools: &Tools, path: &str) -> Result<Vec<u8>> {
        let read = tools.run("mtools", ["-c", "mtype", "-i", &self.esp_volume()?, &format!("::{path}")])?;
        Ok(read.stdout)
    }

    /// mtools' way to name a file system inside a file.
    fn esp_volume(&self) -> Result<String> {
        let (start, _) = self.partition("ESP")?;
        Ok(format!("{}@@{start}", self.path.display()))
    }
}
