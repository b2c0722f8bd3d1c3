//! The hardware watchdog from the first moment in which its driver can be there to PID 1's first turn.
//!
//! The boot manager has armed it before the kernel; its driver, when loaded, disarms it. So that the gap is short, and so
//! that no other driver's hang falls into it, a thread of its own loads that driver and arms the device again at once.
//! Only drivers of devices that are there are loaded: the kernel's check of three signatures would cost every machine 7 %
//! of the way to PID 1. A machine without a watchdog boots just so.

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::path::Path;

use supervise::watchdog::STAGE1_TIMEOUT_S;
use sys::kmsg::{Level, Writer};
use sys::watchdog::Watchdog;

use super::modules::Files;

/// What all of them need.
const CORE: &str = "watchdog";
/// Drivers, and where the device shows: bus, and the beginning of its modalias.
const DRIVERS: &[(&str, &str, &str)] = &[
    // QEMU's.
    ("i6300esb", "pci", "pci:v00008086d000025AB"),
    // Whatever the firmware describes in the ACPI table WDAT: most servers.
    ("wdat_wdt", "platform", "platform:wdat_wdt"),
];
/// The kernel gives a page at most.
const ALIAS_MAX: usize = 4096;

/// Whether a module is loaded by [`Guard::arm`], and not with the others.
pub fn is_driver(module: &str) -> bool {
    module == CORE || DRIVERS.iter().any(|(driver, ..)| *driver == module)
}

/// The watchdog, once there is one.
#[derive(Default)]
pub struct Guard {
    device: Option<Watchdog>,
}

impl Guard {
    /// Loads the drivers of the watchdogs that are there, and arms the first.
    pub fn arm(files: &Files, command_line: &str) -> Self {
        let sys = Path::new("/sys");
        let mut guard = Self::default();
        for (driver, ..) in DRIVERS.iter().filter(|(_, bus, alias)| has_device(sys, bus, alias)) {
            for module in [CORE, driver] {
                if let Err(err) = files.load_named(module, command_line) {
                    warn(&format_args!("watchdog driver not loaded why={:?}", files::chain(&err)));
                }
            }
            guard.look();
        }
        guard
    }

    /// Arms it, if its driver is there and it was not armed before.
    pub fn look(&mut self) {
        if self.device.is_some() {
            return;
        }
        match Watchdog::open() {
            Ok(None) => {}
            Ok(Some(device)) => {
                // Refused, the driver's own timeout holds: half a minute with both that we load.
                let _ = device.set_timeout_s(STAGE1_TIMEOUT_S);
                self.device = Some(device);
            }
            Err(err) => warn(&format_args!("watchdog cannot be armed why=\"{err}\"")),
        }
    }

    /// Feeds it: a step is done that may have taken long.
    pub fn feed(&self) {
        if let Some(Err(err)) = self.device.as_ref().map(Watchdog::feed) {
            warn(&format_args!("watchdog cannot be fed why=\"{err}\""));
        }
    }

    /// Leaves it to the program executed next, at the number returned; fed once more.
    pub fn hand_over(self) -> Option<RawFd> {
        self.feed();
        match self.device?.leave_open() {
            Ok(number) => Some(number),
            Err(err) => {
                warn(&format_args!("watchdog cannot be handed over why=\"{err}\""));
                None
            }
        }
    }
}

/// Whether a device on this bus has a modalias that begins so.
fn has_device(sys: &Path, bus: &str, alias: &str) -> bool {
    let devices = || -> io::Result<_> { fs::read_dir(sys.join("bus").join(bus).join("devices"))?.collect() };
    let devices: Vec<fs::DirEntry> = devices().unwrap_or_default();
    devices.iter().any(|device| {
        let modalias = files::read_text(&device.path().join("modalias"), ALIAS_MAX);
        modalias.is_ok_and(|text| text.starts_with(alias))
    })
}

fn warn(text: &dyn std::fmt::Display) {
    if let Ok(log) = Writer::open() {
        log.write(Level::Warning, "init", text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_device_that_is_there_wants_its_driver() {
        let sys = std::env::temp_dir().join(format!("watchdogs-{}", std::process::id()));
        for (device, alias) in [
            ("pci/devices/0000:00:04.0", "pci:v00008086d000025ABsv00001AF4sd00001100bc08sc80i00\n"),
            ("platform/devices/serial8250", "platform:serial8250\n"),
        ] {
            let folder = sys.join("bus").join(device);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("modalias"), alias).unwrap();
        }
        fs::create_dir_all(sys.join("bus/pci/devices/0000:00:05.0")).unwrap();
        let wanted = DRIVERS.iter().filter(|(_, bus, alias)| has_device(&sys, bus, alias));
        assert_eq!(wanted.map(|(driver, ..)| *driver).collect::<Vec<_>>(), ["i6300esb"]);
        assert!(!has_device(&sys.join("nowhere"), "pci", "pci:"));
        fs::remove_dir_all(&sys).unwrap();
    }

    #[test]
    fn the_drivers_are_loaded_apart_from_the_rest() {
        assert!(["watchdog", "i6300esb", "wdat_wdt"].into_iter().all(is_driver));
        assert!(!is_driver("virtio_blk"));
    }
}
