//! What an image must not hold. Each lint is a function over the tree; all run, and all they find is said.

mod content;
mod libraries;
mod shape;

use anyhow::{Result, bail};

use crate::progress;
use crate::tree::Tree;
use crate::variant::Variant;

/// What lints need to know besides the tree.
pub struct Facts<'a> {
    /// The rules the tree was made by.
    pub variant: &'a Variant,
    /// Places of the build host that must not show in our programs.
    pub places: &'a [String],
}

/// A path and what is wrong with it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// In the root.
    pub path: String,
    /// Says what to do, where that is not plain.
    pub why: String,
}

impl Finding {
    fn new(path: &str, why: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), why: why.into() }
    }
}

type Lint = fn(&Tree, &Facts) -> Result<Vec<Finding>>;

/// Every lint, by the name that findings carry.
pub const ALL: &[(&str, Lint)] = &[
    ("shell", content::shell),
    ("interpreter", content::interpreter),
    ("script", content::script),
    ("build-place", content::build_place),
    ("set-id", shape::set_id),
    ("writable", shape::writable),
    ("unlisted-executable", shape::unlisted_executable),
    ("too-many-executables", shape::too_many_executables),
    ("dangling-link", shape::dangling_link),
    ("unclean-name", shape::unclean_name),
    ("unresolved-library", libraries::unresolved),
    ("wrong-machine", libraries::wrong_machine),
];

/// Runs every lint; fails with all findings.
pub fn check(tree: &Tree, facts: &Facts) -> Result<()> {
    let mut lines = Vec::new();
    for (name, lint) in ALL {
        lines.extend(lint(tree, facts)?.into_iter().map(|f| format!("\n  {name}: {}: {}", f.path, f.why)));
    }
    if !lines.is_empty() {
        bail!("the root breaks {} rules:{}", lines.len(), lines.concat());
    }
    progress::note(&format!("lint: {} rules hold for {} paths", ALL.len(), tree.entries().count()));
    Ok(())
}

/// The root image with hash tree and FEC fits its budget.
pub fn size(root_bytes: u64, variant: &Variant) -> Result<()> {
    let limit = variant.limits.root_bytes;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    if root_bytes > limit {
        bail!("the root image has {:.1} MiB, the variant allows {:.1} MiB", mib(root_bytes), mib(limit));
    }
    progress::note(&format!("lint: root image {:.1} MiB of {:.1} MiB", mib(root_bytes), mib(limit)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Origin};

    /// The standalone variant's rules, for trees made by hand.
    pub(super) fn variant() -> Variant {
        toml::from_str(include_str!("../../../image/variants/standalone.toml")).unwrap()
    }

    /// Runs one lint over a tree with these files.
    pub(super) fn found(name: &str, files: &[(&str, &[u8], u32)]) -> Vec<String> {
        let mut tree = Tree::default();
        for (path, bytes, mode) in files {
            let kind = crate::tree::Kind::File(Content::of_bytes(bytes.to_vec()));
            tree.add(path, crate::tree::Entry { kind, mode: *mode, origin: Origin::Program("x".into()) })
                .unwrap();
        }
        run(name, &tree)
    }

    pub(super) fn run(name: &str, tree: &Tree) -> Vec<String> {
        let (_, lint) = ALL.iter().find(|(known, _)| *known == name).unwrap();
        let places = ["/home/builder/gantry".to_owned()];
        let findings = lint(tree, &Facts { variant: &variant(), places: &places }).unwrap();
        findings.into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn an_image_over_budget_is_refused() {
        let variant = variant();
        assert!(size(variant.limits.root_bytes, &variant).is_ok());
        let err = size(variant.limits.root_bytes + 1, &variant).unwrap_err().to_string();
        assert!(err.contains("the variant allows 56.0 MiB"), "{err}");
    }

    #[test]
    fn one_error_names_every_finding() {
        let mut tree = Tree::default();
        tree.file("/usr/bin/sh", Content::of_bytes(b"#!/bin/sh".to_vec()), true, Origin::Image).unwrap();
        tree.link("/usr/bin/x", "gone").unwrap();
        let err = check(&tree, &Facts { variant: &variant(), places: &[] }).unwrap_err().to_string();
        for part in [
            "shell: /usr/bin/sh",
            "script: /usr/bin/sh",
            "unlisted-executable: /usr/bin/sh",
            "dangling-link: /usr/bin/x",
        ] {
            assert!(err.contains(part), "{part} not in {err}");
        }
    }
}
