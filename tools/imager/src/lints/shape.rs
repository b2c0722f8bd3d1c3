//! Lints over names, kinds and modes.

use anyhow::Result;

use super::{Facts, Finding};
use crate::tree::{Kind, Tree};

/// No set-user-ID, set-group-ID or sticky bit.
pub(super) fn set_id(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let special =
        tree.entries().filter(|(_, entry)| entry.mode & 0o7000 != 0 && !matches!(entry.kind, Kind::Link(_)));
    Ok(special.map(|(path, entry)| Finding::new(path, format!("mode {:o}", entry.mode))).collect())
}

/// Nothing that group or others may write; links have no mode of their own.
pub(super) fn writable(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let open =
        tree.entries().filter(|(_, entry)| entry.mode & 0o022 != 0 && !matches!(entry.kind, Kind::Link(_)));
    Ok(open.map(|(path, entry)| Finding::new(path, format!("mode {:o}", entry.mode))).collect())
}

/// Only what the variant lists may be executed.
pub(super) fn unlisted_executable(tree: &Tree, facts: &Facts) -> Result<Vec<Finding>> {
    let unlisted = tree
        .entries()
        .filter(|(path, entry)| entry.is_executable() && !facts.variant.executables.contains(*path));
    Ok(unlisted.map(|(path, _)| Finding::new(path, "not among the variant's executables")).collect())
}

/// The promise on their number.
pub(super) fn too_many_executables(tree: &Tree, facts: &Facts) -> Result<Vec<Finding>> {
    let count = tree.entries().filter(|(_, entry)| entry.is_executable()).count();
    let limit = facts.variant.limits.executables;
    let why = || format!("{count} executables, {limit} allowed");
    Ok(if count > limit { vec![Finding::new("/", why())] } else { Vec::new() })
}

/// Every link leads to something in the root. Those under the factory `/etc` are judged from where they will be.
pub(super) fn dangling_link(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, entry) in tree.entries() {
        let Kind::Link(target) = &entry.kind else { continue };
        let at = path.strip_prefix("/usr/share/factory").unwrap_or(path);
        let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
        let meant = if target.starts_with('/') { target.clone() } else { format!("{folder}/{target}") };
        if tree.resolve(&meant).is_none_or(|end| end != "/" && tree.get(&end).is_none()) {
            findings.push(Finding::new(path, format!("leads to {meant}, which is not in the root")));
        }
    }
    Ok(findings)
}

/// Names that every tool prints as they are.
pub(super) fn unclean_name(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let unclean = |path: &&str| !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains("//");
    let paths = tree.entries().map(|(path, _)| path).filter(unclean);
    Ok(paths.map(|path| Finding::new(path, "name is not plain ASCII without blanks")).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, run};
    use super::*;

    #[test]
    fn set_id_and_writable_modes_are_found() {
        let files: &[(&str, &[u8], u32)] =
            &[("/a", b"", 0o4755), ("/b", b"", 0o2755), ("/c", b"", 0o666), ("/d", b"", 0o644)];
        assert_eq!(found("set-id", files), ["/a", "/b"]);
        assert_eq!(found("writable", files), ["/c"]);
    }

    #[test]
    fn executables_must_be_listed_and_few() {
        let files: &[(&str, &[u8], u32)] = &[("/usr/bin/crun", b"", 0o755), ("/usr/bin/curl", b"", 0o755)];
        assert_eq!(found("unlisted-executable", files), ["/usr/bin/curl"]);
        assert!(found("too-many-executables", files).is_empty());
        let names: Vec<String> = (0..16).map(|n| format!("/usr/bin/{n}")).collect();
        let many: Vec<(&str, &[u8], u32)> =
            names.iter().map(|name| (name.as_str(), &b""[..], 0o755)).collect();
        assert_eq!(found("too-many-executables", &many), ["/"]);
    }

    #[test]
    fn links_must_lead_somewhere() {
        let mut tree = Tree::default();
        tree.folder("/usr/bin").unwrap();
        tree.folder("/etc").unwrap();
        tree.folder("/usr/lib/x").unwrap();
        tree.link("/bin", "usr/bin").unwrap();
        tree.link("/usr/bin/gone", "../sbin/gone").unwrap();
        // Right from /etc, where it will be.
        tree.link("/usr/share/factory/etc/x", "../usr/lib/x").unwrap();
        tree.link("/usr/share/factory/etc/y", "../../lib/x").unwrap();
        assert_eq!(run("dangling-link", &tree), ["/usr/bin/gone", "/usr/share/factory/etc/y"]);
    }

    #[test]
    fn odd_names_are_found() {
        let files: &[(&str, &[u8], u32)] =
            &[("/a b", b"", 0o644), ("/\u{e9}", b"", 0o644), ("/a+b@2.so", b"", 0o644)];
        assert_eq!(found("unclean-name", files), ["/a b", "/\u{e9}"]);
    }
}
