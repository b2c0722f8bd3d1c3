//! What a runtime brings along on disk.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use imager::command;
use serde::Serialize;

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A program and what it is linked with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Size {
    program_bytes: u64,
    libraries: Vec<Library>,
}

#[derive(Debug, Serialize)]
struct Library {
    name: String,
    bytes: u64,
}

impl Size {
    /// Of a program of the root we are in.
    pub fn of(name: &str) -> Result<Size> {
        let program = format!("/usr/bin/{name}");
        let listing = command::read(Command::new(LOADER).arg("--list").arg(&program))?;
        let libraries = listing
            .lines()
            .filter_map(parse)
            .map(|(name, path)| Ok(Library { name: name.to_owned(), bytes: bytes(path)? }));
        Ok(Size { program_bytes: bytes(&program)?, libraries: libraries.collect::<Result<_>>()? })
    }

    /// For the table.
    pub fn rows(&self) -> [(&'static str, f64); 2] {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let libraries = self.libraries.iter().map(|library| library.bytes).sum();
        [("program (MiB)", mib(self.program_bytes)), ("libraries it is linked with (MiB)", mib(libraries))]
    }

    /// Of the libraries, without what every name has.
    pub fn names(&self) -> String {
        let names = self.libraries.iter().map(|library| library.name.split(".so").next().unwrap_or_default());
        names.collect::<Vec<_>>().join(" ")
    }
}

/// The first line of `--version`: name and version.
pub fn version(name: &str) -> Result<String> {
    let text = command::read(Command::new(format!("/usr/bin/{name}")).arg("--version"))?;
    Ok(text.lines().next().unwrap_or(name).replace("version ", ""))
}

/// Name and path out of a line `libc.so.6 => /lib/libc.so.6 (0x..)`. What the kernel maps has no path; the loader is
/// the one name that is a path.
fn parse(line: &str) -> Option<(&str, &str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, path) = match words[..] {
        [name, "=>", path, _] => (name, path),
        [path, _] => (path, path),
        _ => return None,
    };
    path.starts_with('/').then(|| (name.rsplit('/').next().unwrap_or(name), path))
}

fn bytes(path: &str) -> Result<u64> {
    Ok(fs::metadata(path).with_context(|| format!("cannot read {path}"))?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_the_loaders_list() {
        assert_eq!(
            parse("\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)"),
            Some(("libc.so.6", "/lib/x/libc.so.6"))
        );
        assert_eq!(parse("\t/lib64/ld.so.2 (0x00007f)"), Some(("ld.so.2", "/lib64/ld.so.2")));
        assert_eq!(parse("\tlinux-vdso.so.1 (0x00007f)"), None);
        assert_eq!(parse("\tstatically linked"), None);
    }
}
