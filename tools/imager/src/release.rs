//! `release.json`: what an image is, for programs: the update tools, the VM harness, the benchmark.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use verity::Params;

use crate::digest::Digest;

/// One build of one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// Layout of this document.
    pub format: u32,
    /// Of Gantry.
    pub version: String,
    /// What the boot manager compares with its floor (docs/formats/uki.md).
    pub security_version: u32,
    /// Which variant.
    pub variant: String,
    /// The kernel's name of the architecture.
    pub architecture: String,
    /// Seconds since 1970; the date of the newest thing in the lock file.
    pub source_date_epoch: u64,
    /// What `uname -r` says.
    pub kernel: String,
    /// The whole command line.
    pub command_line: String,
    /// The root partition.
    pub root: Root,
    /// SHA-256 of the certificate (DER) that verifies boot manager and UKI.
    pub signed_by: Digest,
    /// Number of executables in the root.
    pub executables: usize,
    /// Packages in the root, with their versions.
    pub packages: BTreeMap<String, String>,
    /// The files beside this one.
    pub files: BTreeMap<String, File>,
}

/// The root partition's parameters, as on the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Root {
    /// 64 hex digits.
    pub hash: String,
    /// Of the partition, from the hash.
    pub partuuid: String,
    /// Hex.
    pub salt: String,
    /// Length of the erofs part.
    pub data_bytes: u64,
    /// In blocks of 4096 bytes.
    pub data_blocks: u64,
    /// Where the hash tree begins.
    pub hash_start_block: u64,
    /// Where the parity begins.
    pub fec_start_block: u64,
    /// Parity bytes per codeword.
    pub fec_roots: u8,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Of the bytes.
    pub sha256: Digest,
    /// How many.
    pub bytes: u64,
}

impl Root {
    /// From the parameters.
    pub fn of(params: &Params, data_bytes: u64) -> Root {
        Root {
            hash: params.root_hash_hex(),
            partuuid: params.partuuid(),
            salt: params.salt.to_hex(),
            data_bytes,
            data_blocks: params.layout.data_blocks(),
            hash_start_block: params.layout.hash_start_block(),
            fec_start_block: params.layout.fec_start_block(),
            fec_roots: params.layout.fec_roots(),
        }
    }
}

impl Release {
    /// The document.
    pub fn render(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self).context("cannot write release.json")? + "\n")
    }

    /// Reads a document.
    pub fn parse(text: &str) -> Result<Release> {
        serde_json::from_str(text).context("cannot read release.json")
    }
}
