//! `xtask vm`: the scenarios of `tests/vm`, against a freshly built image.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::Args;

/// A machine has two virtual CPUs; more machines than this would only make each other late.
const CPUS_PER_MACHINE: usize = 2;

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask vm                                every scenario
  cargo xtask vm first_boot power_off           those whose name holds one of these words
  cargo xtask vm --no-build --jobs 2 tampered   two at a time, on the image that is there

Console logs: out/vm/NAME/console.log")]
pub struct Vm {
    /// Parts of scenarios' names
    names: Vec<String>,
    /// How many machines at a time [default: one for every two CPUs]
    #[arg(long)]
    jobs: Option<usize>,
    /// Variant to build and test
    #[arg(long, default_value = "standalone")]
    variant: String,
    /// Take the image that is there
    #[arg(long)]
    no_build: bool,
}

impl Vm {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let lab = crate::lab::open(root, &self.variant, !self.no_build)?;
        let status = self.command(root, &lab).status().context("cannot run cargo test")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Every scenario on the image that is there: what `xtask test` runs.
    pub fn every(variant: &str) -> Self {
        Self { names: Vec::new(), jobs: None, variant: variant.to_owned(), no_build: true }
    }

    /// The `cargo test` that runs the scenarios in this lab.
    pub fn command(&self, root: &Path, lab: &vm::Lab) -> Command {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let jobs = self.jobs.unwrap_or(cpus / CPUS_PER_MACHINE).max(1);
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["test", "--no-fail-fast", "--package", "vm"]).args([
            "--test",
            "harness",
            "--test",
            "scenarios",
            "--",
        ]);
        cargo.args(["--ignored", "--test-threads", &jobs.to_string()]).args(&self.names);
        cargo
            .current_dir(root)
            .env("GANTRY_TOOLS", lab.tools.root())
            .env("GANTRY_OUT", root.join("out").join(&self.variant));
        // Found out once is enough: every test binary would run its own trial guest.
        cargo.env("GANTRY_ACCEL", if lab.accel == vm::Accel::Kvm { "kvm" } else { "tcg" });
        cargo
    }
}
