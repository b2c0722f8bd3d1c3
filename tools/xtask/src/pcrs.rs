//! `xtask pcrs`: what a TPM's registers hold after a boot of a variant.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use signing::pcrs::{Prediction, predict};

#[derive(Args)]
#[command(after_help = "Examples:
  cargo xtask pcrs                          of out/standalone
  cargo xtask pcrs --json                   for tools: {\"sha256\": {\"4\": \"...\", \"11\": \"...\"}}
  cargo xtask pcrs --bootmgr a.efi --uki b.efi

Register 4 is the firmware's (boot manager, then UKI), register 11 the stub's (the UKI's sections); of the SHA-256 bank.")]
pub struct Pcrs {
    /// A file name in image/variants/, without .toml; it has been built
    #[arg(long, env = "VARIANT", default_value = "standalone")]
    variant: String,
    /// A boot manager instead of the variant's
    #[arg(long, value_name = "FILE")]
    bootmgr: Option<PathBuf>,
    /// A UKI instead of the variant's
    #[arg(long, value_name = "FILE")]
    uki: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Pcrs {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        let out = root.join("out").join(&self.variant);
        let read = |file: &Option<PathBuf>, name| {
            let path = file.clone().unwrap_or_else(|| out.join(name));
            let remedy = if file.is_none() { "; cargo xtask image makes it" } else { "" };
            std::fs::read(&path).with_context(|| format!("cannot read {}{remedy}", path.display()))
        };
        let found = predict(&read(&self.bootmgr, "bootmgr.efi")?, &read(&self.uki, "uki.efi")?)?;
        print!("{}", if self.json { json(&found)? } else { text(&found) });
        Ok(ExitCode::SUCCESS)
    }
}

/// As `tpm2_pcrread` shows them.
fn text(found: &Prediction) -> String {
    format!("sha256:\n  4 : 0x{}\n  11: 0x{}\n", hex(&found.pcr4), hex(&found.pcr11))
}

fn json(found: &Prediction) -> Result<String> {
    let registers = serde_json::json!({ "sha256": { "4": hex(&found.pcr4), "11": hex(&found.pcr11) } });
    Ok(serde_json::to_string_pretty(&registers)? + "\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_that_was_not_built_is_said_to_be_so() {
        let pcrs = Pcrs { variant: "x".to_owned(), bootmgr: None, uki: None, json: false };
        let err = format!("{:#}", pcrs.run(Path::new("/nowhere")).unwrap_err());
        assert!(err.contains("/nowhere/out/x/bootmgr.efi; cargo xtask image makes it"), "{err}");
    }

    #[test]
    fn both_forms_say_the_same() {
        let found = Prediction { pcr4: [0xab; 32], pcr11: [0x01; 32] };
        let parsed: serde_json::Value = serde_json::from_str(&json(&found).unwrap()).unwrap();
        for (number, register) in [("4", found.pcr4), ("11", found.pcr11)] {
            assert_eq!(parsed["sha256"][number], hex(&register));
            assert!(text(&found).contains(&format!("0x{}", hex(&register))));
        }
    }
}
