//! The build host's own copy of Debian's build and test programs, in the cache.
//!
//! `image/tools.toml` names packages; the lock file pins them and all they depend on. Programs run through the tree's
//! own loader and libraries, so the host's C library may be older, and nothing of the host is installed or changed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::cache::Cache;
use crate::digest::Key;
use crate::lock::{LockFile, Set};
use crate::{fetch, packages};

const LOADER: &str = "usr/lib64/ld-linux-x86-64.so.2";
/// Debian's multiarch directory, and folders in it where programs keep libraries of their own.
const LIBRARIES: &[&str] =
    &["usr/lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu/systemd", "usr/lib/x86_64-linux-gnu/swtpm"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    packages: Vec<String>,
}

/// Names in `image/tools.toml`.
pub fn wanted(image: &Path) -> Result<Vec<String>> {
    let path = image.join("tools.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let list: List = toml::from_str(&text).with_context(|| format!("bad list {}", path.display()))?;
    Ok(list.packages)
}

/// The unpacked tree.
#[derive(Clone, Debug)]
pub struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Fetches and unpacks the tools set, unless that has been done.
    pub fn ensure(cache: &Cache, lock: &LockFile) -> Result<Tools> {
        let files: Vec<_> = lock.of(Set::Tools).collect();
        let key = Key::new("tools", 1).parts(files.iter().map(|package| package.sha256.as_str())).finish();
        let root = cache.step("tools", &key, |dir| {
            fetch::fetch(cache, lock, &[Set::Tools])?;
            for package in &files {
                packages::extract(&fetch::path(cache, package), dir)?;
            }
            Ok(())
        })?;
        Ok(Tools { root })
    }

    /// Where the tree lies, for data files such as firmware: `usr/share/OVMF`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The program's file.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let found =
            ["usr/bin", "usr/sbin"].iter().map(|dir| self.root.join(dir).join(name)).find(|p| p.exists());
        match found {
            Some(path) => Ok(path),
            None => bail!(
                "no program {name} in the tools tree {}; is its package in image/tools.toml?",
                self.root.display()
            ),
        }
    }

    /// A command that runs one of the tree's programs.
    pub fn command(&self, name: &str) -> Result<Command> {
        let program = self.program(name)?;
        let mut command = Command::new(self.root.join(LOADER));
        let libraries: Vec<_> = LIBRARIES.iter().map(|dir| self.root.join(dir)).collect();
        let libraries = std::env::join_paths(libraries).context("the cache's path has a colon in it")?;
        command.arg("--library-path").arg(libraries);
        // Programs that are several in one (depmod is kmod, mcopy is mtools) look at their name.
        command.arg("--argv0").arg(&program).arg(&program);
        command.env("LC_ALL", "C").env("TZ", "UTC0");
        if name.starts_with("qemu-") {
            command.env("QEMU_MODULE_DIR", self.root.join("usr/lib/x86_64-linux-gnu/qemu"));
        }
        if name.starts_with("qemu-system-") {
            command.arg("-L").arg(self.root.join("usr/share/qemu"));
            command.arg("-L").arg(self.root.join("usr/share/seabios"));
        }
        Ok(command)
    }

    /// [`Tools::command`] with arguments.
    pub fn with<S: AsRef<OsStr>>(&self, name: &str, arguments: &[S]) -> Result<Command> {
        let mut command = self.command(name)?;
        command.args(arguments);
        Ok(command)
    }
}
