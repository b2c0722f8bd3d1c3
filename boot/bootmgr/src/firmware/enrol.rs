//! Enrolment of Secure Boot keys, where the ESP asks for it and the firmware is in setup mode.
//!
//! db, then KEK, then PK: setting PK ends setup mode, after which nothing more could be set. A failure before leaves
//! the machine as open as it was.

use platform::say;
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CStr16, Status, cstr16};

use bootmgr::SecureBoot;

use super::esp::Esp;
use super::fault::Fault;
use super::{reset, variables};

/// Its presence is the wish. In setup mode anybody who can write to the ESP could enrol keys anyway; this file keeps us from
/// taking a machine into possession whose owner only tries us out.
const WISH: &CStr16 = cstr16!("\\EFI\\gantry\\enroll");
/// Signed key lists as `cargo xtask keys` writes them (UEFI 2.10, 8.2.2).
const KEYS: [(&CStr16, VariableVendor, &CStr16); 3] = [
    (cstr16!("db"), VariableVendor::IMAGE_SECURITY_DATABASE, cstr16!("\\EFI\\gantry\\keys\\db.auth")),
    (cstr16!("KEK"), VariableVendor::GLOBAL_VARIABLE, cstr16!("\\EFI\\gantry\\keys\\KEK.auth")),
    (cstr16!("PK"), VariableVendor::GLOBAL_VARIABLE, cstr16!("\\EFI\\gantry\\keys\\PK.auth")),
];

/// For firmware in setup mode: enrols and resets, or does nothing. Goes on booting when it fails, in the mode that it returns.
pub fn if_asked() -> SecureBoot {
    let Ok(mut esp) = Esp::open() else { return SecureBoot::Setup };
    if !esp.has(WISH) {
        return SecureBoot::Setup;
    }
    enrol(&mut esp);
    variables::secure_boot()
}

fn enrol(esp: &mut Esp) {
    say!("bootmgr: enrolling Secure Boot keys: the firmware is in setup mode and the ESP has {WISH}");
    for (name, vendor, file) in KEYS {
        let keys = match esp.read(file) {
            Ok(keys) => keys,
            Err(err) => return say!("bootmgr: no keys enrolled: cannot read {file}: {err}"),
        };
        if let Err(err) = set(name, &vendor, &keys) {
            return say!("bootmgr: no keys enrolled: firmware refuses {name} from {file}: {err}");
        }
    }
    // A firmware that took them all and stays in setup mode would otherwise be reset for ever.
    if variables::secure_boot() == SecureBoot::Setup {
        return say!(
            "bootmgr: no keys enrolled: the firmware took them and is still in setup mode; look into its setup"
        );
    }
    // Nor must one that forgets its variables in a reset: the wish is granted once.
    if let Err(err) = esp.delete(WISH) {
        return say!("bootmgr: enrolled db, KEK and PK; no reset, for {WISH} cannot be deleted: {err}");
    }
    say!("bootmgr: enrolled db, KEK and PK; resetting");
    reset()
}

fn set(name: &CStr16, vendor: &VariableVendor, keys: &[u8]) -> Result<(), Fault> {
    if keys.is_empty() {
        return Err(Fault(Status::INVALID_PARAMETER));
    }
    let attributes = VariableAttributes::NON_VOLATILE
        | VariableAttributes::BOOTSERVICE_ACCESS
        | VariableAttributes::RUNTIME_ACCESS
        | VariableAttributes::TIME_BASED_AUTHENTICATED_WRITE_ACCESS;
    Ok(runtime::set_variable(name, vendor, attributes, keys)?)
}
