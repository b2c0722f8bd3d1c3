//! The boot timeline: each milestone once, in milliseconds since the kernel started.

use std::collections::BTreeSet;
use std::path::Path;

use super::journal::Journal;

use crate::clock::boottime_ms;

/// Set by our UKI stub: the firmware's own time, as the Boot Loader Interface has it. systemd's vendor GUID.
const FIRMWARE_TIME: &str =
    "/sys/firmware/efi/efivars/LoaderTimeExecUSec-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Ample for a decimal number in UTF-16.
const FIRMWARE_TIME_MAX_BYTES: usize = 128;
/// Services name milestones too; a host has fewer containers than this, and a broken service must not fill memory.
const MILESTONES_MAX: usize = 1024;

/// What was reached so far.
#[derive(Debug)]
pub struct Timeline {
    journal: Journal,
    reached: BTreeSet<String>,
}

impl Timeline {
    pub fn new(journal: Journal) -> Self {
        Self { journal, reached: BTreeSet::new() }
    }

    /// Stamps what came before this program: the initramfs stage, the start of PID 1.
    pub fn stamp_past(&mut self, started_ms: u64) {
        for (name, variable) in [("stage1", "GANTRY_STAGE1_MS"), ("root", "GANTRY_ROOT_MS")] {
            if let Some(at_ms) = std::env::var(variable).ok().and_then(|text| text.parse().ok()) {
                self.stamp_at(name, at_ms);
            }
        }
        self.stamp_at("pid1", started_ms);
    }

    /// Stamps a milestone as reached now, unless it was before.
    pub fn stamp(&mut self, name: &str) {
        self.stamp_firmware();
        self.stamp_at(name, boottime_ms());
    }

    /// The firmware's time, with the first milestone after the unit `devices` has mounted its variables.
    fn stamp_firmware(&mut self) {
        const NAME: &str = "firmware";
        if self.reached.contains(NAME) {
            return;
        }
        if let Some(took_ms) = firmware_ms() {
            self.reached.insert(NAME.to_owned());
            self.journal.note(&format_args!("milestone name={NAME} took_ms={took_ms}"));
        }
    }

    fn stamp_at(&mut self, name: &str, at_ms: u64) {
        if self.reached.len() < MILESTONES_MAX && self.reached.insert(name.to_owned()) {
            self.journal.note(&format_args!("milestone name={name} at_ms={at_ms}"));
        }
    }
}

fn firmware_ms() -> Option<u64> {
    let variable = files::read(Path::new(FIRMWARE_TIME), FIRMWARE_TIME_MAX_BYTES).ok()?;
    parse_firmware_us(&variable).map(|us| us / 1000)
}

/// An EFI variable's file: four bytes of attributes, then here decimal digits in UTF-16, perhaps with a NUL at the end.
fn parse_firmware_us(variable: &[u8]) -> Option<u64> {
    let (_attributes, text) = variable.split_at_checked(4)?;
    let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String =
        char::decode_utf16(units.take_while(|unit| *unit != 0)).collect::<Result<_, _>>().ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse_firmware_us;

    #[test]
    fn the_stubs_variable_is_read_with_and_without_its_nul() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let variable = |text: &str| [vec![6, 0, 0, 0], utf16(text)].concat();
        assert_eq!(parse_firmware_us(&variable("1234567\0")), Some(1_234_567));
        assert_eq!(parse_firmware_us(&variable("1234567")), Some(1_234_567));
        assert_eq!(parse_firmware_us(&variable("soon\0")), None);
        assert_eq!(parse_firmware_us(&[6, 0]), None);
    }
}
