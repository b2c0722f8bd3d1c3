//! Results of build steps, named by their inputs.
//!
//! Holds always: what stands at its final name is whole. A result is made aside and renamed, so an interrupted build
//! leaves only rubbish under `tmp/`, which the next one sweeps. Each step has a lock: of two builds that want the same
//! result one makes it and the other waits and takes it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::digest::Digest;
use crate::progress;

/// Older results of one step that stay, for going back and forth between branches.
const KEPT_PER_STEP: usize = 4;

/// The folder of cached results, and of downloads.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
    downloads: PathBuf,
}

impl Cache {
    /// Results under `root`; downloads beside them.
    pub fn at(root: &Path) -> Result<Cache> {
        Cache::with_downloads(root, &root.join("downloads"))
    }

    /// Results under `root`, downloads elsewhere: a second build from nothing need not fetch again.
    pub fn with_downloads(root: &Path, downloads: &Path) -> Result<Cache> {
        for dir in [root, downloads, &root.join("tmp"), &root.join("steps"), &root.join("locks")] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let absolute =
            |dir: &Path| fs::canonicalize(dir).with_context(|| format!("cannot resolve {}", dir.display()));
        Ok(Cache { root: absolute(root)?, downloads: absolute(downloads)? })
    }

    /// The place a checkout uses: `$GANTRY_CACHE`, else `target/imager`; downloads in `$GANTRY_DOWNLOADS`, else there.
    pub fn of_repository(repository: &Path) -> Result<Cache> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let root = variable("GANTRY_CACHE").unwrap_or_else(|| repository.join("target/imager"));
        let downloads = variable("GANTRY_DOWNLOADS").unwrap_or_else(|| root.join("downloads"));
        Cache::with_downloads(&root, &downloads)
    }

    /// Where everything of the cache lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Fetched files, by digest.
    pub fn downloads(&self) -> &Path {
        &self.downloads
    }

    /// A folder of state that is not a step's result (apt's indexes).
    pub fn state(&self, name: &str) -> Result<PathBuf> {
        let dir = self.downloads.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    }

    /// Waits for other builds at `name`, then keeps them out until the guard is dropped.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        Lock::take(&self.root.join("locks").join(name))
    }

    /// An empty folder for work in progress at `name`, whose lock the caller holds: whatever lies there is left over.
    fn scratch(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join("tmp").join(name);
        remove(&dir).with_context(|| format!("cannot sweep {}", dir.display()))?;
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(dir)
    }

    /// The folder with the result of `step` for these inputs; `build` fills it when there is none yet.
    pub fn step(&self, step: &str, key: &Digest, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let place = self.root.join("steps").join(format!("{step}-{}", key.short()));
        let _lock = self.lock(step)?;
        if place.is_dir() {
            // The time of last use decides what `prune` drops; failing to set it costs nothing but that.
            let _ = File::open(&place).and_then(|dir| dir.set_modified(SystemTime::now()));
            progress::note(&format!("{step}: unchanged"));
            return Ok(place);
        }
        progress::step(step, || {
            let aside = self.scratch(step)?;
            build(&aside).with_context(|| format!("cannot build step {step}"))?;
            fs::rename(&aside, &place).with_context(|| format!("cannot put {} in place", place.display()))?;
            self.prune(step, &place)?;
            Ok(place)
        })
    }

    fn prune(&self, step: &str, keep: &Path) -> Result<()> {
        let mut old = Vec::new();
        for entry in fs::read_dir(self.root.join("steps"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.rsplit_once('-').is_some_and(|(of, _)| of == step) && entry.path() != keep {
                old.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        old.sort();
        let spare = old.len().saturating_sub(KEPT_PER_STEP - 1);
        for (_, path) in &old[..spare] {
            remove(path).with_context(|| format!("cannot drop {}", path.display()))?;
        }
        Ok(())
    }
}

/// Held while a build writes to the cache.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock file at `path`, waiting for whoever holds it.
    pub fn take(path: &Path) -> Result<Lock> {
        let file = File::create(path).with_context(|| format!("cannot open lock {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                progress::note(&format!("waiting for another build ({})", path.display()));
                file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(err)) => {
                return Err(err).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
        Ok(Lock { _file: file })
    }
}

/// Removes a file or a folder with all below it; nothing there is fine.
pub fn remove(path: &Path) -> std::io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(err) => Err(err),
    };
    match result {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// Writes a file aside (its name and `.aside`), then renames it: readers see the old content or the new.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    let aside = path.with_added_extension("aside");
    fs::write(&aside, content).with_context(|| format!("cannot write {}", aside.display()))?;
    fs::rename(&aside, path).with_context(|| format!("cannot put {} in place", path.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn key(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }

    #[test]
    fn a_step_runs_once_per_key() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let mut runs = 0;
        for inputs in ["a", "a", "b", "a"] {
            let place = cache
                .step("s", &key(inputs), |dir| {
                    runs += 1;
                    Ok(fs::write(dir.join("f"), inputs)?)
                })
                .unwrap();
            assert_eq!(fs::read_to_string(place.join("f")).unwrap(), inputs);
        }
        assert_eq!(runs, 2);
    }

    #[test]
    fn a_failed_step_leaves_nothing_and_runs_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let fail = cache.step("s", &key("a"), |dir| {
            fs::write(dir.join("half"), "half")?;
            bail!("power cut")
        });
        assert!(fail.is_err());
        let place = cache.step("s", &key("a"), |_| Ok(())).unwrap();
        assert!(!place.join("half").exists());
    }

    #[test]
    fn old_results_of_a_step_are_dropped_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        cache.step("other", &key("x"), |_| Ok(())).unwrap();
        for n in 0..9 {
            cache.step("s", &key(&n.to_string()), |_| Ok(())).unwrap();
        }
        let left = fs::read_dir(dir.path().join("steps")).unwrap().count();
        assert_eq!(left, KEPT_PER_STEP + 1);
    }

    #[test]
    fn a_file_is_replaced_and_its_neighbours_stay() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "a.json", "a.aside"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        write(&dir.path().join("a.json"), b"new").unwrap();
        let read = |name| fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!([read("a"), read("a.json"), read("a.aside")], ["a", "new", "a.aside"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing is left aside");
    }

    #[test]
    fn the_lock_keeps_a_second_build_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path()).unwrap();
        let held = cache.lock("s").unwrap();
        let file = File::open(dir.path().join("locks/s")).unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(held);
        assert!(file.try_lock().is_ok());
    }
}
