//! The machine as the boot choice sees it: one disk, a firmware that verifies and starts images, a few variables,
//! a console, a clock.
//!
//! Two implementations: `firmware/`, the real one, and the disk that loses power of `tests/power`; the fakes of this
//! crate's own tests are a third. Nothing here decides: a method does what its name says or returns why not.

use alloc::vec::Vec;
use core::fmt;

use partition::{Geometry, Partition};
use slots::Set;

/// What [`crate::run`] needs.
pub trait Machine {
    /// Why the machine could not do as it was told. Its `Display` is what a person reads in the trace.
    type Error: core::error::Error + 'static;
    /// Memory that the disk can read into.
    type Memory: AsRef<[u8]> + AsMut<[u8]>;
    /// An image that the firmware has verified and loaded.
    type Image;

    /// Sector size and count of the disk that the boot manager was started from.
    fn disk(&self) -> Geometry;

    /// Memory for `bytes` bytes, in whatever alignment the disk asks for.
    fn memory(&mut self, bytes: usize) -> Result<Self::Memory, Self::Error>;

    /// Fills `into`, whole sectors of [`Machine::memory`], from sector `lba` on.
    fn read(&mut self, lba: u64, into: &mut [u8]) -> Result<(), Self::Error>;

    /// Writes whole sectors from `lba` on. They need not be durable before [`Machine::flush`] returns.
    fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Self::Error>;

    /// Makes everything written so far durable.
    fn flush(&mut self) -> Result<(), Self::Error>;

    /// Has the firmware verify `image`, which was read from `partition`, and load it. An error is a refusal; the
    /// firmware keeps nothing of a refused image.
    fn load(&mut self, partition: &Partition, image: &[u8]) -> Result<Self::Image, Self::Error>;

    /// The firmware's own copy of an image, laid out in memory: what was verified, and what will run.
    fn loaded<'a>(&'a self, image: &'a Self::Image) -> &'a [u8];

    /// Starts an image.
    fn start(&mut self, image: &Self::Image) -> Handover<Self::Error>;

    /// Gives the memory of an image back that is not (any longer) to run.
    fn unload(&mut self, image: Self::Image);

    /// The variable `SecurityFloor`, if there is one.
    fn floor(&mut self) -> Result<Option<StoredFloor>, Self::Error>;

    /// Sets `SecurityFloor`: non-volatile, boot services only.
    fn set_floor(&mut self, bytes: [u8; 4]) -> Result<(), Self::Error>;

    /// Deletes `SecurityFloor`.
    fn delete_floor(&mut self) -> Result<(), Self::Error>;

    /// Whether the firmware verifies what it loads.
    fn secure_boot(&self) -> SecureBoot;

    /// Prints one line of the trace on the console, without its newline.
    fn say(&mut self, line: &str);

    /// Sets the volatile variables `BootedSet` and `BootTrace`, for the system that is about to start.
    fn publish(&mut self, booted: Set, trace: &str) -> Result<(), Self::Error>;

    /// Arms a hardware watchdog, so that a hang of what is about to start ends in a reset. `None`: there is none
    /// that we know.
    fn arm_watchdog(&mut self) -> Option<Watchdog>;

    /// Microseconds since the boot manager began.
    fn now_us(&self) -> u64;
}

/// How [`Machine::start`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover<E> {
    /// The system took the machine. Only a simulated machine lives to see this.
    Taken,
    /// The image gave up and returned.
    Returned(E),
}

/// A variable as the firmware keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFloor {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether a running system can see, and so could have set, it.
    pub runtime_access: bool,
}

/// What the firmware does about signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureBoot {
    /// Everything it loads is verified.
    On,
    /// Nothing is verified.
    Off,
    /// Nothing is verified, and anybody may enrol keys.
    Setup,
}

impl fmt::Display for SecureBoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Setup => "setup",
        })
    }
}

/// An armed watchdog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchdog {
    /// What it is.
    pub name: &'static str,
    /// It resets the machine after so many seconds in which nobody feeds it.
    pub timeout_s: u32,
}
