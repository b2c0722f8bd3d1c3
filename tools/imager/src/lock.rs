//! The lock file: which package versions an image and its tools are made of, with the digest of each.
//!
//! `image/packages.lock` is committed. A build uses exactly these files; only `cargo xtask lock` renews them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What a package is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// Files of it go into the image.
    Root,
    /// Runs on the build machine, with everything it depends on.
    Tools,
}

/// One package file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name in the archive.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// Source package, which security notices name.
    pub source: String,
    /// Of the package file.
    pub sha256: Digest,
    /// Length of the package file.
    pub size: u64,
    /// What it is for; a package can be both.
    pub sets: Vec<Set>,
}

/// All locked packages, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Seconds since 1970: when the archive published what is locked. The date of everything made from it.
    pub epoch: u64,
    /// Sorted by name.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

impl LockFile {
    /// Reads and checks the file.
    pub fn load(path: &Path) -> Result<LockFile> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}; run `cargo xtask lock`", path.display()))?;
        LockFile::parse(&text).with_context(|| format!("{} is damaged", path.display()))
    }

    fn parse(text: &str) -> Result<LockFile> {
        let lock: LockFile = toml::from_str(text)?;
        for pair in lock.packages.windows(2) {
            if pair[0].name >= pair[1].name {
                bail!("packages are not sorted by name: {} before {}", pair[0].name, pair[1].name);
            }
        }
        Ok(lock)
    }

    /// The file's text.
    pub fn render(&self) -> Result<String> {
        let text = toml::to_string(self).context("cannot write the lock file")?;
        Ok(format!("# Written by `cargo xtask lock`; do not edit.\n{text}"))
    }

    /// The packages of one set.
    pub fn of(&self, set: Set) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(move |package| package.sets.contains(&set))
    }

    /// The package of this name.
    pub fn get(&self, name: &str) -> Result<&Package> {
        let found = self.packages.binary_search_by(|package| package.name.as_str().cmp(name));
        let Ok(index) = found else {
            bail!("package {name} is not in the lock file; run `cargo xtask lock`");
        };
        Ok(&self.packages[index])
    }

    /// What differs from an older lock file, a line per package.
    pub fn changes_since(&self, old: &LockFile) -> Vec<String> {
        let mut lines = Vec::new();
        for package in &self.packages {
            match old.get(&package.name) {
                Err(_) => lines.push(format!("+ {} {}", package.name, package.version)),
                Ok(before) if before.sha256 != package.sha256 => {
                    lines.push(format!("~ {} {} -> {}", package.name, before.version, package.version));
                }
                Ok(_) => {}
            }
        }
        for package in &old.packages {
            if self.get(&package.name).is_err() {
                lines.push(format!("- {} {}", package.name, package.version));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            source: name.into(),
            sha256: Digest::of(version.as_bytes()),
            size: 1,
            sets: vec![Set::Root],
        }
    }

    fn lock(packages: &[(&str, &str)]) -> LockFile {
        LockFile { epoch: 1, packages: packages.iter().map(|(n, v)| package(n, v)).collect() }
    }

    #[test]
    fn what_is_written_reads_back() {
        let lock = lock(&[("a", "1"), ("b", "2:1.0~x+b1")]);
        assert_eq!(LockFile::parse(&lock.render().unwrap()).unwrap(), lock);
    }

    #[test]
    fn disorder_and_bad_digests_are_refused() {
        assert!(LockFile::parse(&lock(&[("b", "1"), ("a", "1")]).render().unwrap()).is_err());
        let text = lock(&[("a", "1")]).render().unwrap();
        let digest = Digest::of(b"1");
        assert!(LockFile::parse(&text.replace(digest.as_str(), "../../etc/passwd")).is_err());
    }

    #[test]
    fn changes_name_what_came_went_and_moved() {
        let changes = lock(&[("a", "2"), ("c", "1")]).changes_since(&lock(&[("a", "1"), ("b", "1")]));
        assert_eq!(changes, ["~ a 1 -> 2", "+ c 1", "- b 1"]);
    }

    #[test]
    fn a_missing_package_says_what_to_do() {
        let err = lock(&[]).get("x").unwrap_err().to_string();
        assert!(err.contains("x") && err.contains("cargo xtask lock"));
    }
}
