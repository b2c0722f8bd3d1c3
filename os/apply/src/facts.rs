//! What renderers must know of this host.

use std::path::Path;

use render::Facts;

/// Small text files of the image and the kernel.
const BYTES: usize = 64 << 10;

/// The facts of the host below `root`. What cannot be read is not known; an image of no known variant is standalone.
pub fn facts(root: &Path) -> Facts {
    let text = |path: &str| files::read_text(&root.join(path), BYTES).unwrap_or_default();
    let os_release = text("usr/lib/os-release");
    let name = variant_name(&os_release);
    Facts {
        variant: name.parse().unwrap_or_default(),
        kubernetes_minor: minor(name),
        cpus: cpus(&text("sys/devices/system/cpu/online")),
        memory_mib: memory_mib(&text("proc/meminfo")),
    }
}

/// os-release(5).
fn variant_name(os_release: &str) -> &str {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VARIANT_ID="));
    value.unwrap_or_default().trim_matches('"')
}

/// The 31 of `kubernetes-1.31`.
fn minor(variant_name: &str) -> u32 {
    let words = variant_name.split('-').find_map(|word| word.strip_prefix("1.")?.parse().ok());
    words.unwrap_or(0)
}

/// A list of ranges: `0-3,8`.
fn cpus(online: &str) -> u32 {
    let count = |range: &str| -> Option<u32> {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.checked_add(1)
    };
    online.trim().split(',').filter_map(count).fold(0, u32::saturating_add)
}

/// proc_meminfo(5).
fn memory_mib(meminfo: &str) -> u64 {
    let kib = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    kib.map_or(0, |kib: u64| kib >> 10)
}

#[cfg(test)]
mod tests {
    use super::{cpus, memory_mib, minor, variant_name};

    #[test]
    fn facts_are_read_as_the_kernel_and_the_image_write_them() {
        for (text, want) in [("0\n", 1), ("0-3\n", 4), ("0-3,8,10-11\n", 7), ("", 0), ("3-1", 0), ("x", 0)] {
            assert_eq!(cpus(text), want, "{text:?}");
        }
        assert_eq!(memory_mib("MemTotal:        2035264 kB\nMemFree: 1 kB\n"), 1987);
        assert_eq!(memory_mib(""), 0);
        let name = variant_name("ID=gantry\nVARIANT_ID=\"kubernetes-1.31\"\n");
        assert_eq!((name, minor(name)), ("kubernetes-1.31", 31));
        assert_eq!((variant_name("ID=gantry\n"), minor("")), ("", 0));
        assert_eq!((minor("kubernetes-1.33-fips"), minor("standalone"), minor("kubernetes-1.x")), (33, 0, 0));
    }

    #[test]
    fn an_image_without_a_known_variant_is_standalone() {
        assert_eq!(super::facts(std::path::Path::new("/nonexistent")), render::Facts::default());
    }
}
