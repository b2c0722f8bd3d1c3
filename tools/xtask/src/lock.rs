//! `xtask lock` and `xtask tools`: Debian's packages, as locked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use imager::cache::{self, Cache};
use imager::lock::LockFile;
use imager::renew;

/// Where the lock file lies in a checkout.
pub fn path(root: &Path) -> PathBuf {
    root.join("image/packages.lock")
}

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask lock            renew the lock file and say what changed
  cargo xtask lock --check    say what would change; exit 1 if anything would

The mirror is the one this machine's apt uses for Debian, or $GANTRY_MIRROR and $GANTRY_SECURITY_MIRROR.")]
pub struct Lock {
    /// Write nothing
    #[arg(long)]
    check: bool,
}

impl Lock {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let path = path(root);
        let old = if path.exists() { Some(LockFile::load(&path)?) } else { None };
        let new = renew::renew(&Cache::of_repository(root)?, &root.join("image"), old.as_ref())?;
        let changes = new.changes_since(&old.clone().unwrap_or_default());
        for line in &changes {
            println!("{line}");
        }
        if old.as_ref() == Some(&new) {
            println!("lock: nothing changed");
        } else if self.check {
            return Ok(ExitCode::FAILURE);
        } else {
            cache::write(&path, new.render()?.as_bytes())?;
            println!("lock: {} packages, {} changed", new.packages.len(), changes.len());
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args, Default)]
#[command(after_help = "Examples:
  cargo xtask tools                               print the folder, fetching it first if need be
  cargo xtask tools -- qemu-img info disk.qcow2   run one of its programs")]
pub struct Tools {
    /// A program of the tools tree and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

impl Tools {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let lock = LockFile::load(&path(root))?;
        let tools = imager::tools::Tools::ensure(&Cache::of_repository(root)?, &lock)?;
        let Some((name, arguments)) = self.command.split_first() else {
            println!("{}", tools.root().display());
            return Ok(ExitCode::SUCCESS);
        };
        let status = tools.with(name, arguments)?.status()?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
