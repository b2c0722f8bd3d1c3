//! `xtask bench boot`: this image beside a general-purpose Debian with the same kernel, in the same emulator.
//!
//! The two boot in turn, so that whatever else the host does meets both alike; both start from a disk that has booted
//! once and holds the container's image, both run the same container, both have the same setting of huge pages and of
//! the kernel's memory reserve. Three clocks: the guest's, the host's and the CPU seconds of QEMU, the figure to
//! trust on a busy host. The last two start with the kernel's first console line.
//!
//! Then this image boots as it is, under Secure Boot and without error correction of its root, again in turn: what the
//! boot manager and each of the two cost.

mod figures;
mod ours;
mod peer;
mod runtime;
mod settings;
mod surface;
mod verified;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use vm::Oci;

use figures::{Sample, table};
use ours::Ours;
use peer::Peer;

#[derive(Args)]
pub struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Boot this image and a general-purpose Debian in turn, and compare
    Boot(Boot),
    /// Let crun and runc run containers in turn, on this host's kernel
    Runtime(runtime::Runtime),
    /// Change settings through the API, and the same through a chain of processes, in turn
    Settings(settings::Settings),
}

#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench boot --runs 7

Needs root for the Debian beside it (mmdebstrap is installed if missing). Figures: out/bench/boot.json")]
struct Boot {
    /// Boots of each system that count
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// Idle seconds before each memory reading
    #[arg(long, default_value_t = 20)]
    settle: u64,
    /// Variant to build and measure
    #[arg(long, default_value = "standalone")]
    variant: String,
    /// Take the image that is there
    #[arg(long)]
    no_build: bool,
}

impl Bench {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        match self.what {
            What::Boot(boot) => boot.run(root),
            What::Runtime(runtime) => runtime.run(root),
            What::Settings(settings) => settings.run(root),
        }
    }
}

impl Boot {
    fn run(self, root: &Path) -> Result<ExitCode> {
        ensure!(self.runs > 0, "--runs must be at least 1");
        crate::host::ensure(crate::host::BENCH)?;
        let dir = root.join("out/bench");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let settle = Duration::from_secs(self.settle);
        let lab = crate::lab::open(root, &self.variant, !self.no_build)?;
        let tree = peer::tree(&dir)?;

        let registry = crate::run::serve_images(&lab)?;
        let (ours, first) = Ours::prepare(&lab, &registry, &dir, settle)?;
        println!("ours, first boot: {first}");
        let (peer, first) = Peer::prepare(&lab, &tree, &dir, &Oci::web(&lab.tools)?, &first, settle)?;
        println!("peer, first boot: {first}");

        let (mut our_samples, mut peer_samples): (Vec<Sample>, Vec<Sample>) = Default::default();
        for run in 1..=self.runs {
            our_samples.push(ours.boot(&lab, &registry)?);
            println!("ours, boot {run} of {}: {}", self.runs, our_samples[our_samples.len() - 1]);
            peer_samples.push(peer.boot(&lab)?);
            println!("peer, boot {run} of {}: {}", self.runs, peer_samples[peer_samples.len() - 1]);
        }
        let verified = verified::measure(&lab, &dir, self.runs)?;
        let surfaces = (surface::of_image(&lab)?, surface::of_tree(&lab.tools, &tree, peer.root())?);
        println!("\n{}", table(&our_samples, &peer_samples, &surfaces.0, &surfaces.1));
        println!("{}", verified.table());

        let report = serde_json::json!({
            "accelerator": lab.accel.to_string(), "settle-s": self.settle,
            "ours": { "boots": our_samples, "surface": surfaces.0 },
            "peer": { "boots": peer_samples, "surface": surfaces.1 },
            "verified": verified,
        });
        let path = dir.join("boot.json");
        std::fs::write(&path, format!("{report:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("every boot: {}", path.display());
        Ok(ExitCode::SUCCESS)
    }
}
