//! When the stub started and when it handed over, for the boot timeline: two volatile variables of the Boot Loader
//! Interface, which user space reads through efivarfs.
#![allow(unsafe_code)]

use core::arch::x86_64::{__cpuid, _rdtsc};
use core::time::Duration;

use stub::clock;
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CStr16, boot, cstr16, guid};

/// Vendor GUID of the Boot Loader Interface.
const LOADER: VariableVendor = VariableVendor(guid!("4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"));
const STARTED: &CStr16 = cstr16!("LoaderTimeInitUSec");
const HANDED_OVER: &CStr16 = cstr16!("LoaderTimeExecUSec");
/// Long enough to be exact to a few percent, short enough not to matter.
const STALL: Duration = Duration::from_millis(1);
const LEAF_CRYSTAL: u32 = 0x15;

/// A value of the time stamp counter.
pub struct Stamp(u64);

impl Stamp {
    pub fn now() -> Self {
        // SAFETY: every x86-64 processor has RDTSC, and firmware runs where it is allowed.
        Self(unsafe { _rdtsc() })
    }
}

/// Sets both variables. A failure costs a line in the timeline, no more. The time at which a boot manager
/// before us started is not overwritten.
pub fn publish(started: &Stamp) {
    let Some(hertz) = hertz() else { return };
    if !runtime::variable_exists(STARTED, &LOADER).unwrap_or(false) {
        set(STARTED, started, hertz);
    }
    set(HANDED_OVER, &Stamp::now(), hertz);
}

fn set(name: &CStr16, stamp: &Stamp, hertz: u64) {
    let volatile = VariableAttributes::BOOTSERVICE_ACCESS | VariableAttributes::RUNTIME_ACCESS;
    let text = clock::variable_text(clock::microseconds(stamp.0, hertz));
    // Nothing to be done about a firmware that refuses; the boot goes on.
    let _ = runtime::set_variable(name, &LOADER, volatile, &text);
}

fn hertz() -> Option<u64> {
    if __cpuid(0).eax >= LEAF_CRYSTAL {
        let leaf = __cpuid(LEAF_CRYSTAL);
        if let Some(hertz) = clock::hertz_from_crystal(leaf.eax, leaf.ebx, leaf.ecx) {
            return Some(hertz);
        }
    }
    let before = Stamp::now();
    boot::stall(STALL);
    clock::hertz_from_stall(Stamp::now().0.wrapping_sub(before.0), STALL.as_micros() as u64)
}
