//! The tables that `xtask run` prints.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use vm::{Api, Image, Timeline};

/// One step of the boot: what it is called, and the milestone that ends it.
const STEPS: &[(&str, &str)] = &[
    ("kernel", "stage1"),
    ("initramfs stage: modules, verified root", "root"),
    ("PID 1 on the root", "pid1"),
    ("data partition", "var"),
    ("containerd started", "containerd-exec"),
    ("containerd answering", "containerd"),
];

/// When each step was reached, and how long after the one before.
pub fn timeline(timeline: &Timeline, containers: &[String]) -> String {
    let mut text =
        format!("{:<44} {:>8} {:>8}\n", "boot timeline (s, since the kernel's start)", "at", "took");
    match timeline.firmware() {
        Some(took) => text.push_str(&format!("{:<44} {:>8} {:>8.2}\n", "firmware", "", took.as_secs_f64())),
        None => text.push_str(&format!("{:<44} {:>8} {:>8}\n", "firmware", "", "unknown")),
    }
    let mut before = Duration::ZERO;
    let steps = STEPS.iter().map(|(what, name)| ((*what).to_owned(), (*name).to_owned()));
    let running =
        containers.iter().map(|name| (format!("container {name} running"), format!("container/{name}")));
    for (what, name) in steps.chain(running) {
        if let Some(at) = timeline.at(&name) {
            let took = at.saturating_sub(before).as_secs_f64();
            text.push_str(&format!("{what:<44} {:>8.2} {took:>8.2}\n", at.as_secs_f64()));
            before = at;
        }
    }
    text
}

/// The probe's reading in MiB.
pub fn memory(line: &str) -> String {
    let mib = |key: &str| figure_kib(line, key).unwrap_or(0) as f64 / 1024.0;
    format!(
        "memory at idle: {:.0} MiB in use of {:.0} (MemTotal - MemAvailable); PSS: our processes {:.1} MiB, containerd {:.1} MiB\n",
        mib("used_kib="),
        mib("total_kib="),
        mib("os_pss_kib="),
        mib("containerd_pss_kib=")
    )
}

/// A number of the probe's line.
pub fn figure_kib(line: &str, key: &str) -> Option<u64> {
    line.split_whitespace().find_map(|fact| fact.strip_prefix(key))?.parse().ok()
}

/// Sizes of what was built; a sparse file counts with what it holds.
pub fn sizes(image: &Image) -> String {
    let mut text = String::from("image sizes:");
    for name in ["root.img", "uki.efi", "disk.qcow2", "disk.img"] {
        if let Ok(meta) = std::fs::metadata(image.file(name)) {
            let held = (meta.blocks() * 512).min(meta.len());
            text.push_str(&format!(" {name} {:.1} MiB,", held as f64 / f64::from(1 << 20)));
        }
    }
    text.trim_end_matches([',', ':']).to_owned()
}

/// The client's command line, to be copied into a shell that stands in this directory.
pub fn client(api: &Api) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let word = |word: String| {
        let short = std::path::Path::new(&word)
            .strip_prefix(&here)
            .map(|path| path.display().to_string())
            .unwrap_or(word);
        let plain = short.chars().all(|c| c.is_ascii_alphanumeric() || "/.:_-+=@".contains(c));
        if plain { short } else { format!("'{}'", short.replace('\'', "'\\''")) }
    };
    api.command_line().into_iter().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_key() {
        let line = "probe: info probe: memory when=idle total_kib=989000 used_kib=71680 os_pss_kib=4096";
        assert_eq!(figure_kib(line, "used_kib="), Some(71680));
        assert_eq!(figure_kib(line, "available_kib="), None);
        assert!(memory(line).starts_with("memory at idle: 70 MiB in use of 966"));
    }
}
