//! `xtask deny`: licences and duplicates of the registry crates, offline.
//!
//! Reads `deny.toml` (the part of cargo-deny's format that we use, so that cargo-deny itself can be run on it too) and
//! `cargo tree`. A crate passes when its SPDX expression can be satisfied by the allowed licences alone; a second version of one
//! crate needs an entry with a reason, and an entry that excuses nothing any more is an error as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde::Deserialize;

/// Only what is compiled for a host counts: nobody ships Windows' crates.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

#[derive(Deserialize)]
struct Policy {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    /// Licences that single crates may have besides.
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    /// Crates that never enter, with the reason.
    deny: Vec<Entry>,
    /// Crates that may be present in more than one version, with the reason.
    skip: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Checks the dependency tree of the checkout at `root`.
pub fn run(root: &Path) -> Result<ExitCode> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let policy: Policy = toml::from_str(&text).context("deny.toml is not as expected")?;
    // `cargo tree`, not `cargo metadata`: only the former leaves out what no feature of ours turns on.
    let output = Command::new("cargo")
        .args(["tree", "--workspace", "--locked", "--target", PLATFORM, "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"])
        .current_dir(root)
        .output()
        .context("cannot run cargo tree")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let crates = registry_crates(&String::from_utf8_lossy(&output.stdout));
    let problems = judge(&policy, &crates);
    for problem in &problems {
        eprintln!("deny: {problem}");
    }
    println!("deny: {} registry crates, {} problems", crates.len(), problems.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Crate {
    name: String,
    version: String,
    license: String,
}

/// Reads lines of `name v1.2.3 (more)|licence`. Ours are those with a path in the parentheses.
fn registry_crates(tree: &str) -> BTreeSet<Crate> {
    let ours = |package: &str| package.contains("(/");
    let lines = tree.lines().filter_map(|line| line.split_once('|')).filter(|(package, _)| !ours(package));
    lines
        .filter_map(|(package, license)| {
            let mut words = package.split_whitespace();
            let (name, version) =
                (words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned());
            Some(Crate { name, version, license: license.to_owned() })
        })
        .collect()
}

fn judge(policy: &Policy, crates: &BTreeSet<Crate>) -> Vec<String> {
    let allowed: BTreeSet<&str> = policy.licenses.allow.iter().map(String::as_str).collect();
    let mut problems = Vec::new();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Crate { name, version, license } in crates {
        versions.entry(name).or_default().insert(version);
        let mut allowed = allowed.clone();
        let excepted = policy.licenses.exceptions.iter().filter(|exception| exception.name == *name);
        allowed.extend(excepted.flat_map(|exception| &exception.allow).map(String::as_str));
        if !permitted(license, &allowed) {
            problems.push(format!(
                "{name} {version}: licence '{license}' is not satisfied by deny.toml's [licenses] allow"
            ));
        }
        if let Some(entry) = policy.bans.deny.iter().find(|entry| entry.name == *name) {
            problems.push(format!("{name} {version}: banned by deny.toml: {}", entry.reason));
        }
    }
    for (name, versions) in &versions {
        let skipped = policy.bans.skip.iter().any(|entry| entry.name == *name);
        let listed = versions.iter().copied().collect::<Vec<_>>().join(", ");
        if versions.len() > 1 && !skipped {
            problems.push(format!(
                "{name}: versions {listed} at once; align them or add a [bans] skip with its reason"
            ));
        }
    }
    for entry in &policy.bans.skip {
        if versions.get(entry.name.as_str()).is_none_or(|versions| versions.len() < 2) {
            problems.push(format!(
                "deny.toml skips {}, which has no second version any more ({})",
                entry.name, entry.reason
            ));
        }
    }
    problems
}

/// Whether an SPDX expression holds with the allowed licences only. "MIT/Apache-2.0" is an older way to write OR.
fn permitted(license: &str, allowed: &BTreeSet<&str>) -> bool {
    let expression = license.replace('/', " OR ");
    spdx::Expression::parse_mode(&expression, spdx::ParseMode::LAX)
        .is_ok_and(|parsed| parsed.evaluate(|requirement| allowed.contains(requirement.to_string().as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(skip: &[&str]) -> Policy {
        let entry = |name: &&str| Entry { name: (*name).to_owned(), reason: "test".to_owned() };
        Policy {
            licenses: Licenses {
                allow: vec!["MIT".to_owned(), "Apache-2.0 WITH LLVM-exception".to_owned()],
                exceptions: vec![Exception { name: "odd".to_owned(), allow: vec!["MPL-2.0".to_owned()] }],
            },
            bans: Bans { deny: vec![entry(&"openssl-sys")], skip: skip.iter().map(entry).collect() },
        }
    }

    fn crates(list: &[(&str, &str, &str)]) -> BTreeSet<Crate> {
        let own = |s: &str| s.to_owned();
        list.iter().map(|(n, v, l)| Crate { name: own(n), version: own(v), license: own(l) }).collect()
    }

    #[test]
    fn a_tree_line_is_a_crate_unless_it_is_ours() {
        let tree = "host v0.1.0 (/x/bin/host)|MIT\nserde_derive v1.0.2 (proc-macro)|MIT OR Apache-2.0\n";
        assert_eq!(registry_crates(tree), crates(&[("serde_derive", "1.0.2", "MIT OR Apache-2.0")]));
    }

    #[test]
    fn a_licence_is_enough_when_one_alternative_is_allowed() {
        let list = crates(&[
            ("a", "1.0.0", "GPL-3.0 OR MIT"),
            ("b", "1.0.0", "Apache-2.0 WITH LLVM-exception"),
            ("c", "1.0.0", "MIT/GPL-2.0"),
        ]);
        assert!(judge(&policy(&[]), &list).is_empty());
    }

    #[test]
    fn a_copyleft_or_missing_licence_is_refused() {
        assert_eq!(judge(&policy(&[]), &crates(&[("a", "1.0.0", "GPL-3.0"), ("b", "1.0.0", "")])).len(), 2);
        assert_eq!(judge(&policy(&[]), &crates(&[("a", "1.0.0", "MIT AND GPL-3.0")])).len(), 1);
    }

    #[test]
    fn an_exception_is_for_the_crate_it_names() {
        assert!(judge(&policy(&[]), &crates(&[("odd", "1.0.0", "MPL-2.0")])).is_empty());
        assert_eq!(judge(&policy(&[]), &crates(&[("even", "1.0.0", "MPL-2.0")])).len(), 1);
    }

    #[test]
    fn a_second_version_needs_an_entry_and_an_idle_entry_is_an_error() {
        let twice = crates(&[("a", "1.0.0", "MIT"), ("a", "2.0.0", "MIT")]);
        assert_eq!(judge(&policy(&[]), &twice).len(), 1);
        assert!(judge(&policy(&["a"]), &twice).is_empty());
        assert_eq!(judge(&policy(&["a"]), &crates(&[("a", "1.0.0", "MIT")])).len(), 1);
    }

    #[test]
    fn a_banned_crate_is_named_with_the_reason() {
        assert_eq!(judge(&policy(&[]), &crates(&[("openssl-sys", "1.0.0", "MIT")])).len(), 1);
    }
}
