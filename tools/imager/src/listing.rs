//! `files.txt`: every path of the root; and the shorter listing that is committed and reviewed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::tree::{Kind, Tree};

const HEADING: &str = "# mode size package path";

/// Every path with mode, size and origin, a line each.
pub fn full(tree: &Tree) -> String {
    let mut text = format!("{HEADING}\n");
    for (path, entry) in tree.entries() {
        let (kind, size, target) = match &entry.kind {
            Kind::Folder => ('d', 0, String::new()),
            Kind::Link(target) => ('l', 0, format!(" -> {target}")),
            Kind::File(content) => ('-', content.size, String::new()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{kind}{:04o} {size} {} {path}{target}", entry.mode, entry.origin.label());
    }
    text
}

/// The paths a reviewer should look at when they change: no sizes, no version in a path, and the kernel's modules as one
/// line per folder.
pub fn golden(tree: &Tree, kernel_release: &str) -> String {
    let modules = format!("/usr/lib/modules/{kernel_release}");
    let mut lines = BTreeMap::new();
    for (path, entry) in tree.entries() {
        let (path, target) = match (path.strip_prefix(&modules), &entry.kind) {
            (Some(below), _) if below.matches('/').count() > 2 => continue,
            (Some(below), Kind::Folder) if below.matches('/').count() == 2 => {
                (format!("/usr/lib/modules/RELEASE{below}/..."), String::new())
            }
            (Some(below), _) => (format!("/usr/lib/modules/RELEASE{below}"), String::new()),
            (None, Kind::Link(target)) => (path.to_owned(), format!(" -> {target}")),
            (None, _) => (path.to_owned(), String::new()),
        };
        let kind = match entry.kind {
            Kind::Folder => 'd',
            Kind::Link(_) => 'l',
            Kind::File(_) => '-',
        };
        let label = entry.origin.label().replace(kernel_release, "RELEASE");
        lines.insert(path.clone(), format!("{kind}{:04o} {label} {path}{target}\n", entry.mode));
    }
    let body: String = lines.into_values().collect();
    format!("# mode package path; renew with BLESS=1 cargo xtask lint\n{body}")
}

/// Lines that only one of two listings has, marked like a diff.
pub fn difference(want: &str, got: &str) -> Vec<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>();
    let (want, got) = (lines(want), lines(got));
    let gone = want.difference(&got).map(|line| format!("- {line}"));
    let new = got.difference(&want).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Content, Origin};

    fn tree() -> Tree {
        let mut tree = Tree::default();
        let file = |tree: &mut Tree, path: &str, mode| {
            tree.file(path, Content::of_bytes(b"abc".to_vec()), mode, Origin::Package("p".into())).unwrap();
        };
        file(&mut tree, "/usr/bin/x", true);
        file(&mut tree, "/usr/lib/modules/6.1-a/modules.dep", false);
        file(&mut tree, "/usr/lib/modules/6.1-a/kernel/fs/erofs/erofs.ko.xz", false);
        tree.link("/usr/bin/y", "x").unwrap();
        tree
    }

    #[test]
    fn the_full_listing_has_every_path() {
        let text = full(&tree());
        assert!(text.contains("-0755 3 p /usr/bin/x\nl0777 0 gantry /usr/bin/y -> x\n"), "{text}");
        assert!(text.contains("erofs.ko.xz"));
    }

    #[test]
    fn the_golden_listing_outlives_a_kernel_update() {
        let text = golden(&tree(), "6.1-a");
        assert!(text.contains("-0755 p /usr/bin/x\n"), "{text}");
        assert!(text.contains("d0755 gantry /usr/lib/modules/RELEASE/kernel/fs/...\n"), "{text}");
        assert!(
            text.contains("/usr/lib/modules/RELEASE/modules.dep")
                && !text.contains("erofs.ko")
                && !text.contains("6.1")
        );
    }

    #[test]
    fn differences_are_marked() {
        assert_eq!(difference("a\nb\n", "b\nc\n"), ["- a", "+ c"]);
        assert!(difference("a\n", "a\n").is_empty());
    }
}
