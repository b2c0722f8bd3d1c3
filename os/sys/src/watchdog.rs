//! The hardware watchdog (Documentation/watchdog/watchdog-api.rst, linux/watchdog.h): a timer that resets the machine
//! unless it is fed in time.
//!
//! Opening the device starts the timer. Closing it otherwise than by [`Watchdog::stop`] leaves the timer running, so a
//! holder that dies takes the machine with it, in time. Only one process can have it open.
#![allow(unsafe_code)]

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::io::FdFlags;
use rustix::ioctl::{Getter, NoArg, Opcode, Updater, ioctl, opcode};

/// The first watchdog that a driver registered; the numbered ones are others.
const DEVICE: &str = "/dev/watchdog";

/// `struct watchdog_info`
#[repr(C)]
struct Info {
    options: u32,
    firmware_version: u32,
    identity: [u8; 32],
}

const GET_SUPPORT: Opcode = opcode::read::<Info>(b'W', 0);
const GET_BOOT_STATUS: Opcode = opcode::read::<i32>(b'W', 2);
/// It takes no argument, whatever its number says.
const KEEP_ALIVE: Opcode = opcode::read::<i32>(b'W', 5);
const SET_TIMEOUT: Opcode = opcode::read_write::<i32>(b'W', 6);
const GET_TIMEOUT: Opcode = opcode::read::<i32>(b'W', 7);

/// WDIOF_CARDRESET: the watchdog caused the last restart.
const CARD_RESET: i32 = 0x20;

/// A running watchdog.
#[derive(Debug)]
pub struct Watchdog(File);

impl Watchdog {
    /// Opens the machine's watchdog, which starts it. None when the machine has none (or no driver for it yet).
    pub fn open() -> io::Result<Option<Self>> {
        Self::open_at(Path::new(DEVICE))
    }

    fn open_at(path: &Path) -> io::Result<Option<Self>> {
        let opened = File::options().write(true).open(path);
        match opened {
            Ok(file) => Self::of(file.into()).map(Some),
            // No node, or a node whose driver has gone.
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(err) if err.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// A watchdog that was opened before, by another program. Fails on a descriptor of anything else.
    pub fn of(fd: OwnedFd) -> io::Result<Self> {
        let watchdog = Self(fd.into());
        watchdog.info()?;
        Ok(watchdog)
    }

    /// What its driver calls it.
    pub fn identity(&self) -> io::Result<String> {
        let info = self.info()?;
        let length = info.identity.iter().position(|byte| *byte == 0).unwrap_or(info.identity.len());
        Ok(String::from_utf8_lossy(&info.identity[..length]).into_owned())
    }

    /// Whether it was this watchdog that last restarted the machine; false also when its driver cannot tell.
    pub fn has_fired(&self) -> bool {
        // SAFETY: the request writes an int, which is what Getter passes; the kernel keeps no pointer to it.
        let status = unsafe { ioctl(self, Getter::<GET_BOOT_STATUS, i32>::new()) };
        status.is_ok_and(|status| status & CARD_RESET != 0)
    }

    /// Resets the machine so long after the last feed, in seconds.
    pub fn timeout_s(&self) -> io::Result<u32> {
        // SAFETY: as in `has_fired`.
        let seconds = unsafe { ioctl(self, Getter::<GET_TIMEOUT, i32>::new()) }?;
        u32::try_from(seconds).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Changes the timeout, which feeds it too. Returns what the hardware made of the wish.
    pub fn set_timeout_s(&self, seconds: u32) -> io::Result<u32> {
        let mut seconds = i32::try_from(seconds).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the request reads and writes an int, which lives until the call returns; the kernel keeps no
        // pointer to it.
        unsafe { ioctl(self, Updater::<SET_TIMEOUT, i32>::new(&mut seconds)) }?;
        u32::try_from(seconds).map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Starts its time anew.
    pub fn feed(&self) -> io::Result<()> {
        // SAFETY: the request takes no argument.
        Ok(unsafe { ioctl(self, NoArg::<KEEP_ALIVE>::new()) }?)
    }

    /// Lets the program that this process executes next have it, at the number returned.
    pub fn leave_open(self) -> io::Result<RawFd> {
        rustix::io::fcntl_setfd(&self.0, FdFlags::empty())?;
        Ok(std::os::fd::IntoRawFd::into_raw_fd(self.0))
    }

    /// Stops it in order: the one way to let go of it without a reset (the character V, then close).
    pub fn stop(mut self) -> io::Result<()> {
        self.0.write_all(b"V")
    }

    fn info(&self) -> io::Result<Info> {
        // SAFETY: the request writes a `struct watchdog_info`, which `Info` mirrors (plain numbers: any bytes are a
        // value); the kernel keeps no pointer to it.
        Ok(unsafe { ioctl(self, Getter::<GET_SUPPORT, Info>::new()) }?)
    }
}

impl AsFd for Watchdog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Watchdog {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_numbers_are_the_kernels() {
        // WDIOC_GETSUPPORT, GETBOOTSTATUS, KEEPALIVE, SETTIMEOUT, GETTIMEOUT, as strace prints them on x86-64.
        let numbers = [GET_SUPPORT, GET_BOOT_STATUS, KEEP_ALIVE, SET_TIMEOUT, GET_TIMEOUT];
        assert_eq!(numbers, [0x8028_5700, 0x8004_5702, 0x8004_5705, 0xc004_5706, 0x8004_5707]);
    }

    #[test]
    fn a_machine_without_one_has_none_and_nothing_else_passes_for_one() {
        assert!(Watchdog::open_at(Path::new("/nonexistent/watchdog")).unwrap().is_none());
        let null = File::options().write(true).open("/dev/null").unwrap();
        assert!(Watchdog::of(null.into()).is_err());
        assert!(Watchdog::open_at(Path::new("/dev/null")).is_err());
    }
}
