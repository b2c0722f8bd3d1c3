//! `xtask power`: every power cut of every edit of the partition table and of the settings, and every cut of each recovery, rather than the
//! sample that `cargo test` takes.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

/// Options of `cargo xtask power`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask power             every cut and every cut of every recovery: tens of minutes
  cargo xtask power --seed 7    other tears and other garbage in torn sectors")]
pub struct Power {
    /// What the torn sectors hold
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Power {
    /// Runs the simulation; it prints each scenario's count and the sum.
    pub fn run(&self, root: &Path) -> Result<ExitCode> {
        let mut cargo = Command::new("cargo");
        cargo.args([
            "test",
            "--locked",
            "-p",
            "power",
            "--test",
            "cuts",
            "--test",
            "settings",
            "--",
            "--nocapture",
        ]);
        cargo.env("GANTRY_POWER", "whole").env("GANTRY_POWER_SEED", self.seed.to_string());
        let status = cargo.current_dir(root).status().context("cannot run cargo test")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
