//! The kernel package: its image, and its modules with the indexes that a running system looks them up in.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::command;
use crate::digest::Key;
use crate::lock::{LockFile, Package, Set};
use crate::packages::Unpacked;
use crate::tools::Tools;
use crate::variant::{ModuleForm, Variant};

/// What depmod and the package leave that nothing of ours reads.
const UNUSED: &[&str] = &[
    "modules.alias.bin",
    "modules.builtin.alias.bin",
    "modules.builtin.bin",
    "modules.builtin.modinfo",
    "modules.dep.bin",
    "modules.devname",
    "modules.order",
    "modules.symbols",
    "modules.symbols.bin",
    "modules.weakdep",
];

/// The kernel of a variant, ready to be picked from.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The package, as locked.
    pub package: Package,
    /// What `uname -r` says.
    pub release: String,
    /// The bzImage.
    pub image: PathBuf,
    /// Holds `kernel/` and the indexes; goes to `/usr/lib/modules/RELEASE`.
    pub modules: PathBuf,
}

impl Kernel {
    /// Unpacks the package, brings the modules into the variant's form and indexes them.
    pub fn prepare(cache: &Cache, lock: &LockFile, tools: &Tools, variant: &Variant) -> Result<Kernel> {
        let package = locked(lock, variant)?.clone();
        let unpacked = Unpacked::of(cache, &package)?;
        let release = package.name.trim_start_matches("linux-image-").to_owned();
        let image = unpacked.file(&format!("/boot/vmlinuz-{release}"))?;
        let form = match variant.kernel.modules {
            ModuleForm::Plain => "plain",
            ModuleForm::Xz => "xz",
        };
        let tools_root = tools.root().to_string_lossy();
        let key = Key::new("modules", 1).part(package.sha256.as_str()).part(form).part(&tools_root).finish();
        let source = unpacked.root().join("usr/lib/modules").join(&release);
        let place = cache.step("modules", &key, |dir| {
            // depmod wants /lib/modules or /usr/lib/modules, depending on how it was built.
            let modules = dir.join("usr/lib/modules").join(&release);
            fs::create_dir_all(&modules)?;
            std::os::unix::fs::symlink("usr/lib", dir.join("lib"))?;
            copy(&source, &modules)?;
            if variant.kernel.modules == ModuleForm::Plain {
                unpack(tools, &files(&modules)?)?;
            }
            command::run(tools.command("depmod")?.arg("-b").arg(dir).arg(&release))?;
            for name in UNUSED {
                crate::cache::remove(&modules.join(name))?;
            }
            Ok(())
        })?;
        let modules = place.join("usr/lib/modules").join(&release);
        Ok(Kernel { package, release, image, modules })
    }

    /// Plain copies of the named modules in `dir`, as `NN-name.ko`. Those of one number need nothing of each other, and the
    /// first stage loads them side by side: checking a signature keeps one CPU busy.
    pub fn extract(&self, tools: &Tools, names: &[String], dir: &Path) -> Result<Vec<PathBuf>> {
        let index =
            fs::read_to_string(self.modules.join("modules.dep")).context("cannot read modules.dep")?;
        let mut out = Vec::new();
        for (round, path) in load_order(&index, names)? {
            let file = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
            let place = dir.join(format!("{round:02}-{file}"));
            fs::copy(self.modules.join(path), &place).with_context(|| format!("cannot copy {path}"))?;
            out.push(place);
        }
        unpack(tools, &out)?;
        let plain = |path: PathBuf| {
            if path.extension().is_some_and(|e| e == "xz") { path.with_extension("") } else { path }
        };
        Ok(out.into_iter().map(plain).collect())
    }
}

/// The locked kernel package of the variant's flavour.
fn locked<'a>(lock: &'a LockFile, variant: &Variant) -> Result<&'a Package> {
    let end = format!("-{}", variant.kernel.flavour);
    // "linux-image-6.12.117+deb13-cloud-amd64" ends like the plain flavour's "linux-image-6.12.117+deb13-amd64".
    let is_kernel = |package: &&Package| {
        let version = package.name.strip_prefix("linux-image-").and_then(|rest| rest.strip_suffix(&end));
        version.is_some_and(|version| {
            version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('-')
        })
    };
    let mut found = lock.of(Set::Root).filter(is_kernel);
    match (found.next(), found.next()) {
        (Some(package), None) => Ok(package),
        (None, _) => {
            bail!("no kernel of flavour {} is locked; run `cargo xtask lock`", variant.kernel.flavour)
        }
        (Some(one), Some(two)) => bail!("two kernels are locked: {} and {}", one.name, two.name),
    }
}

/// Paths of the named modules, each with the first round in which all it needs is there.
fn load_order<'a>(index: &'a str, names: &[String]) -> Result<Vec<(usize, &'a str)>> {
    let mut order: Vec<(usize, &str)> = Vec::new();
    for name in names {
        let found = index
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(path, _)| module_name(path) == canonical(name));
        let Some((path, needs)) = found else {
            bail!("the kernel has no module {name}; is it built in?");
        };
        let mut round = 0;
        for need in needs.split_whitespace() {
            let Some((before, _)) = order.iter().find(|(_, path)| *path == need) else {
                bail!("module {name} needs {} before it", module_name(need));
            };
            round = round.max(before + 1);
        }
        order.push((round, path));
    }
    Ok(order)
}

fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    canonical(file.split(".ko").next().unwrap_or(file))
}

/// The kernel takes dashes and underscores for the same.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn unpack(tools: &Tools, files: &[PathBuf]) -> Result<()> {
    let packed: Vec<&PathBuf> = files.iter().filter(|f| f.extension().is_some_and(|e| e == "xz")).collect();
    // Far below the limit on the length of an argument list.
    for some in packed.chunks(200) {
        command::run(tools.command("xz")?.arg("--decompress").args(some))?;
    }
    Ok(())
}

/// Files below `dir`, sorted.
pub fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    Ok(found)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        let place = to.join(file.strip_prefix(from)?);
        fs::create_dir_all(place.parent().unwrap_or(to))?;
        fs::copy(&file, &place).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "kernel/drivers/md/dm-verity.ko.xz: kernel/drivers/md/dm-bufio.ko.xz kernel/drivers/md/dm-mod.ko.xz\n\
        kernel/drivers/md/dm-bufio.ko.xz: kernel/drivers/md/dm-mod.ko.xz\n\
        kernel/drivers/md/dm-mod.ko.xz:\n\
        kernel/fs/erofs/erofs.ko.xz:\n";

    fn order(names: &[&str]) -> Result<Vec<(usize, &'static str)>> {
        load_order(INDEX, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn modules_load_after_what_they_need() {
        let paths = order(&["dm_mod", "dm-bufio", "dm-verity"]).unwrap();
        assert_eq!(paths[2], (2, "kernel/drivers/md/dm-verity.ko.xz"));
        let err = order(&["dm-mod", "dm-verity", "dm-bufio"]).unwrap_err().to_string();
        assert!(err.contains("dm-verity needs dm_bufio before it"), "{err}");
        assert!(order(&["ext4"]).unwrap_err().to_string().contains("no module ext4"));
    }

    #[test]
    fn modules_that_need_nothing_of_each_other_share_a_round() {
        let rounds: Vec<usize> =
            order(&["dm-mod", "erofs", "dm-bufio"]).unwrap().iter().map(|(r, _)| *r).collect();
        assert_eq!(rounds, [0, 0, 1]);
    }

    #[test]
    fn the_kernel_of_the_flavour_is_found_among_others() {
        let text = include_str!("../../../image/variants/standalone.toml");
        let variant: Variant = toml::from_str(text).unwrap();
        let package = |name: &str| Package {
            name: name.into(),
            version: "1".into(),
            architecture: "amd64".into(),
            source: "linux".into(),
            sha256: crate::digest::Digest::of(name.as_bytes()),
            size: 1,
            sets: vec![Set::Root],
        };
        let names = [
            "linux-image-6.12.1+deb13-amd64",
            "linux-image-6.12.1+deb13-cloud-amd64",
            "linux-image-rt-cloud-amd64",
        ];
        let mut lock = LockFile { epoch: 1, packages: names.map(package).into() };
        assert_eq!(locked(&lock, &variant).unwrap().name, names[1]);
        lock.packages.remove(1);
        assert!(locked(&lock, &variant).is_err());
    }
}
