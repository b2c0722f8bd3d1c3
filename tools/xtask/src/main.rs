//! Every developer verb: `cargo xtask VERB`.
//!
//! A verb is a module with a `run` and, where it has options, a clap struct of its own; this file names them and finds
//! the repository. What a verb does lives in the tools it calls.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod check;
mod deny;
mod efi;
mod host;
mod image;
mod interrupt;
mod keys;
mod lab;
mod lock;
mod pcrs;
mod power;
mod reproduce;
mod run;
mod settings;
mod sign;
mod test;
mod tidy;
mod vm;

/// Builds, runs and checks Gantry.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build a variant's image into out/VARIANT/
    Image(image::Image),
    /// Run the image lints on a variant's root without packing it
    Lint(image::Lint),
    /// Build a variant twice, in different places at different times, and compare every byte
    Reproduce(reproduce::Reproduce),
    /// Renew image/packages.lock from what the Debian mirror has today
    Lock(lock::Lock),
    /// Fetch and unpack the build and test programs; print where they are
    Tools(lock::Tools),
    /// The keys of Secure Boot: made if there are none, and shown
    Keys(keys::Keys),
    /// Sign an EFI program, or check its signature
    Sign(sign::Sign),
    /// Predict what a TPM will have measured after a boot of a variant
    Pcrs(pcrs::Pcrs),
    /// Build, boot in QEMU and show a page from a container
    Run(run::Run),
    /// The VM scenarios of tests/vm
    Vm(vm::Vm),
    /// Cut the power at every write of every edit of the partition table, and boot what is left
    Power(power::Power),
    /// Measure this image beside a general-purpose Debian, or crun beside runc
    #[command(after_help = "Examples:\n  cargo xtask bench boot\n  cargo xtask bench runtime")]
    Bench(bench::Bench),
    /// Check a user data file as a host would
    Settings(settings::Settings),
    /// Everything CI runs
    Test(test::Test),
    /// Formatting, clippy, tidy and deny: what a reviewer should never have to say
    #[command(after_help = "Example:\n  cargo xtask check")]
    Check,
    /// Rules of the source tree: layers, names, file sizes, promises, links
    #[command(after_help = "Example:\n  cargo xtask tidy")]
    Tidy,
    /// Licences and duplicate versions of registry crates, offline
    #[command(after_help = "Example:\n  cargo xtask deny")]
    Deny,
}

/// Verbs as other verbs start them, with their defaults.
impl Verb {
    fn image(variant: &str) -> Verb {
        Verb::Image(image::Image { variant: variant.to_owned(), sector_bytes: None })
    }

    fn lint(variant: &str) -> Verb {
        Verb::Lint(image::Lint { variant: variant.to_owned() })
    }

    fn reproduce(variant: &str) -> Verb {
        Verb::Reproduce(reproduce::Reproduce { variant: variant.to_owned() })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.verb, &repository()) {
        Ok(code) => code,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb, root: &Path) -> Result<ExitCode> {
    match verb {
        Verb::Image(verb) => verb.run(root),
        Verb::Lint(verb) => verb.run(root),
        Verb::Reproduce(verb) => verb.run(root),
        Verb::Lock(verb) => verb.run(root),
        Verb::Tools(verb) => verb.run(root),
        Verb::Keys(verb) => verb.run(root),
        Verb::Sign(verb) => verb.run(root),
        Verb::Pcrs(verb) => verb.run(root),
        Verb::Run(verb) => verb.run(root),
        Verb::Vm(verb) => verb.run(root),
        Verb::Power(verb) => verb.run(root),
        Verb::Bench(verb) => verb.run(root),
        Verb::Settings(verb) => verb.run(),
        Verb::Test(verb) => verb.run(root),
        Verb::Check => check::run(root),
        Verb::Tidy => tidy::run(root),
        Verb::Deny => deny::run(root),
    }
}

/// The checkout this program was built from; `cargo xtask` works from any folder below it.
fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_verb_explains_itself_with_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            assert!(verb.get_about().is_some(), "{}", verb.get_name());
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("cargo xtask"), "{} has no example", verb.get_name());
        }
    }
}
