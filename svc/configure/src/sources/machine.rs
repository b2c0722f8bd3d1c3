//! What the machine is, by its firmware: the kernel's `/sys/class/dmi/id` (SMBIOS 3.7, types 0 to 3).
//!
//! Firmware is no proof: what follows from these words is only where to look, and a name that people can tell apart.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::hexadecimal;
use crate::under;

/// Far above any string that firmware holds.
const BYTES: usize = 4096;

/// Serial numbers that say nothing, by a word in them: what vendors ship when nobody filled the field in.
const PLACEHOLDERS: [&str; 8] =
    ["123456789", "default", "filled", "invalid", "none", "not ", "o.e.m", "system serial"];

/// What firmware calls the machine.
#[derive(Debug, Default)]
pub(crate) struct Machine {
    vendor: String,
    bios_vendor: String,
    bios_version: String,
    serials: Vec<String>,
}

impl Machine {
    /// The machine whose `/sys` is below `root`. What cannot be read is empty.
    pub(crate) fn of(root: &Path) -> Machine {
        let word = |name: &str| {
            let path = under(root, "/sys/class/dmi/id").join(name);
            files::read_text(&path, BYTES).unwrap_or_default().trim().to_owned()
        };
        Machine {
            vendor: word("sys_vendor"),
            bios_vendor: word("bios_vendor"),
            bios_version: word("bios_version"),
            // The UUID first: clouds make one for each machine, and give many machines one serial number.
            serials: ["product_uuid", "product_serial", "board_serial", "chassis_serial"].map(word).into(),
        }
    }

    /// Whether it is an instance of EC2: Nitro and bare metal by their vendor, older ones by Xen's version.
    pub(crate) fn is_ec2(&self) -> bool {
        [&self.vendor, &self.bios_vendor].contains(&&"Amazon EC2".to_owned())
            || self.bios_version.ends_with(".amazon")
    }

    /// Whether it is one of VMware's.
    pub(crate) fn is_vmware(&self) -> bool {
        self.vendor.starts_with("VMware")
    }

    /// Eight hexadecimal digits that are the same at every boot and another machine's are not; none for a machine whose firmware
    /// does not tell it from others. Not the serial number itself, which is nobody else's business.
    pub(crate) fn short_id(&self) -> Option<String> {
        let serial = self.serials.iter().find(|serial| tells_apart(serial))?;
        let digest = Sha256::digest(format!("gantry machine {}", serial.to_ascii_lowercase()));
        Some(hexadecimal(digest.get(..4)?))
    }
}

fn tells_apart(serial: &str) -> bool {
    let serial = serial.to_ascii_lowercase();
    let mut letters = serial.chars().filter(char::is_ascii_alphanumeric);
    let first = letters.next();
    let varied = letters.clone().any(|letter| Some(letter) != first);
    varied && letters.count() >= 3 && !PLACEHOLDERS.iter().any(|word| serial.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_are_known_by_what_their_firmware_says() {
        let machine = |vendor: &str, bios_vendor: &str, bios_version: &str| Machine {
            vendor: vendor.into(),
            bios_vendor: bios_vendor.into(),
            bios_version: bios_version.into(),
            serials: Vec::new(),
        };
        for (machine, ec2, vmware) in [
            (machine("Amazon EC2", "Amazon EC2", "1.0"), true, false),
            (machine("Xen", "Xen", "4.11.amazon"), true, false),
            (machine("VMware, Inc.", "Phoenix Technologies LTD", "6.00"), false, true),
            (machine("VMware", "", ""), false, true),
            (machine("QEMU", "EFI Development Kit II / OVMF", "0.0.0"), false, false),
            (machine("Amazon", "", "amazon"), false, false),
            (Machine::default(), false, false),
        ] {
            assert_eq!((machine.is_ec2(), machine.is_vmware()), (ec2, vmware), "{machine:?}");
        }
    }

    #[test]
    fn the_short_id_is_of_the_first_serial_that_says_something() {
        let id = |serials: &[&str]| {
            Machine { serials: serials.iter().map(|&serial| serial.into()).collect(), ..Machine::default() }
                .short_id()
        };
        let uuid = "4c4c4544-0042-3510-8057-b7c04f4a5931";
        assert_eq!(id(&[uuid]).unwrap().len(), 8);
        assert_eq!(id(&[uuid]), id(&["", &uuid.to_uppercase(), "other"]), "in any case of letters");
        assert_ne!(id(&[uuid]), id(&["4c4c4544-0042-3510-8057-b7c04f4a5932"]));
        for nothing in [
            "",
            "00000000-0000-0000-0000-000000000000",
            "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
            "None",
            "Not Specified",
            "To be filled by O.E.M.",
            "Default string",
            "System Serial Number",
            "0123456789",
            "x",
        ] {
            assert_eq!(id(&[nothing]), None, "{nothing}");
        }
        assert_eq!(id(&[]), None);
    }
}
