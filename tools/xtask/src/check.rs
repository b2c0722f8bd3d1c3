//! `xtask check`: formatting, lints, tree rules and dependency rules: what a reviewer should never have to say.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::{deny, host, tidy};

/// Runs every check, also after one has failed, so that one run names everything.
pub fn run(root: &Path) -> Result<ExitCode> {
    host::ensure(host::BUILD)?;
    let mut failed = Vec::new();
    for (name, arguments) in [
        ("fmt", &["fmt", "--all", "--check"][..]),
        (
            "clippy",
            &["clippy", "--quiet", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"][..],
        ),
    ] {
        println!("check: cargo {}", arguments.join(" "));
        let status = Command::new("cargo").args(arguments).current_dir(root).status();
        if !status.with_context(|| format!("cannot run cargo {name}"))?.success() {
            failed.push(name);
        }
    }
    for (name, rule) in [("tidy", tidy::run as fn(&Path) -> Result<ExitCode>), ("deny", deny::run)] {
        if rule(root)? != ExitCode::SUCCESS {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        println!("check: all good");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("check: failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}
