//! Lints over what files hold.

use anyhow::Result;
use memchr::memmem::Finder;

use super::{Facts, Finding};
use crate::tree::{Kind, Origin, Tree};

/// Names that shells go by.
const SHELLS: &[&str] = &[
    "ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "nu", "rbash", "sh", "tcsh", "toybox",
    "yash", "zsh",
];

/// What a shell under another name still says inside.
const SHELL_MARKS: &[&str] = &["BusyBox v", "GNU bash, version", "toybox multicall"];

/// Names that interpreters go by, before any version number.
const INTERPRETERS: &[&str] = &[
    "awk", "bpftrace", "gawk", "gdb", "guile", "java", "lua", "luajit", "mawk", "node", "perl", "php",
    "pwsh", "python", "ruby", "sed", "tclsh",
];

/// No shell, by name (files and links) or by content (executables).
pub(super) fn shell(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let mut findings = named(tree, |name| SHELLS.contains(&name), "a shell");
    let marks: Vec<Finder> = SHELL_MARKS.iter().map(Finder::new).collect();
    for (path, entry) in tree.entries() {
        let (true, Some(content)) = (entry.is_executable(), entry.content()) else { continue };
        let bytes = content.read()?;
        if let Some(at) = marks.iter().position(|mark| mark.find(&bytes).is_some()) {
            findings
                .push(Finding::new(path, format!("holds {:?}: a shell under another name", SHELL_MARKS[at])));
        }
    }
    Ok(findings)
}

/// No interpreter of a general language.
pub(super) fn interpreter(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let bare = |name: &str| {
        let end = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
        INTERPRETERS.contains(&end)
    };
    Ok(named(tree, bare, "an interpreter"))
}

/// Nothing that the kernel would hand to an interpreter.
pub(super) fn script(tree: &Tree, _: &Facts) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, entry) in tree.entries() {
        if let Some(content) = entry.content()
            && content.starts_with(b"#!")?
        {
            findings.push(Finding::new(path, "starts with #!"));
        }
    }
    Ok(findings)
}

/// Our programs do not say where they were built: it would differ from machine to machine.
pub(super) fn build_place(tree: &Tree, facts: &Facts) -> Result<Vec<Finding>> {
    let places: Vec<(&String, Finder)> =
        facts.places.iter().map(|place| (place, Finder::new(place))).collect();
    let mut findings = Vec::new();
    for (path, entry) in tree.entries() {
        let (Origin::Program(_), Some(content)) = (&entry.origin, entry.content()) else { continue };
        let bytes = content.read()?;
        for (place, finder) in &places {
            if let Some(at) = finder.find(&bytes) {
                let end =
                    (at..bytes.len().min(at + 100)).find(|&i| !bytes[i].is_ascii_graphic()).unwrap_or(at);
                let text = String::from_utf8_lossy(&bytes[at..end]);
                findings.push(Finding::new(path, format!("holds {text}, below {place}")));
            }
        }
    }
    Ok(findings)
}

/// Files and links in a folder for programs whose name is one of the given.
fn named(tree: &Tree, is: impl Fn(&str) -> bool, what: &str) -> Vec<Finding> {
    let programs = tree.entries().filter(|(path, entry)| {
        let Some((folder, name)) = path.rsplit_once('/') else { return false };
        let program = entry.is_executable() || folder.ends_with("bin");
        program && !matches!(entry.kind, Kind::Folder) && is(name)
    });
    programs.map(|(path, _)| Finding::new(path, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, run};
    use super::*;

    #[test]
    fn shells_are_found_by_name_link_and_content() {
        let files: &[(&str, &[u8], u32)] = &[
            ("/usr/bin/dash", b"", 0o644),
            ("/usr/lib/tool", b"..BusyBox v1.37.0 (Debian)..", 0o755),
            ("/usr/share/sh", b"", 0o644),
            ("/usr/bin/crun", b"sh", 0o755),
        ];
        assert_eq!(found("shell", files), ["/usr/bin/dash", "/usr/lib/tool"]);
        let mut tree = Tree::default();
        tree.link("/usr/bin/sh", "host").unwrap();
        assert_eq!(run("shell", &tree), ["/usr/bin/sh"]);
    }

    #[test]
    fn interpreters_are_found_with_any_version() {
        let files: &[(&str, &[u8], u32)] = &[
            ("/usr/bin/python3.13", b"", 0o755),
            ("/opt/lua5.4", b"", 0o755),
            ("/usr/bin/perl", b"", 0o755),
            ("/usr/bin/containerd", b"", 0o755),
            ("/usr/share/python", b"", 0o644),
        ];
        assert_eq!(found("interpreter", files), ["/opt/lua5.4", "/usr/bin/perl", "/usr/bin/python3.13"]);
    }

    #[test]
    fn scripts_are_found_whatever_their_mode() {
        let files: &[(&str, &[u8], u32)] =
            &[("/a", b"#!/bin/x", 0o644), ("/b", b"# comment", 0o755), ("/c", b"#", 0o644)];
        assert_eq!(found("script", files), ["/a"]);
    }

    #[test]
    fn a_path_of_the_build_host_in_a_program_is_found() {
        let files: &[(&str, &[u8], u32)] =
            &[("/a", b"\0/home/builder/gantry/svc/x.rs\0", 0o755), ("/b", b"/gantry/svc/x.rs", 0o755)];
        assert_eq!(found("build-place", files), ["/a"]);
    }
}
