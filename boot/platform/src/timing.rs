//! The processor's time stamp counter as a clock, and when the firmware programs started and handed over: two volatile
//! variables of the Boot Loader Interface, which user space reads through efivarfs.
#![allow(unsafe_code)]

use core::arch::x86_64::{__cpuid, _rdtsc};
use core::time::Duration;

use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CStr16, boot, cstr16, guid};

use crate::clock;

/// Vendor GUID of the Boot Loader Interface.
const LOADER: VariableVendor = VariableVendor(guid!("4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"));
const STARTED: &CStr16 = cstr16!("LoaderTimeInitUSec");
const HANDED_OVER: &CStr16 = cstr16!("LoaderTimeExecUSec");
/// Long enough to be exact to a few percent, short enough not to matter.
const STALL: Duration = Duration::from_millis(1);
const LEAF_CRYSTAL: u32 = 0x15;

/// Time since reset.
pub struct Clock {
    /// The counter when the program began.
    started: u64,
    /// `None` on a processor whose counter stands still: all times are 0 then.
    hertz: Option<u64>,
}

impl Clock {
    /// To be called first in a program.
    pub fn start() -> Self {
        Self { started: ticks(), hertz: hertz() }
    }

    /// Microseconds from reset to the program's start.
    pub fn started_us(&self) -> u64 {
        self.us(self.started)
    }

    /// Microseconds from reset to now.
    pub fn now_us(&self) -> u64 {
        self.us(ticks())
    }

    fn us(&self, ticks: u64) -> u64 {
        self.hertz.map_or(0, |hertz| clock::microseconds(ticks, hertz))
    }

    /// Says when the first of our programs started: a time that a boot manager before us has set is kept.
    pub fn publish_started(&self) {
        if !runtime::variable_exists(STARTED, &LOADER).unwrap_or(false) {
            self.set(STARTED, self.started_us());
        }
    }

    /// Says that the kernel is entered now.
    pub fn publish_handed_over(&self) {
        self.set(HANDED_OVER, self.now_us());
    }

    /// A failure costs a line in the timeline, no more.
    fn set(&self, name: &CStr16, us: u64) {
        let volatile = VariableAttributes::BOOTSERVICE_ACCESS | VariableAttributes::RUNTIME_ACCESS;
        if self.hertz.is_some() {
            let _ = runtime::set_variable(name, &LOADER, volatile, &clock::variable_text(us));
        }
    }
}

fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has RDTSC, and firmware runs where it is allowed.
    unsafe { _rdtsc() }
}

fn hertz() -> Option<u64> {
    if __cpuid(0).eax >= LEAF_CRYSTAL {
        let leaf = __cpuid(LEAF_CRYSTAL);
        if let Some(hertz) = clock::hertz_from_crystal(leaf.eax, leaf.ebx, leaf.ecx) {
            return Some(hertz);
        }
    }
    let before = ticks();
    boot::stall(STALL);
    clock::hertz_from_stall(ticks().wrapping_sub(before), STALL.as_micros() as u64)
}
