//! Ending and restarting the machine (reboot(2)), and its power button (Documentation/input/input.rst).

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::system::RebootCommand;

/// Switches the machine off. Nothing is flushed: the caller has done so. Returns only when the kernel refused.
pub fn off() -> io::Error {
    refusal(RebootCommand::PowerOff)
}

/// Starts the machine again. Nothing is flushed: the caller has done so. Returns only when the kernel refused.
pub fn restart() -> io::Error {
    refusal(RebootCommand::Restart)
}

fn refusal(command: RebootCommand) -> io::Error {
    match rustix::system::reboot(command) {
        Ok(()) => io::Error::other("the kernel said that it is done"),
        Err(err) => err.into(),
    }
}

/// Has Ctrl-Alt-Del sent to PID 1 as SIGINT, in place of an instant reset.
pub fn own_ctrl_alt_del() -> io::Result<()> {
    Ok(rustix::system::reboot(RebootCommand::CadOff)?)
}

/// An input device with a power key.
#[derive(Debug)]
pub struct Button(File);

/// linux/input-event-codes.h.
const EV_KEY: u16 = 1;
const KEY_POWER: u16 = 116;
/// struct input_event on 64-bit: two longs of time, then type, code, value.
const EVENT_BYTES: usize = 24;

impl Button {
    /// Every input device of the machine that has a power key.
    pub fn all() -> Vec<Self> {
        let Ok(entries) = fs::read_dir("/sys/class/input") else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name());
        let names = names.filter(|name| name.to_string_lossy().starts_with("event"));
        names
            .filter_map(|name| {
                Self::open(&Path::new("/sys/class/input").join(&name), &Path::new("/dev/input").join(&name))
                    .ok()?
            })
            .collect()
    }

    fn open(class: &Path, node: &Path) -> io::Result<Option<Self>> {
        if !has_key(&fs::read_to_string(class.join("device/capabilities/key"))?, KEY_POWER) {
            return Ok(None);
        }
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        File::options().read(true).custom_flags(flags).open(node).map(|file| Some(Self(file)))
    }

    /// Takes the events that came, and says whether one was the power key going down.
    pub fn was_pressed(&mut self) -> io::Result<bool> {
        let mut pressed = false;
        let mut buffer = [0; EVENT_BYTES * 16];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => pressed |= buffer[..length].chunks_exact(EVENT_BYTES).any(is_press),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(pressed),
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => return Err(err),
            }
        }
    }
}

impl AsFd for Button {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether a bit is set in sysfs' form of a bitmap: 64-bit words in hex, the highest first.
fn has_key(bitmap: &str, key: u16) -> bool {
    let word = bitmap.split_whitespace().rev().nth(usize::from(key / 64));
    word.and_then(|word| u64::from_str_radix(word, 16).ok()).is_some_and(|word| word >> (key % 64) & 1 == 1)
}

fn is_press(event: &[u8]) -> bool {
    let number = |at: usize| u16::from_ne_bytes([event[at], event[at + 1]]);
    // The value's low half: 1 is down, 0 up, 2 repeat.
    (number(16), number(18), number(20)) == (EV_KEY, KEY_POWER, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_power_key_is_found_in_the_bitmap() {
        assert!(has_key("10000000000000 0\n", KEY_POWER));
        assert!(!has_key("8000 10000000000000\n", KEY_POWER));
        assert!(!has_key("", KEY_POWER));
    }

    #[test]
    fn only_the_key_going_down_counts() {
        let event = |kind: u16, code: u16, value: u32| {
            let mut bytes = vec![0; 16];
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(code.to_ne_bytes());
            bytes.extend(value.to_ne_bytes());
            bytes
        };
        assert!(is_press(&event(EV_KEY, KEY_POWER, 1)));
        assert!(!is_press(&event(EV_KEY, KEY_POWER, 0)));
        assert!(!is_press(&event(EV_KEY, 30, 1)));
        assert!(!is_press(&event(0, 0, 0)));
    }
}
