//! What a variant is: data in `image/variants/NAME.toml`, read strictly and checked before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// A variant file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    /// Also the file's name.
    pub name: String,
    /// The kernel's name of the architecture.
    pub architecture: String,
    /// Files that keep their executable bit.
    pub executables: BTreeSet<String>,
    /// Empty folders.
    pub directories: BTreeSet<String>,
    /// What the result may grow to.
    pub limits: Limits,
    /// What the kernel is told.
    pub command_line: CommandLine,
    /// Which kernel.
    pub kernel: Kernel,
    /// How the root is packed.
    pub root: Root,
    /// The data partition.
    pub data: Data,
    /// Link paths and what they point to.
    pub links: BTreeMap<String, String>,
    /// Our programs.
    #[serde(rename = "program")]
    pub programs: Vec<Program>,
    /// Our files.
    pub ours: Vec<Ours>,
    /// Debian's files.
    #[serde(rename = "package")]
    pub packages: Vec<PackageRule>,
}

/// Budgets, held by lints.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// erofs, hash tree and FEC.
    pub root_bytes: u64,
    /// Number of executable files.
    pub executables: usize,
}

/// The fixed part of the kernel command line.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandLine {
    /// Values of `console=`.
    pub console: Vec<String>,
    /// Everything else.
    pub arguments: String,
}

impl CommandLine {
    /// The words, `console=` first.
    pub fn render(&self) -> String {
        let mut words: Vec<String> = self.console.iter().map(|name| format!("console={name}")).collect();
        words.push(self.arguments.clone());
        words.join(" ")
    }
}

/// Kernel and modules.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// Package `linux-image-FLAVOUR` depends on the one with the files.
    pub flavour: String,
    /// Module names in load order.
    pub initramfs: Vec<String>,
    /// How modules lie in the root.
    pub modules: ModuleForm,
}

/// How modules lie in the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModuleForm {
    /// Unpacked; the file system compresses them.
    Plain,
    /// As Debian ships them.
    Xz,
}

/// erofs and verity parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// mkfs.erofs `-z`.
    pub compression: String,
    /// mkfs.erofs `-C`.
    pub cluster_bytes: u32,
    /// Parity bytes per 255-byte codeword.
    pub fec_roots: u8,
}

/// The data partition and the disk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Size of the file system as shipped.
    pub filesystem_mib: u64,
    /// Size of the disk image.
    pub disk_mib: u64,
}

/// One of our programs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Package in the workspace, and name of the executable.
    #[serde(rename = "crate")]
    pub package: String,
    /// The executable, where it is not named as the package: a service of that name has its library.
    pub binary: Option<String>,
    /// Where it goes.
    pub path: String,
    /// How it is linked.
    pub linkage: Linkage,
}

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Linkage {
    /// With everything inside.
    Static,
    /// Against the image's C library.
    Dynamic,
}

/// A file or folder of `image/`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ours {
    /// Below `image/`.
    pub from: String,
    /// In the root.
    pub to: String,
}

/// What is taken from one package.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageRule {
    /// Binary package.
    pub name: String,
    /// Paths, the same in package and root.
    #[serde(default)]
    pub files: Vec<String>,
    /// Files put together into one.
    #[serde(default)]
    pub join: Vec<Join>,
}

/// Files of one folder, in order of name, written one after another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// In the package.
    pub folder: String,
    /// Which files.
    pub suffix: String,
    /// In the root.
    pub to: String,
}

impl Variant {
    /// Reads `image/variants/NAME.toml`.
    pub fn load(image: &Path, name: &str) -> Result<Variant> {
        let path = image.join("variants").join(format!("{name}.toml"));
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!(
                "no variant {name}: cannot read {} (there are: {})",
                path.display(),
                names(image).join(", ")
            )
        })?;
        let variant = Variant::parse(&text).with_context(|| format!("bad variant {}", path.display()))?;
        if variant.name != name {
            bail!("{} calls itself {}", path.display(), variant.name);
        }
        Ok(variant)
    }

    fn parse(text: &str) -> Result<Variant> {
        let variant: Variant = toml::from_str(text)?;
        if variant.architecture != "x86_64" {
            bail!("architecture {} is not supported", variant.architecture);
        }
        let paths = (variant.executables.iter().chain(&variant.directories).chain(variant.links.keys()))
            .chain(variant.programs.iter().map(|program| &program.path))
            .chain(variant.ours.iter().map(|ours| &ours.to))
            .chain(variant.packages.iter().flat_map(|rule| &rule.files));
        for path in paths {
            let clean = path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
            if !path.starts_with('/') || !clean {
                bail!("{path:?} is not a clean absolute path");
            }
        }
        let mut seen = BTreeSet::new();
        for rule in &variant.packages {
            if !seen.insert(&rule.name) {
                bail!("package {} has two rules", rule.name);
            }
        }
        Ok(variant)
    }

    /// Debian's name of the architecture.
    pub fn debian_architecture(&self) -> &'static str {
        "amd64"
    }

    /// The package that depends on the kernel of this variant.
    pub fn kernel_metapackage(&self) -> String {
        format!("linux-image-{}", self.kernel.flavour)
    }
}

/// Names of all variants under `image/`, sorted.
pub fn names(image: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(image.join("variants")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDALONE: &str = include_str!("../../../image/variants/standalone.toml");

    #[test]
    fn the_standalone_variant_is_valid() {
        let variant = Variant::parse(STANDALONE).unwrap();
        assert!(variant.command_line.render().starts_with("console=ttyS0 "));
    }

    #[test]
    fn unknown_keys_and_unclean_paths_are_refused() {
        let err = Variant::parse(&STANDALONE.replace("fec_roots", "fec_rots")).unwrap_err();
        assert!(format!("{err:#}").contains("fec_rots"));
        for bad in ["usr/bin/crun", "/usr/../crun", "/usr//crun", "/usr/bin/crun/"] {
            let text = STANDALONE.replace("\"/usr/bin/crun\"", &format!("{bad:?}"));
            assert!(Variant::parse(&text).is_err(), "{bad}");
        }
    }
}
