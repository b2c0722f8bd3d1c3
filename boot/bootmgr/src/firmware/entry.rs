//! A boot option for the second copy on the ESP, so that either copy suffices.
//!
//! The firmware finds `\EFI\BOOT\BOOTX64.EFI` by itself. The other copy it starts only when told to. Made once, right behind
//! the option that started us; never twice for one partition, and not for a disk that can be pulled out, for it would
//! leave its options in every machine it visits. Failing costs nothing but the second copy's use.

use alloc::format;
use alloc::vec::Vec;

use bootmgr::path;
use platform::say;
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CString16, Result, Status, cstr16};

use super::variables::global;

/// The copy that the firmware does not find by itself.
const COPY: &str = "\\EFI\\gantry\\bootmgr.efi";
const DESCRIPTION: &str = "Gantry";

/// Makes the option where there is none. `partition` is the ESP's node.
pub fn ensure(partition: &[u8]) {
    let order = numbers(global(cstr16!("BootOrder")).as_deref().unwrap_or_default());
    let starts_copy = |number: u16| {
        let name = name(number).ok();
        let option = name.and_then(|name| global(&name));
        option.is_some_and(|option| path::option_starts(&option, partition, COPY))
    };
    if order.iter().any(|number| starts_copy(*number)) {
        return;
    }
    // Not in the order, but there: somebody took it out, and will have had a reason. Numbers are searched up to the first
    // unused one, which is where a new option goes.
    for number in 0..=u16::MAX {
        if name(number).is_ok_and(|name| global(&name).is_none()) {
            if make(number, partition, &order).is_ok() {
                say!("bootmgr: boot option Boot{number:04X} made for {COPY}");
            }
            return;
        }
        if starts_copy(number) {
            return;
        }
    }
}

fn make(number: u16, partition: &[u8], order: &[u16]) -> Result {
    let current = global(cstr16!("BootCurrent")).map(|current| numbers(&current));
    let current = current.and_then(|current| current.first().copied());
    let option = path::boot_option(DESCRIPTION, &path::file_on(partition, COPY));
    let order = path::order_with(order, current, number);
    let order: Vec<u8> = order.into_iter().flat_map(u16::to_le_bytes).collect();
    let attributes = VariableAttributes::NON_VOLATILE
        | VariableAttributes::BOOTSERVICE_ACCESS
        | VariableAttributes::RUNTIME_ACCESS;
    let set = |name: &uefi::CStr16, value: &[u8]| {
        runtime::set_variable(name, &VariableVendor::GLOBAL_VARIABLE, attributes, value)
    };
    set(&name(number)?, &option)?;
    set(cstr16!("BootOrder"), &order)
}

fn name(number: u16) -> Result<CString16> {
    CString16::try_from(format!("Boot{number:04X}").as_str()).map_err(|_| Status::INVALID_PARAMETER.into())
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}
