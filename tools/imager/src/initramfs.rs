//! The initramfs: a cpio archive ("newc", Documentation/driver-api/early-userspace/buffer-format.rst) written here,
//! packed by zstd.
//!
//! Same entries, same bytes: inode numbers count up, times are zero, owner is root.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cache::Cache;
use crate::command;
use crate::digest::Key;
use crate::kernel::Kernel;
use crate::tools::Tools;
use crate::variant::Variant;

/// Folders that the first stage mounts on.
const FOLDERS: &[&str] = &["dev", "modules", "proc", "run", "sys", "sysroot"];

/// The packed archive with `init` and the variant's modules in it.
pub fn build(
    cache: &Cache,
    tools: &Tools,
    variant: &Variant,
    kernel: &Kernel,
    init: &Path,
) -> Result<PathBuf> {
    let key = Key::new("initramfs", 1)
        .file(init)?
        .part(kernel.package.sha256.as_str())
        .part(&tools.root().to_string_lossy())
        .parts(variant.kernel.initramfs.iter().map(String::as_str))
        .finish();
    let place = cache.step("initramfs", &key, |dir| {
        let modules = dir.join("modules");
        fs::create_dir(&modules)?;
        let modules = kernel.extract(tools, &variant.kernel.initramfs, &modules)?;
        let mut archive = Archive::default();
        for folder in FOLDERS {
            archive.folder(folder);
        }
        let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        archive.file("init", 0o755, &read(init)?);
        for module in &modules {
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            archive.file(&format!("modules/{name}"), 0o644, &read(module)?);
        }
        let plain = dir.join("initramfs.cpio");
        fs::write(&plain, archive.finish())?;
        // --no-check: the kernel does not look at the checksum. Level 19: unpacking costs the same.
        let arguments = ["-19", "--no-check", "--single-thread", "--rm", "--quiet"];
        command::run(tools.with("zstd", &arguments)?.arg(&plain))?;
        Ok(())
    })?;
    Ok(place.join("initramfs.cpio.zst"))
}

/// An archive being written. The kernel takes it packed or as it is.
#[derive(Debug, Default)]
pub struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds a folder, whose parent has been added.
    pub fn folder(&mut self, name: &str) {
        self.entry(name, 0o040_755, 2, &[]);
    }

    /// Adds a file with these permission bits.
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.entry(name, 0o100_000 | mode, 1, content);
    }

    fn entry(&mut self, name: &str, mode: u32, links: u32, content: &[u8]) {
        self.entries += 1;
        // inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of name with NUL, check
        let fields =
            [self.entries, mode, 0, 0, links, 0, content.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad(4);
        self.bytes.extend(content);
        self.pad(4);
    }

    /// The archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entries = 0;
        self.entry("TRAILER!!!", 0, 1, &[]);
        self.pad(512);
        self.bytes
    }

    fn pad(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_110_bytes_and_content_is_aligned() {
        let mut archive = Archive::default();
        archive.folder("dev");
        archive.file("init", 0o755, b"12345");
        let bytes = archive.finish();
        assert_eq!(&bytes[..14], b"07070100000001");
        assert_eq!(&bytes[110..114], b"dev\0");
        let file = 116;
        assert_eq!(&bytes[file..file + 6], b"070701");
        assert_eq!(&bytes[file + 14..file + 22], b"000081ED");
        let content = file + (110 + 5usize).next_multiple_of(4);
        assert_eq!(&bytes[content..content + 5], b"12345");
        assert_eq!(bytes.len() % 512, 0);
    }
}
