//! `xtask test`: everything CI runs, in one command, with one closing count.
//!
//! Stages go from cheap to dear. A failed stage does not hide the later ones, except that nothing boots without an image.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::vm::Vm;
use crate::{Verb, check, host};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask test                 everything CI runs
  cargo xtask test --quick         no image, no virtual machine: seconds to minutes
  cargo xtask vm first_boot        one VM scenario, on the image that is in out/")]
pub struct Test {
    /// Leave out the image, the VM scenarios and the reproducibility build
    #[arg(long)]
    quick: bool,
    /// The variant whose image is built and booted
    #[arg(long, default_value = "standalone")]
    variant: String,
}

/// How many tests did what.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    fn of(good: bool) -> Self {
        Self { passed: u64::from(good), failed: u64::from(!good) }
    }

    fn of_code(code: ExitCode) -> Self {
        Self::of(code == ExitCode::SUCCESS)
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Test {
    /// Runs every stage and prints `gantry: N passed, N failed`.
    pub fn run(&self, root: &Path) -> Result<ExitCode> {
        let mut stages = Stages::default();
        stages.run("host packages and tools tree", || {
            host::ensure(host::BUILD)?;
            host::ensure(host::TEST)?;
            crate::lab::tools(root).map(|_| Tally::of(true))
        });
        stages.run("checks", || check::run(root).map(Tally::of_code));
        stages.run("unit, law, golden and process tests", || {
            let mut cargo = Command::new("cargo");
            cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]).current_dir(root);
            count(cargo.env("GANTRY_TOOLS", crate::lab::tools(root)?.root()))
        });
        if !self.quick {
            self.image_stages(root, &mut stages);
        }
        let Tally { passed, failed } = stages.total;
        println!("gantry: {passed} passed, {failed} failed");
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// What needs the image; without it, its own failure is the one to read.
    fn image_stages(&self, root: &Path, stages: &mut Stages) {
        let verb = |verb: Verb| crate::run(verb, root).map(Tally::of_code);
        if !stages.run("image", || verb(Verb::image(&self.variant))) {
            return;
        }
        stages.run("image lints and listing", || verb(Verb::lint(&self.variant)));
        stages.run("VM scenarios", || {
            let lab = crate::lab::open(root, &self.variant, false)?;
            count(&mut Vm::every(&self.variant).command(root, &lab))
        });
        stages.run("reproducibility", || verb(Verb::reproduce(&self.variant)));
    }
}

/// The stages so far.
#[derive(Default)]
struct Stages {
    total: Tally,
}

impl Stages {
    /// Runs one and says how it went. An error is a failure of its own and named here.
    fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Tally>) -> bool {
        println!("== {name}");
        let start = Instant::now();
        let tally = work().unwrap_or_else(|err| {
            eprintln!("error: {name}: {err:#}");
            Tally::of(false)
        });
        let Tally { passed, failed } = tally;
        println!("== {name}: {passed} passed, {failed} failed in {} s", start.elapsed().as_secs());
        self.total.add(tally);
        failed == 0
    }
}

/// Runs a `cargo test`, passes its output through and adds up its closing lines.
fn count(cargo: &mut Command) -> Result<Tally> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo test")?;
    let mut total = Tally::default();
    for line in BufReader::new(child.stdout.take().context("cargo test has no output")?).lines() {
        let line = line.context("cannot read cargo test's output")?;
        println!("{line}");
        if let Some(tally) = closing_line(&line) {
            total.add(tally);
        }
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    // A compile error or a killed test program closes no line: it counts as one failure all the same.
    if !status.success() && total.failed == 0 {
        total.failed = 1;
    }
    Ok(total)
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`.
fn closing_line(line: &str) -> Option<Tally> {
    let counts = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |what: &str| -> Option<u64> {
        counts
            .split("; ")
            .find_map(|part| part.strip_suffix(what))
            .and_then(|number| number.trim().parse().ok())
    };
    Some(Tally { passed: count("passed")?, failed: count("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_line_of_cargo_test_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(closing_line(line), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(closing_line("test a::b ... ok"), None);
    }
}
