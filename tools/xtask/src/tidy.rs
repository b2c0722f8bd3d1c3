//! `xtask tidy`: what the compiler cannot hold about the tree, held by a test.
//!
//! The rules are those of ARCHITECTURE.md: who may depend on whom, one name everywhere, `pure/` cannot act, unsafe code in
//! two places, files of one subject, promises that name existing tests, links that lead somewhere. Each rule is a function
//! over text, so that its own tests can show it fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::Value;

/// A folder of the tree and the folders whose crates it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("pure", &["pure"]),
    ("os", &["pure", "os"]),
    ("svc", &["pure", "os"]),
    ("bin", &["pure", "os", "svc"]),
    ("boot", &["pure", "boot"]),
    // Tools run the device's own parsers and lay out its disks; xtask starts the others and the VM harness.
    ("tools", &["pure", "os", "tools", "tests", "svc"]),
    ("tests", &["pure", "os", "svc", "bin", "boot", "tools", "tests"]),
];

/// Folders whose crates may hold `unsafe`.
const UNSAFE_ALLOWED: &[&str] = &["os/sys/", "boot/"];

/// No source file is longer; past it there is a second noun inside.
const MAX_LINES: usize = 450;

/// Runs every rule over the checkout at `root` and prints what is wrong.
pub fn run(root: &Path) -> Result<ExitCode> {
    let sources = files(root, ".rs")?;
    let mut problems = arrows(&metadata(root)?, root)?;
    let mut tests = BTreeSet::new();
    for path in &sources {
        let name = path.strip_prefix(root)?.display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
        problems.extend(source(&name, &text));
        tests.extend(test_names(&text));
    }
    let specification =
        fs::read_to_string(root.join("SPECIFICATION.md")).context("cannot read SPECIFICATION.md")?;
    problems.extend(promises(&specification, &tests));
    for path in files(root, ".md")? {
        let name = path.strip_prefix(root)?.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        let folder = path.parent().unwrap_or(root).to_owned();
        problems.extend(links(&name, &text, |target| folder.join(target).exists()));
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    println!("tidy: {} sources, {} problems", sources.len(), problems.len());
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The files git tracks or would track, so that build output never counts.
fn files(root: &Path, suffix: &str) -> Result<Vec<PathBuf>> {
    let listing = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .context("cannot run git ls-files")?;
    anyhow::ensure!(listing.status.success(), "git ls-files failed: is {} a checkout?", root.display());
    let names = String::from_utf8(listing.stdout).context("a file name is not UTF-8")?;
    Ok(names
        .split('\0')
        .filter(|n| n.ends_with(suffix))
        .map(|n| root.join(n))
        .filter(|p| p.exists())
        .collect())
}

fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")
}

/// Holds the arrows of ARCHITECTURE.md, and folder = package name.
fn arrows(metadata: &Value, root: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata has no packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let Some((layer, folder)) = place(manifest, root) else { continue };
        // A service that is an executable of its own has its library in svc/, under its name; packages need different ones.
        if folder != name && !(layer == "bin" && name.strip_prefix("gantry-") == Some(folder.as_str())) {
            problems.push(format!(
                "{layer}/{folder}: the package is named {name}; folder and package share one name"
            ));
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == layer) else {
            problems.push(format!("{layer}/{folder}: {layer} is not a layer; see ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let Some(path) = dependency["path"].as_str() else { continue };
            let Some((to, target)) = place(&Path::new(path).join("Cargo.toml"), root) else { continue };
            // A test may use what its crate may not: it never ships.
            let for_tests = dependency["kind"].as_str() == Some("dev");
            if !for_tests && !allowed.contains(&to.as_str()) {
                problems.push(format!(
                    "{layer}/{folder} uses {to}/{target}; {layer} may use only: {}",
                    allowed.join(", ")
                ));
            }
        }
    }
    Ok(problems)
}

fn place(manifest: &Path, root: &Path) -> Option<(String, String)> {
    let relative = manifest.strip_prefix(root).ok()?;
    let mut parts = relative.iter().map(|p| p.to_string_lossy().into_owned());
    Some((parts.next()?, parts.next()?))
}

/// Rules over one source file.
fn source(name: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("{name}: {lines} lines, at most {MAX_LINES}: split it by noun"));
    }
    if !text.trim_start().starts_with("//!") && !text.trim_start().starts_with("#!") {
        problems.push(format!("{name}: starts without a module doc (//!) saying what it is"));
    }
    if name.starts_with("pure/") && name.ends_with("/src/lib.rs") && !text.contains("no_std") {
        problems.push(format!("{name}: a pure crate declares #![no_std], so that it cannot act"));
    }
    let may = UNSAFE_ALLOWED.iter().any(|folder| name.starts_with(folder));
    let allows = ["allow(unsafe_code", "expect(unsafe_code"].iter().any(|a| text.contains(a));
    if !may && allows && !name.ends_with("tidy.rs") {
        problems.push(format!("{name}: unsafe code belongs to os/sys or boot"));
    }
    problems
}

/// Names of the functions that are tests, by the attribute above them.
fn test_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut armed = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            armed = true;
        } else if let Some(rest) = line.split_once("fn ").filter(|_| armed).map(|(_, rest)| rest) {
            names.extend(rest.split(['(', '<']).next().map(str::to_owned));
            armed = false;
        }
    }
    names
}

/// Every `held by` of SPECIFICATION.md names tests that exist. It reaches to the end of its promise: the next bullet,
/// or an empty line.
fn promises(specification: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut held = false;
    for (number, line) in specification.lines().enumerate() {
        held &= !line.starts_with("- ") && !line.trim().is_empty();
        let at = line.to_lowercase().find("held by");
        let from = if held { 0 } else { at.unwrap_or(line.len()) };
        held |= at.is_some();
        for name in line[from..].split('`').skip(1).step_by(2) {
            if name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && !tests.contains(name)
            {
                problems.push(format!("SPECIFICATION.md:{}: no test is named {name}", number + 1));
            }
        }
    }
    problems
}

/// Relative links of a page lead to files that exist.
fn links(name: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
        .filter(|target| !exists(target))
        .map(|target| format!("{name}: link to {target}, which is not there"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str, name: &str, dependency: &str, kind: Option<&str>) -> Value {
        serde_json::json!({"packages": [{
            "name": name,
            "manifest_path": format!("/r/{folder}/Cargo.toml"),
            "dependencies": [{"path": format!("/r/{dependency}"), "kind": kind}],
        }]})
    }

    #[test]
    fn an_arrow_against_the_layers_is_a_problem() {
        let root = Path::new("/r");
        assert!(arrows(&package("svc/netd", "netd", "os/sys", None), root).unwrap().is_empty());
        assert_eq!(arrows(&package("pure/verity", "verity", "os/sys", None), root).unwrap().len(), 1);
        assert_eq!(arrows(&package("svc/netd", "netd", "svc/logd", None), root).unwrap().len(), 1);
        assert!(arrows(&package("svc/netd", "netd", "svc/logd", Some("dev")), root).unwrap().is_empty());
    }

    #[test]
    fn a_package_named_unlike_its_folder_is_a_problem() {
        let problems = |folder: &str, name: &str| {
            arrows(&package(folder, name, "pure/verity", None), Path::new("/r")).unwrap().len()
        };
        assert_eq!(problems("os/sys", "system"), 1);
        assert_eq!(problems("bin/apiclient", "gantry-apiclient"), 0);
        assert_eq!(problems("bin/apiclient", "gantry-other"), 1);
        assert_eq!(problems("svc/apiclient", "gantry-apiclient"), 1);
    }

    #[test]
    fn unsafe_outside_its_places_is_a_problem() {
        let text = "//! Doc.\n#![allow(unsafe_code)]\n";
        assert!(source("os/sys/src/mount.rs", text).is_empty());
        assert_eq!(source("svc/netd/src/lib.rs", text).len(), 1);
    }

    #[test]
    fn a_pure_crate_with_std_is_a_problem() {
        assert_eq!(source("pure/x/src/lib.rs", "//! Doc.\n").len(), 1);
        assert!(source("pure/x/src/lib.rs", "//! Doc.\n#![no_std]\n").is_empty());
    }

    #[test]
    fn a_long_file_and_a_missing_doc_are_problems() {
        assert_eq!(source("os/x/src/lib.rs", &"//! x\n".repeat(MAX_LINES + 1)).len(), 1);
        assert_eq!(source("os/x/src/lib.rs", "fn main() {}\n").len(), 1);
    }

    #[test]
    fn a_promise_without_its_test_is_a_problem() {
        let tests = BTreeSet::from_iter(test_names("#[test]\nfn real_one() {}\nfn helper() {}\n"));
        assert_eq!(tests.len(), 1);
        assert!(promises("P1 x. Held by `real_one`.", &tests).is_empty());
        assert_eq!(promises("P1 x. Held by `gone_one`.", &tests).len(), 1);
        assert_eq!(
            promises("- P1 x. Held by `real_one`,\n  `gone_one` (VM).\n- P2 `word`.", &tests).len(),
            1
        );
    }

    #[test]
    fn a_dead_link_is_a_problem() {
        assert_eq!(links("a.md", "[x](gone.md#part) [y](https://example.org)", |_| false).len(), 1);
        assert!(links("a.md", "[x](there.md)", |_| true).is_empty());
    }
}
