//! Boots of this image.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use vm::{Disk, Guest, Lab, Registry};

use super::figures::{Mark, Memory, Sample};

/// A boot on a busy host under software emulation, at most; the rest of a measurement is as slow.
const BOOT: Duration = Duration::from_secs(600);
const POWER_OFF: Duration = Duration::from_secs(180);

const WEB: &str =
    "[settings.containers.web]\nimage = \"registry.gantry.test/web:1\"\nports = [\"8080:80\"]\n";

/// A disk that has booted once.
pub struct Ours {
    disk: Disk,
    settle: Duration,
}

impl Ours {
    /// Copies the image and boots it for the first time: the disk is grown, the container's image pulled.
    pub fn prepare(lab: &Lab, registry: &Registry, dir: &Path, settle: Duration) -> Result<(Self, Sample)> {
        let disk = Disk::copy(&lab.image.disk(), &dir.join("ours.img"), None)?;
        let ours = Self { disk, settle };
        let first = ours.boot(lab, registry)?;
        Ok((ours, first))
    }

    /// One boot, from power-on to power-off.
    pub fn boot(&self, lab: &Lab, registry: &Registry) -> Result<Sample> {
        let settings = format!("{}{WEB}", registry.mirror());
        let machine = lab.guest("bench-ours").disk(self.disk.clone()).user_data(settings).settle(self.settle);
        let mut guest = machine.start()?;
        let sample = sample(&guest)?;
        guest.power_off(POWER_OFF)?;
        Ok(sample)
    }
}

fn sample(guest: &Guest) -> Result<Sample> {
    let start = guest.wait_for("kernel's first line", BOOT, |text| text.contains("Linux version"))?;
    let mark = |name: &str| -> Result<Mark> {
        let line = guest.wait_milestone(name, BOOT)?;
        let milestone = vm::timeline::parse(&line.text).context("a milestone that is none")?;
        Ok(Mark::new(milestone.at.as_secs_f64(), &start, &line))
    };
    let memory = |when: &str| -> Result<Memory> {
        let word = format!("probe: memory when={when}");
        Ok(Memory::parse(&guest.wait_for(&word, BOOT, |text| text.contains(&word))?.text))
    };
    Ok(Sample {
        pid1_s: mark("pid1")?.guest_s,
        containerd: mark("containerd")?,
        container: mark("container/web")?,
        idle: memory("idle")?,
        dropped: memory("dropped")?,
    })
}
