//! `xtask settings check`: what a host would say of a user data file, before it has to.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use settings::{LIMITS, Layer};

#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask settings check my.toml")]
pub struct Settings {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Name every problem of a user data file; exit 1 if there are any
    #[command(after_help = "Example:\n  cargo xtask settings check my.toml")]
    Check {
        /// User data as TOML
        file: PathBuf,
    },
}

impl Settings {
    /// Prints problems as `path: why`, one a line.
    pub fn run(&self) -> Result<ExitCode> {
        let What::Check { file } = &self.what;
        let problems = problems(file)?;
        for problem in &problems {
            println!("{problem}");
        }
        println!("{}: {} problems", file.display(), problems.len());
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn problems(file: &Path) -> Result<Vec<String>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    ensure!(!bytes.is_empty(), "{} is empty", file.display());
    let loaded = settings::load(&[(Layer::File, &bytes)], &LIMITS);
    Ok(loaded.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.why)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_is_named_with_its_path() {
        let file = std::env::temp_dir().join(format!("settings-check-{}.toml", std::process::id()));
        std::fs::write(&file, "[settings.containers.web]\nimge = \"x.example/y\"\n").unwrap();
        let problems = problems(&file);
        std::fs::remove_file(&file).unwrap();
        assert!(
            problems.unwrap().iter().any(|problem| problem.starts_with("settings.containers.web.imge: "))
        );
    }
}
