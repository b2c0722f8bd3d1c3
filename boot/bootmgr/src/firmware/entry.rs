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
    // One that cannot be read is not one that is absent: writing it anew would lose what it says.
    let Ok(order) = global(cstr16!("BootOrder")) else { return };
    let order = numbers(&order.unwrap_or_default());
    let starts_copy = |option: &[u8]| path::option_starts(option, partition, COPY);
    let known = |number: &u16| global(&name(*number).ok()?).ok()?;
    if order.iter().filter_map(known).any(|option| starts_copy(&option)) {
        return;
    }
    // Not in the order, but there: somebody took it out, and will have had a reason. Numbers are searched up to the first
    // unused one, which is where a new option goes.
    for number in 0..=u16::MAX {
        let Ok(name) = name(number) else { return };
        match global(&name) {
            Ok(Some(option)) if !starts_copy(&option) => {}
            Ok(None) => {
                if make(number, partition, &order).is_ok() {
                    say!("bootmgr: boot option {name} made for {COPY}");
                }
                return;
            }
            Ok(Some(_)) | Err(_) => return,
        }
    }
}

fn make(number: u16, partition: &[u8], order: &[u16]) -> Result {
    let current = global(cstr16!("BootCurrent")).ok().flatten();
    let current = current.and_then(|current| numbers(&current).first().copied());
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
