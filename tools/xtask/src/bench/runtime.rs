//! `xtask bench runtime`: crun beside runc on this host's kernel, without emulation.
//!
//! Both are Debian's, from the tools tree, in a root of their own made of it: they run as they do in the image, with
//! the tree's C library, and re-execute themselves through `/proc/self/exe`, which must be them and not a loader. The
//! two take turns, so that whatever else the host does meets both alike.

mod bundle;
mod life;
mod place;
mod size;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde::Serialize;

use super::figures::{ratio, spread};
use crate::interrupt::Interrupt;
use life::Life;
use size::Size;

/// The first is the image's; ratios are to the second.
const RUNTIMES: [&str; 2] = ["crun", "runc"];

#[derive(Args)]
#[command(after_help = "Example:
  cargo xtask bench runtime --runs 50

Needs root and a kernel with cgroup v2. Figures: out/bench/runtime.json")]
pub struct Runtime {
    /// Containers of each runtime that count
    #[arg(long, default_value_t = 20)]
    runs: u32,
}

/// What one runtime showed.
#[derive(Debug, Serialize)]
struct Measured {
    version: String,
    size: Size,
    lives: Vec<Life>,
}

impl Runtime {
    pub fn run(self, root: &Path) -> Result<ExitCode> {
        ensure!(self.runs > 0, "--runs must be at least 1");
        let dir = root.join("out/bench");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let tools = crate::lab::tools(root)?;
        let interrupt = Interrupt::catch()?;
        // A container's process outlives the `create` that made it; it becomes ours to wait for, as it is the shim's.
        sys::usage::adopt_orphans().context("cannot adopt processes")?;
        let [crun, runc] = place::within(tools.root(), || self.measure(&interrupt))??;

        let kernel =
            std::fs::read_to_string("/proc/sys/kernel/osrelease").context("cannot read the kernel")?;
        println!("\nkernel {}, no emulation, {} containers each\n", kernel.trim(), self.runs);
        println!("{}", table(&crun, &runc));
        let report = serde_json::json!({ "kernel": kernel.trim(), "crun": crun, "runc": runc });
        let path = dir.join("runtime.json");
        std::fs::write(&path, format!("{report:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
        println!("every container: {}", path.display());
        Ok(ExitCode::SUCCESS)
    }

    /// Inside the root.
    fn measure(&self, interrupt: &Interrupt) -> Result<[Measured; 2]> {
        let measured = |name| -> Result<Measured> {
            life::live(name).with_context(|| format!("{name}, warming up"))?;
            Ok(Measured { version: size::version(name)?, size: Size::of(name)?, lives: Vec::new() })
        };
        let mut both = [measured(RUNTIMES[0])?, measured(RUNTIMES[1])?];
        for run in 1..=self.runs {
            for (name, measured) in RUNTIMES.iter().zip(&mut both) {
                ensure!(!interrupt.asked(), "interrupted");
                let life = life::live(name).with_context(|| format!("{name}, container {run}"))?;
                println!("{name} {run} of {}: {life}", self.runs);
                measured.lives.push(life);
            }
        }
        Ok(both)
    }
}

/// A row of the table: what, and how to read it off a container.
type Row = (&'static str, fn(&Life) -> f64);

const ROWS: &[Row] = &[
    ("`create` (ms)", |life| life.create_ms),
    ("`start` (ms)", |life| life.start_ms),
    ("`start` returned -> exit seen (ms)", |life| life.exit_ms),
    ("`delete` (ms)", |life| life.delete_ms),
    ("create to gone (ms)", Life::whole_ms),
    ("user + system CPU of all that (ms)", |life| life.cpu_ms),
    ("peak RSS of the largest process, `run` (MiB)", |life| life.peak_rss_kib as f64 / 1024.0),
];

/// Markdown: medians with their spread, and ratios.
fn table(crun: &Measured, runc: &Measured) -> String {
    let mut text = format!(
        "| median [min-max] | {} | {} | runc / crun |\n|---|---|---|---|\n",
        crun.version, runc.version
    );
    for (what, read) in ROWS {
        let (a, b) = (spread(&crun.lives, read), spread(&runc.lives, read));
        let cell = |(low, middle, high): (f64, f64, f64)| format!("{middle:.1} [{low:.1}-{high:.1}]");
        text.push_str(&format!("| {what} | {} | {} | {} |\n", cell(a), cell(b), ratio(b.1, a.1)));
    }
    for ((what, a), (_, b)) in crun.size.rows().into_iter().zip(runc.size.rows()) {
        text.push_str(&format!("| {what} | {a:.1} | {b:.1} | {} |\n", ratio(b, a)));
    }
    text.push_str(&format!("| libraries | {} | {} | |\n", crun.size.names(), runc.size.names()));
    text
}
