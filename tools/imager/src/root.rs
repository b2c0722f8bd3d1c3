//! Collects a variant's root: what each of its rules names, from packages, our programs and `image/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::defaults;
use crate::kernel::{Kernel, files};
use crate::lock::LockFile;
use crate::packages::Unpacked;
use crate::programs::Built;
use crate::tree::{Content, Origin, Tree};
use crate::units;
use crate::variant::{Join, Ours, PackageRule, Variant};

/// Where the compiled unit set lies in the root.
pub const UNITS: &str = "/usr/share/gantry/units.json";

/// Everything a root is made of.
pub struct Parts<'a> {
    /// The rules.
    pub variant: &'a Variant,
    /// The folder `image/`.
    pub image: &'a Path,
    /// Versions of the packages.
    pub lock: &'a LockFile,
    /// Modules.
    pub kernel: &'a Kernel,
    /// Our programs.
    pub programs: &'a [Built],
    /// Version of the whole.
    pub version: &'a str,
}

impl Parts<'_> {
    /// Applies every rule. The packages must have been fetched.
    pub fn collect(&self, cache: &Cache) -> Result<Tree> {
        let mut tree = Tree::default();
        let mut wanted = self.variant.executables.clone();
        for rule in &self.variant.packages {
            let package = Unpacked::of(cache, self.lock.get(&rule.name)?)?;
            take(&mut tree, rule, &package, &mut wanted).with_context(|| format!("package {}", rule.name))?;
        }
        for program in &self.variant.programs {
            let built = self.programs.iter().find(|built| built.package == program.package);
            let built = built.with_context(|| format!("program {} was not compiled", program.package))?;
            let executable = wanted.remove(&program.path);
            let origin = Origin::Program(program.package.clone());
            tree.file(&program.path, Content::of_file(&built.file)?, executable, origin)?;
        }
        for ours in &self.variant.ours {
            copy(&mut tree, self.image, ours)?;
        }
        for (path, bytes) in defaults::rendered()? {
            tree.file(&path, Content::of_bytes(bytes), false, Origin::Image)?;
        }
        self.modules(&mut tree)?;
        let units = units::compile(&self.image.join("units"))?;
        tree.file(UNITS, Content::of_bytes(units), false, Origin::Image)?;
        let os_release = os_release(self.variant, self.version);
        tree.file("/usr/lib/os-release", Content::of_bytes(os_release.into_bytes()), false, Origin::Image)?;
        for path in &self.variant.directories {
            tree.folder(path)?;
        }
        for (path, target) in &self.variant.links {
            tree.link(path, target)?;
        }
        match wanted.first() {
            Some(path) => bail!("the variant lists an executable that no rule brings in: {path}"),
            None => Ok(tree),
        }
    }

    fn modules(&self, tree: &mut Tree) -> Result<()> {
        let to = format!("/usr/lib/modules/{}", self.kernel.release);
        for file in files(&self.kernel.modules)? {
            let path = format!("{to}/{}", file.strip_prefix(&self.kernel.modules)?.display());
            let origin = Origin::Package(self.kernel.package.name.clone());
            tree.file(&path, Content::of_file(&file)?, false, origin)?;
        }
        Ok(())
    }
}

fn take(
    tree: &mut Tree,
    rule: &PackageRule,
    package: &Unpacked,
    executables: &mut BTreeSet<String>,
) -> Result<()> {
    let origin = || Origin::Package(rule.name.clone());
    for path in &rule.files {
        let executable = executables.remove(path);
        tree.file(path, Content::of_file(&package.file(path)?)?, executable, origin())?;
    }
    for rule in &rule.join {
        let content = Content::of_bytes(join(rule, package)?);
        tree.file(&rule.to, content, false, origin())?;
    }
    Ok(())
}

fn join(rule: &Join, package: &Unpacked) -> Result<Vec<u8>> {
    let folder = package.root().join(rule.folder.trim_start_matches('/'));
    let mut bytes = Vec::new();
    for file in files(&folder)? {
        if file.to_string_lossy().ends_with(&rule.suffix) {
            bytes.extend(fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
            if !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
        }
    }
    if bytes.is_empty() {
        bail!("no file in {} ends in {}", rule.folder, rule.suffix);
    }
    Ok(bytes)
}

fn copy(tree: &mut Tree, image: &Path, rule: &Ours) -> Result<()> {
    let from = image.join(&rule.from);
    if from.is_file() {
        return tree.file(&rule.to, Content::of_file(&from)?, false, Origin::Image);
    }
    for file in files(&from)? {
        let path = format!("{}/{}", rule.to, file.strip_prefix(&from)?.display());
        tree.file(&path, Content::of_file(&file)?, false, Origin::Image)?;
    }
    Ok(())
}

/// os-release(5).
pub fn os_release(variant: &Variant, version: &str) -> String {
    let name = &variant.name;
    format!(
        "NAME=Gantry\nID=gantry\nPRETTY_NAME=\"Gantry {version} ({name})\"\nVERSION_ID={version}\nVARIANT_ID={name}\n"
    )
}
