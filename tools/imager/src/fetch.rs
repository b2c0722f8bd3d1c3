//! Package files in the download cache, exactly as locked.
//!
//! Holds always: a file at its final name has the digest in its name. The lock file is the trust anchor; apt checks
//! the archive's signatures as well when something is fetched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, Mirrors};
use crate::cache::{Cache, Lock, remove};
use crate::digest::Digest;
use crate::lock::{LockFile, Package, Set};
use crate::progress;

/// Where a locked package's file lies once fetched.
pub fn path(cache: &Cache, package: &Package) -> PathBuf {
    cache.downloads().join("packages").join(format!("{}.deb", package.sha256))
}

/// Brings in every package of `sets` that the cache lacks.
pub fn fetch(cache: &Cache, lock: &LockFile, sets: &[Set]) -> Result<()> {
    let dir = cache.state("packages")?;
    let _guard = Lock::take(&dir.join("lock"))?;
    let wanted = lock.packages.iter().filter(|package| package.sets.iter().any(|set| sets.contains(set)));
    let missing: Vec<&Package> = wanted.filter(|package| !path(cache, package).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let bytes: u64 = missing.iter().map(|package| package.size).sum();
    progress::step(&format!("fetch {} packages, {} MB", missing.len(), bytes / 1_000_000), || {
        let apt = Apt::at(&cache.state("apt")?, "amd64", &Mirrors::of_host()?)?;
        let versions: Vec<_> = missing.iter().map(|p| (p.name.clone(), p.version.clone())).collect();
        require(&apt, &versions)?;
        let aside = dir.join("partial");
        remove(&aside)?;
        fs::create_dir_all(&aside).with_context(|| format!("cannot make {}", aside.display()))?;
        apt.download(&versions, &aside)?;
        admit(cache, &missing, &aside)
    })
}

/// Fails, naming them, unless the mirror has all of `versions`.
fn require(apt: &Apt, versions: &[(String, String)]) -> Result<()> {
    let has_all = |apt: &Apt| anyhow::Ok(apt.available(versions)?.len() == versions.len());
    if apt.has_indexes() && has_all(apt)? {
        return Ok(());
    }
    apt.update()?;
    let available = apt.available(versions)?;
    let gone: Vec<String> = versions
        .iter()
        .filter(|wanted| !available.contains(wanted))
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    if !gone.is_empty() {
        bail!(
            "the mirror no longer has: {}. Run `cargo xtask lock` to move to the versions it has, and commit \
             image/packages.lock",
            gone.join(", ")
        );
    }
    Ok(())
}

/// Moves downloaded files to their final names if their digests are the locked ones.
fn admit(cache: &Cache, missing: &[&Package], aside: &Path) -> Result<()> {
    let mut by_digest = BTreeMap::new();
    for entry in fs::read_dir(aside)? {
        let file = entry?.path();
        by_digest.insert(Digest::of_file(&file)?.0, file);
    }
    for package in missing {
        let Some(file) = by_digest.get(&package.sha256) else {
            bail!(
                "{} {} was downloaded but does not have the locked digest {}: the mirror serves another file under \
                 that version",
                package.name,
                package.version,
                package.sha256
            );
        };
        let place = path(cache, package);
        fs::rename(file, &place).with_context(|| format!("cannot put {} in place", place.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_another_digest_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let aside = cache.state("packages").unwrap().join("partial");
        fs::create_dir_all(&aside).unwrap();
        fs::write(aside.join("x.deb"), "evil").unwrap();
        let package = Package {
            name: "x".into(),
            version: "1".into(),
            architecture: "all".into(),
            source: "x".into(),
            sha256: Digest::of(b"good"),
            size: 4,
            sets: vec![Set::Root],
        };
        let err = admit(&cache, &[&package], &aside).unwrap_err().to_string();
        assert!(err.contains("x 1") && err.contains("locked digest"), "{err}");
        fs::write(aside.join("x.deb"), "good").unwrap();
        admit(&cache, &[&package], &aside).unwrap();
        assert_eq!(fs::read(path(&cache, &package)).unwrap(), b"good");
    }
}
