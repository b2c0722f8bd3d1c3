//! What lies on disk: sizes, and what an intruder would find there.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;
use vm::{Lab, Tools};

const SETUID_OR_SETGID: u32 = 0o6000;
const EXECUTABLE: u32 = 0o111;

/// Programs that run what they are told, by file name.
const SHELLS: &[&str] = &[
    "ash", "awk", "bash", "busybox", "dash", "gawk", "ksh", "lua", "mawk", "perl", "python3", "rbash", "sh",
    "zsh",
];

/// One system's.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Surface {
    /// Bytes of the disk image that hold something.
    pub raw_bytes: u64,
    /// The same image as a compressed qcow2.
    pub compressed_bytes: u64,
    /// Regular files.
    pub files: u64,
    /// Executable files that are not shared libraries.
    pub executables: u64,
    /// Files with the setuid or setgid bit.
    pub setuid: u64,
    /// Names of shells and interpreters.
    pub shells: Vec<String>,
}

impl Surface {
    /// For the table.
    pub fn rows(&self) -> [(&'static str, f64); 5] {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        [
            ("image, raw, holes not counted (MiB)", mib(self.raw_bytes)),
            ("image, compressed qcow2 (MiB)", mib(self.compressed_bytes)),
            ("regular files", self.files as f64),
            ("executables", self.executables as f64),
            ("setuid and setgid files", self.setuid as f64),
        ]
    }

    fn count(&mut self, path: &str, mode: u32) {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.files += 1;
        self.setuid += u64::from(mode & SETUID_OR_SETGID != 0);
        let library = name.ends_with(".so") || name.contains(".so.");
        self.executables += u64::from(mode & EXECUTABLE != 0 && !library);
    }

    fn note_shell(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if path.contains("bin/") && SHELLS.contains(&name) && !self.shells.iter().any(|known| known == name) {
            self.shells.push(name.to_owned());
            self.shells.sort();
        }
    }
}

/// Of our image, from the listing that the builder wrote.
pub fn of_image(lab: &Lab) -> Result<Surface> {
    let mut surface = sizes(&lab.tools, &lab.image.disk())?;
    let listing = lab.image.file("files.txt");
    let text = fs::read_to_string(&listing).with_context(|| format!("cannot read {}", listing.display()))?;
    // A letter for the kind and the mode in octal, size, package, path, and a link's target.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        let [kind, _, _, path] = words[..] else { continue };
        if let Some(mode) = kind.strip_prefix('-').and_then(|mode| u32::from_str_radix(mode, 8).ok()) {
            surface.count(path, mode);
        }
        surface.note_shell(path.split(" -> ").next().unwrap_or(path));
    }
    Ok(surface)
}

/// Of a tree that `image` was made from.
pub fn of_tree(tools: &Tools, tree: &Path, image: &Path) -> Result<Surface> {
    let mut surface = sizes(tools, image)?;
    walk(tree, &mut surface)?;
    Ok(surface)
}

fn walk(folder: &Path, surface: &mut Surface) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() {
            walk(&path, surface)?;
            continue;
        }
        let name = path.display().to_string();
        if meta.is_file() {
            surface.count(&name, meta.permissions().mode());
        }
        surface.note_shell(&name);
    }
    Ok(())
}

fn sizes(tools: &Tools, image: &Path) -> Result<Surface> {
    let meta = fs::metadata(image).with_context(|| format!("cannot read {}", image.display()))?;
    let packed = std::env::temp_dir().join(format!("gantry-bench-{}.qcow2", std::process::id()));
    let (from, to) = (image.display().to_string(), packed.display().to_string());
    tools.run("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", &from, &to])?;
    let compressed_bytes = fs::metadata(&packed)?.len();
    fs::remove_file(&packed)?;
    Ok(Surface { raw_bytes: meta.blocks() * 512, compressed_bytes, ..Surface::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_modules_are_not_executables_and_shells_are_found_in_bin_only() {
        let mut surface = Surface::default();
        for (path, mode) in [
            ("/usr/bin/runc", 0o755),
            ("/usr/lib/libc.so.6", 0o755),
            ("/usr/lib/ld-linux-x86-64.so.2", 0o755),
            ("/usr/bin/su", 0o4755),
            ("/usr/share/doc/sh", 0o644),
            ("/usr/bin/sh", 0o755),
        ] {
            surface.count(path, mode);
            surface.note_shell(path);
        }
        assert_eq!((surface.files, surface.executables, surface.setuid), (6, 3, 1));
        assert_eq!(surface.shells, ["sh"]);
    }
}
