//! What came before the kernel, as the boot manager and the stub left it in volatile firmware variables.
//!
//! Read once, when the unit `devices` has mounted them: their file system is a module. Nothing depends on them but the
//! log: which set *runs* is told by the verity device.

use std::path::Path;

use sets::Firmware;
use slots::Set;

/// Where the variables appear.
const FOLDER: &str = "/sys/firmware/efi/efivars";
/// The stub's: the firmware's own time, as the Boot Loader Interface has it. systemd's vendor GUID.
const FIRMWARE_TIME: &str =
    "/sys/firmware/efi/efivars/LoaderTimeExecUSec-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// Ample for a decimal number in UTF-16.
const FIRMWARE_TIME_MAX_BYTES: usize = 128;

/// What there is to know. Whatever is missing or makes no sense is left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// From reset to the kernel's start.
    pub firmware_ms: Option<u64>,
    /// The boot manager's own time: without reading the image and without the firmware's verification of it.
    pub bootmgr_ms: Option<u64>,
    /// The set that was started.
    pub set: Option<Set>,
    /// Why that one, in the boot manager's word.
    pub why: Option<String>,
}

/// The variables are there.
pub fn is_there() -> bool {
    sys::mount::is_mounted(Path::new(FOLDER)).is_ok_and(|there| there)
}

/// Reads it. Each variable is a call into the firmware, which takes as long as it takes.
pub fn past() -> Past {
    let firmware = Firmware::default();
    let time = files::read(Path::new(FIRMWARE_TIME), FIRMWARE_TIME_MAX_BYTES).ok();
    let mut past = Past {
        firmware_ms: time.and_then(|variable| firmware_us(&variable)).map(|us| us / 1000),
        set: firmware.booted_set().ok().flatten(),
        ..Past::default()
    };
    past.take_trace(&firmware.boot_trace().ok().flatten().unwrap_or_default());
    past
}

impl Past {
    fn take_trace(&mut self, trace: &[String]) {
        // The last of each kind: a refused set was tried before.
        let last = |verb: &str| {
            trace
                .iter()
                .rfind(|line| line.strip_prefix("bootmgr: ").is_some_and(|rest| rest.starts_with(verb)))
        };
        let number = |text: &str| text.parse::<u64>().ok();
        self.bootmgr_ms =
            last("starting ").and_then(|line| field(line, "own_us")).and_then(number).map(|us| us / 1000);
        self.why = last("trying ").and_then(|line| field(line, "why")).map(str::to_owned);
    }
}

/// `value` of `key=value` among blanks.
fn field<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// An EFI variable's file: four bytes of attributes, then here decimal digits in UTF-16, perhaps with a NUL at the end.
fn firmware_us(variable: &[u8]) -> Option<u64> {
    let (_attributes, text) = variable.split_at_checked(4)?;
    let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String =
        char::decode_utf16(units.take_while(|unit| *unit != 0)).collect::<Result<_, _>>().ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn the_stubs_variable_is_read_with_and_without_its_nul() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let variable = |text: &str| [vec![6, 0, 0, 0], utf16(text)].concat();
        assert_eq!(firmware_us(&variable("1234567\0")), Some(1_234_567));
        assert_eq!(firmware_us(&variable("1234567")), Some(1_234_567));
        assert_eq!(firmware_us(&variable("soon\0")), None);
        assert_eq!(firmware_us(&[6, 0]), None);
    }

    #[test]
    fn the_trace_says_why_the_set_that_started_was_chosen() {
        let mut past = Past::default();
        past.take_trace(&lines(
            "bootmgr: table copies=whole\n\
             bootmgr: set=A state=trial priority=2 tries=3 failures=0\n\
             bootmgr: trying set=A why=highest-priority tries_left=2\n\
             bootmgr: refused set=A why=\"firmware refuses the image: ACCESS_DENIED\"\n\
             bootmgr: trying set=B why=other-refused tries_left=0\n\
             bootmgr: starting set=B version=0.1.0 security_version=1 secure_boot=on own_us=8123 read_us=4000",
        ));
        assert_eq!(past.why.as_deref(), Some("other-refused"));
        assert_eq!(past.bootmgr_ms, Some(8));
    }

    #[test]
    fn a_trace_that_says_nothing_is_no_news() {
        for text in ["", "bootmgr: starting set=A own_us=soon", "starting own_us=1", "bootmgr: tryingwhy=x"] {
            let mut past = Past::default();
            past.take_trace(&lines(text));
            assert_eq!(past, Past::default(), "{text:?}");
        }
    }
}
