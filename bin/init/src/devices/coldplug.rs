//! The devices that are there already: the `modalias` of every device on every bus.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// The kernel gives a page at most.
const ALIAS_MAX: usize = 4096;

/// Buses whose devices are passed over.
///
/// `cpu`: answers are KVM (a second under emulation, of use only to a host that was told to run virtual machines),
/// profiling counters, and ciphers that the kernel's own requests bring in; those that the root itself needs are in
/// the initramfs.
const PASSED_OVER: &[&str] = &["cpu"];

/// Each kind of device once. What cannot be read is left out: a device may go away while we look.
pub fn aliases(sys: &Path) -> BTreeSet<String> {
    let mut aliases = BTreeSet::new();
    for bus in names(&sys.join("bus")) {
        if PASSED_OVER.contains(&bus.as_str()) {
            continue;
        }
        let devices = sys.join("bus").join(&bus).join("devices");
        for device in names(&devices) {
            if let Ok(alias) = files::read_text(&devices.join(device).join("modalias"), ALIAS_MAX) {
                aliases.insert(alias.trim().to_owned());
            }
        }
    }
    aliases.remove("");
    aliases
}

fn names(folder: &Path) -> Vec<String> {
    let listed = || -> io::Result<_> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    listed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::aliases;
    use std::fs;

    #[test]
    fn each_kind_of_device_is_found_once_and_cpus_are_passed_over() {
        let sys = std::env::temp_dir().join(format!("coldplug-{}", std::process::id()));
        for (device, alias) in
            [("pci/devices/a", "pci:v1\n"), ("pci/devices/b", "pci:v1\n"), ("cpu/devices/cpu0", "cpu:x\n")]
        {
            let folder = sys.join("bus").join(device);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("modalias"), alias).unwrap();
        }
        fs::create_dir_all(sys.join("bus/usb/devices/no-alias")).unwrap();
        assert_eq!(aliases(&sys).into_iter().collect::<Vec<_>>(), ["pci:v1"]);
        fs::remove_dir_all(&sys).unwrap();
    }
}
