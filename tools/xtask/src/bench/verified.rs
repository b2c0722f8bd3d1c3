//! What verification costs: the boot manager's own time, Secure Boot, and error correction of the root.
//!
//! The same disk boots three ways in turn, to the first process on the root and no further: as the image comes, under
//! firmware that verifies, and with a command line that leaves the parity out. The manager's figures are its own, by the
//! processor's counter; the rest are the host's clock and QEMU's CPU seconds.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use slots::{Attributes, Set};
use vm::guest::Builder;
use vm::{Disk, Lab, Line, Owner, Root, Trust, Uki};

use super::figures::{ratio, spread};

/// A boot to the first process on a busy host, at most.
const BOOT: Duration = Duration::from_secs(600);

/// One boot.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// The manager's own work, without the firmware's.
    pub own_ms: f64,
    /// The firmware reads the image from the disk.
    pub read_ms: f64,
    /// The firmware loads the image, and verifies it where it does.
    pub load_ms: f64,
    /// From power-on to the manager's last line, by the host's clock.
    pub firmware_s: f64,
    /// From the kernel's start to the root being mounted, by the guest's clock.
    pub root_s: f64,
    /// From power-on to the first process on the root, by the host's clock.
    pub pid1_s: f64,
    /// CPU seconds of QEMU by then.
    pub pid1_cpu_s: f64,
}

/// All boots.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verified {
    plain: Vec<Start>,
    secure_boot: Vec<Start>,
    without_fec: Vec<Start>,
    parity_bytes: u64,
    root_bytes: u64,
}

/// Boots each way `runs` times.
pub fn measure(lab: &Lab, dir: &Path, runs: u32) -> Result<Verified> {
    let trust = Trust::of_lab(lab)?;
    let variables = dir.join("verified.fd");
    trust.enrolled(lab, &variables)?;
    let root = Root::of_image(&lab.image)?;
    let uki = std::fs::read(lab.image.file("uki.efi")).context("cannot read the image's UKI")?;
    let bare = trust.sign(Owner::Ours, &without_fec(&Uki::parse(&uki)?)?.pack()?)?;
    let disk = Disk::copy(&lab.image.disk(), &dir.join("verified.img"), None)?;
    // One processor: each call into system management mode waits for all of them, and only under emulation for long.
    let machine = || lab.guest("bench-verified").disk(disk.clone()).cpus(1);

    let layout = root.params().layout;
    let mut verified = Verified {
        plain: Vec::new(),
        secure_boot: Vec::new(),
        without_fec: Vec::new(),
        parity_bytes: (layout.total_blocks() - layout.fec_start_block()) * verity::BLOCK_BYTES,
        root_bytes: layout.total_blocks() * verity::BLOCK_BYTES,
    };
    // The first boot of a disk grows it; that one does not count.
    boot(&disk, &uki, machine())?;
    for run in 1..=runs {
        verified.plain.push(boot(&disk, &uki, machine())?);
        verified.secure_boot.push(boot(&disk, &uki, machine().secure().variables(&variables))?);
        verified.without_fec.push(boot(&disk, &bare, machine())?);
        println!("verified boots, round {run} of {runs}: done");
    }
    Ok(verified)
}

/// The same UKI with a command line that names no parity.
fn without_fec(uki: &Uki) -> Result<Uki> {
    let line = uki.text(".cmdline").context("the image's UKI has no command line")?;
    let params = verity::Params::from_command_line(&line)?;
    let roots = format!(",{},{}", params.layout.fec_roots(), params.salt.to_hex());
    let bare = line.replace(&roots, &format!(",0,{}", params.salt.to_hex()));
    // Else the boots "without" would measure the same thing again.
    let left = verity::Params::from_command_line(&bare)?.layout.fec_roots();
    ensure!(left == 0, "cannot take the parity out of the command line {line:?}");
    Ok(uki.clone().with(".cmdline", bare))
}

/// One boot of this image in set A, with a clean record.
fn boot(disk: &Disk, uki: &[u8], machine: Builder) -> Result<Start> {
    disk.put_uki(Set::A, uki)?;
    disk.set_attributes(Set::A, Attributes::FACTORY)?;
    let mut guest = machine.start()?;
    let manager = guest.wait_for("boot manager", BOOT, |text| text.contains("bootmgr: starting "))?;
    guest.wait_milestone("root", BOOT)?;
    let pid1 = guest.wait_milestone("pid1", BOOT)?;
    let root = guest.timeline().at("root").context("no root on the timeline")?;
    guest.kill();
    Ok(Start {
        own_ms: milliseconds(&manager, "own_us=")?,
        read_ms: milliseconds(&manager, "read_us=")?,
        load_ms: milliseconds(&manager, "load_us=")?,
        firmware_s: manager.host.as_secs_f64(),
        root_s: root.as_secs_f64(),
        pid1_s: pid1.host.as_secs_f64(),
        pid1_cpu_s: pid1.cpu_s,
    })
}

fn milliseconds(line: &Line, key: &str) -> Result<f64> {
    let found = line.text.split_whitespace().find_map(|word| word.strip_prefix(key)?.parse::<f64>().ok());
    Ok(found.with_context(|| format!("no {key} in {:?}", line.text))? / 1000.0)
}

/// A row of the table: what, and how to read it off a boot.
type Row = (&'static str, fn(&Start) -> f64);

const ROWS: &[Row] = &[
    ("boot manager's own time (ms)", |s| s.own_ms),
    ("firmware reads the UKI (ms)", |s| s.read_ms),
    ("firmware loads the UKI (ms)", |s| s.load_ms),
    ("power-on -> UKI started (host clock, s)", |s| s.firmware_s),
    ("kernel start -> root mounted (guest clock, s)", |s| s.root_s),
    ("power-on -> PID 1 on the root (host clock, s)", |s| s.pid1_s),
    ("power-on -> PID 1 on the root (QEMU CPU s)", |s| s.pid1_cpu_s),
];

impl Verified {
    /// Markdown: medians with their spread; ratios to the boot as the image comes.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| median [min-max] | as it comes | Secure Boot | ratio | without FEC | ratio |\n|---|---|---|---|---|---|\n",
        );
        for (what, read) in ROWS {
            let cell = |(low, middle, high): (f64, f64, f64)| format!("{middle:.2} [{low:.2}-{high:.2}]");
            let [plain, secure, bare] =
                [&self.plain, &self.secure_boot, &self.without_fec].map(|boots| spread(boots, read));
            text.push_str(&format!(
                "| {what} | {} | {} | {} | {} | {} |\n",
                cell(plain),
                cell(secure),
                ratio(secure.1, plain.1),
                cell(bare),
                ratio(bare.1, plain.1)
            ));
        }
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        text.push_str(&format!(
            "| parity in the root (MiB) | {:.2} of {:.2} | | | 0 | |\n",
            mib(self.parity_bytes),
            mib(self.root_bytes)
        ));
        text
    }
}
