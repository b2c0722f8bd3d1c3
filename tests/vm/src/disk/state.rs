//! The settings store on the STATE partition of a machine that is off, taken out and put back by e2fsprogs.

use std::fs;
use std::path::Path;

use super::Disk;
use crate::error::{Error, Result};
use crate::tools::Tools;

/// Where the store is on the partition.
const STORE: &str = "/settings";

impl Disk {
    /// Copies the store's folder into `into`, as `settings`.
    pub fn take_store(&self, tools: &Tools, into: &Path) -> Result<()> {
        fs::create_dir_all(into).map_err(Error::file("create", into))?;
        let request = format!("rdump {STORE} {}", into.display());
        tools.run("debugfs", ["-R".to_owned(), request, self.state_device()?]).map(drop)
    }

    /// Puts a store in place of the one there: a folder for each schema, with a file for each generation.
    pub fn put_store(&self, tools: &Tools, from: &Path) -> Result<()> {
        let mut script = String::new();
        for folder in entries(from)? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Both fail where it is there already, or is not: debugfs goes on, and what matters is read back by the machine.
            script.push_str(&format!("mkdir {STORE}/{name}\n"));
            for file in entries(&folder)? {
                let name =
                    format!("{STORE}/{name}/{}", file.file_name().unwrap_or_default().to_string_lossy());
                script.push_str(&format!("rm {name}\nwrite {} {name}\n", file.display()));
            }
        }
        let path = from.with_extension("debugfs");
        fs::write(&path, script).map_err(Error::file("write", &path))?;
        let arguments =
            ["-w".to_owned(), "-f".to_owned(), path.to_string_lossy().into_owned(), self.state_device()?];
        let put = tools.run("debugfs", arguments);
        fs::remove_file(&path).map_err(Error::file("remove", &path))?;
        put.map(drop)
    }

    /// e2fsprogs' way to name a file system inside a file.
    fn state_device(&self) -> Result<String> {
        let (start, _) = self.partition("STATE")?;
        Ok(format!("{}?offset={start}", self.path.display()))
    }
}

fn entries(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let read = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut paths = read
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(Error::file("read", folder))?;
    paths.sort();
    Ok(paths)
}
