//! Unpacked packages: their files as they lie in the archive, and what their control file says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::{Cache, Lock, remove};
use crate::lock::Package;
use crate::{command, fetch};

/// A package unpacked in the cache.
#[derive(Clone, Debug)]
pub struct Unpacked {
    dir: PathBuf,
}

impl Unpacked {
    /// Unpacks a fetched package, once.
    pub fn of(cache: &Cache, package: &Package) -> Result<Unpacked> {
        let parent = cache.state("unpacked")?;
        let dir = parent.join(package.sha256.as_str());
        if dir.is_dir() {
            return Ok(Unpacked { dir });
        }
        let _guard = Lock::take(&parent.join("lock"))?;
        if !dir.is_dir() {
            let aside = parent.join("partial");
            remove(&aside).with_context(|| format!("cannot sweep {}", aside.display()))?;
            fs::create_dir_all(&aside).with_context(|| format!("cannot make {}", aside.display()))?;
            let deb = fetch::path(cache, package);
            extract(&deb, &aside.join("root"))?;
            command::run(Command::new("dpkg-deb").arg("-e").arg(&deb).arg(aside.join("control")))?;
            fs::rename(&aside, &dir).with_context(|| format!("cannot put {} in place", dir.display()))?;
        }
        Ok(Unpacked { dir })
    }

    /// A file of the package. Links are followed inside the package; one that leaves it is an error.
    pub fn file(&self, path: &str) -> Result<PathBuf> {
        let root = self.root();
        let mut place = root.join(path.trim_start_matches('/'));
        // Linux's own limit on links in a row.
        for _ in 0..40 {
            let meta = fs::symlink_metadata(&place).with_context(|| format!("the package has no {path}"))?;
            if meta.is_file() {
                return Ok(place);
            }
            if !meta.is_symlink() {
                bail!("{path} is not a file");
            }
            let target = fs::read_link(&place)?;
            let joined = match target.strip_prefix("/") {
                Ok(absolute) => root.join(absolute),
                Err(_) => place.parent().unwrap_or(&root).join(&target),
            };
            place = normalise(&joined);
            if !place.starts_with(&root) {
                bail!("{path} is a link to {}, outside the package", target.display());
            }
        }
        bail!("{path} is a loop of links")
    }

    /// Folder with the package's files.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// A field of the control file.
    pub fn control(&self, field: &str) -> Result<Option<String>> {
        let path = self.dir.join("control/control");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut value: Option<String> = None;
        for line in text.lines() {
            match &mut value {
                Some(value) if line.starts_with(' ') => {
                    value.push('\n');
                    value.push_str(line.trim());
                }
                Some(_) => break,
                None => {
                    value = line
                        .strip_prefix(field)
                        .and_then(|rest| rest.strip_prefix(':'))
                        .map(|v| v.trim().to_owned());
                }
            }
        }
        Ok(value)
    }

    /// The text of the copyright file, where the package has one of its own.
    pub fn copyright(&self, package: &str) -> Option<String> {
        let path = self.root().join("usr/share/doc").join(package).join("copyright");
        fs::read_to_string(path).ok()
    }
}

/// Unpacks a package's files into `dir`.
pub fn extract(deb: &Path, dir: &Path) -> Result<()> {
    command::run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(dir))
        .with_context(|| format!("cannot unpack {}", deb.display()))?;
    Ok(())
}

/// Takes `..` out of a path without looking at the file system.
fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn package() -> (tempfile::TempDir, Unpacked) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("root/usr/lib")).unwrap();
        fs::create_dir_all(dir.path().join("control")).unwrap();
        fs::write(dir.path().join("root/usr/lib/x.so.1.2"), "x").unwrap();
        let unpacked = Unpacked { dir: dir.path().to_owned() };
        (dir, unpacked)
    }

    #[test]
    fn links_are_followed_inside_the_package_only() {
        let (dir, package) = package();
        let lib = dir.path().join("root/usr/lib");
        symlink("x.so.1.2", lib.join("x.so.1")).unwrap();
        symlink("/usr/lib/x.so.1", lib.join("x.so")).unwrap();
        symlink("../../../../etc/passwd", lib.join("out")).unwrap();
        symlink("loop", lib.join("loop")).unwrap();
        assert_eq!(package.file("/usr/lib/x.so").unwrap(), lib.join("x.so.1.2"));
        for (path, why) in [("out", "outside"), ("loop", "loop"), ("absent", "no /usr")] {
            let err = package.file(&format!("/usr/lib/{path}")).unwrap_err();
            assert!(format!("{err:#}").contains(why), "{err:#}");
        }
    }

    #[test]
    fn control_fields_may_continue_on_the_next_line() {
        let (dir, package) = package();
        fs::write(dir.path().join("control/control"), "Package: x\nBuilt-Using: a (= 1),\n b (= 2)\nX: y\n")
            .unwrap();
        assert_eq!(package.control("Built-Using").unwrap().as_deref(), Some("a (= 1),\nb (= 2)"));
        assert_eq!(package.control("Built").unwrap(), None);
    }
}
