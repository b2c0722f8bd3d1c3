//! Numbers of one boot, their medians, and the table of ratios.

use std::fmt;

use serde::Serialize;
use vm::Line;

use super::surface::Surface;

/// When something was reached, by three clocks.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// Since the kernel's clock started, by that clock.
    pub guest_s: f64,
    /// Since the kernel's first console line, by the host's clock.
    pub host_s: f64,
    /// CPU seconds of QEMU since then.
    pub cpu_s: f64,
}

impl Mark {
    /// `at` is the console line that reported it, `start` the kernel's first.
    pub fn new(guest_s: f64, start: &Line, at: &Line) -> Self {
        Self {
            guest_s,
            host_s: at.host.saturating_sub(start.host).as_secs_f64(),
            cpu_s: at.cpu_s - start.cpu_s,
        }
    }
}

/// A memory reading, in KiB.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Memory {
    /// MemTotal - MemAvailable.
    pub used_kib: u64,
    /// PSS of the system's own processes: without containerd, its shims and the container.
    pub os_pss_kib: u64,
    /// PSS of containerd.
    pub containerd_pss_kib: u64,
    /// Processes in user space.
    pub processes: u64,
    /// The kernel's reserve, which `used_kib` depends on.
    pub min_free_kib: u64,
    /// The setting of transparent huge pages, which `used_kib` depends on.
    pub huge_pages: String,
}

impl Memory {
    /// From a line of `key=value` facts, as the probe prints it.
    pub fn parse(text: &str) -> Self {
        let word =
            |key: &str| text.split_whitespace().find_map(|fact| fact.strip_prefix(key)).unwrap_or_default();
        let number = |key: &str| word(key).parse().unwrap_or(0);
        Self {
            used_kib: number("used_kib="),
            os_pss_kib: number("os_pss_kib="),
            containerd_pss_kib: number("containerd_pss_kib="),
            processes: number("processes="),
            min_free_kib: number("min_free_kib="),
            huge_pages: word("huge_pages=").to_owned(),
        }
    }
}

/// One boot.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sample {
    /// PID 1 starts on the root file system.
    pub pid1_s: f64,
    /// containerd answers a version call.
    pub containerd: Mark,
    /// The container's process runs.
    pub container: Mark,
    /// At rest.
    pub idle: Memory,
    /// At rest after the page cache was dropped.
    pub dropped: Memory,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "PID 1 {:.2} s, containerd {:.2} s, container {:.2} s (CPU {:.1} s), idle {} MiB",
            self.pid1_s,
            self.containerd.guest_s,
            self.container.guest_s,
            self.container.cpu_s,
            self.idle.used_kib / 1024
        )
    }
}

/// A row of the table: what, and how to read it off a boot.
type Row = (&'static str, fn(&Sample) -> f64);

const ROWS: &[Row] = &[
    ("kernel start -> PID 1 on the root (guest clock, s)", |s| s.pid1_s),
    ("PID 1 -> containerd answering (guest clock, s)", |s| s.containerd.guest_s - s.pid1_s),
    ("kernel start -> containerd answering (guest clock, s)", |s| s.containerd.guest_s),
    ("kernel start -> containerd answering (host clock, s)", |s| s.containerd.host_s),
    ("kernel start -> containerd answering (QEMU CPU s)", |s| s.containerd.cpu_s),
    ("kernel start -> container running (guest clock, s)", |s| s.container.guest_s),
    ("kernel start -> container running (host clock, s)", |s| s.container.host_s),
    ("kernel start -> container running (QEMU CPU s)", |s| s.container.cpu_s),
    ("memory at idle, MemTotal - MemAvailable (MiB)", |s| s.idle.used_kib as f64 / 1024.0),
    ("the same after dropping caches (MiB)", |s| s.dropped.used_kib as f64 / 1024.0),
    ("PSS of the OS's own processes (MiB)", |s| s.idle.os_pss_kib as f64 / 1024.0),
    ("PSS of containerd (MiB)", |s| s.idle.containerd_pss_kib as f64 / 1024.0),
    ("processes at idle", |s| s.idle.processes as f64),
];

/// Markdown: medians with their spread, and ratios.
pub fn table(ours: &[Sample], peer: &[Sample], our_surface: &Surface, peer_surface: &Surface) -> String {
    let mut text = String::from("| median [min-max] | Gantry | Debian | ratio |\n|---|---|---|---|\n");
    for (what, read) in ROWS {
        let (a, b) = (spread(ours, read), spread(peer, read));
        let cell = |(low, middle, high): (f64, f64, f64)| format!("{middle:.2} [{low:.2}-{high:.2}]");
        text.push_str(&format!("| {what} | {} | {} | {} |\n", cell(a), cell(b), ratio(a.1, b.1)));
    }
    for ((what, a), (_, b)) in our_surface.rows().into_iter().zip(peer_surface.rows()) {
        let cell =
            |value: f64| if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") };
        text.push_str(&format!("| {what} | {} | {} | {} |\n", cell(a), cell(b), ratio(a, b)));
    }
    let shells = |surface: &Surface| {
        if surface.shells.is_empty() { "none".to_owned() } else { surface.shells.join(" ") }
    };
    text.push_str(&format!(
        "| shells and interpreters | {} | {} | |\n",
        shells(our_surface),
        shells(peer_surface)
    ));
    text
}

/// Least, median and greatest.
pub fn spread<T>(samples: &[T], read: impl Fn(&T) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = samples.iter().map(read).collect();
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first(), values.last()) else { return (0.0, 0.0, 0.0) };
    let middle = values.len() / 2;
    let median =
        if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
    (*low, median, *high)
}

/// How many times `b` is in `a`; nothing when there is no `b`.
pub fn ratio(a: f64, b: f64) -> String {
    if b == 0.0 { String::new() } else { format!("{:.2}", a / b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_number_lies_between_the_two_in_the_middle() {
        let samples: Vec<_> =
            [4.0, 1.0, 2.0, 10.0].map(|pid1_s| Sample { pid1_s, ..Sample::default() }).into();
        let read: fn(&Sample) -> f64 = |sample| sample.pid1_s;
        assert_eq!(spread(&samples, read), (1.0, 3.0, 10.0));
        assert_eq!(spread(&samples[..3], read), (1.0, 2.0, 4.0));
    }

    #[test]
    fn memory_is_read_from_the_probes_line() {
        let memory =
            Memory::parse("probe: info probe: memory when=idle total_kib=9 used_kib=7 huge_pages=madvise");
        assert_eq!((memory.used_kib, memory.huge_pages.as_str(), memory.processes), (7, "madvise", 0));
    }
}
