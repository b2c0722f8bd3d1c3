//! Variables: ours (docs/formats/boot-variables.md) and those of the firmware that we read.

use alloc::boxed::Box;
use alloc::string::ToString as _;

use bootmgr::{SecureBoot, StoredFloor};
use slots::Set;
use uefi::runtime::{self, VariableAttributes, VariableVendor};
use uefi::{CStr16, Status, cstr16};

use super::fault::Fault;

const OURS: VariableVendor = VariableVendor(slots::variables::VENDOR);
const FLOOR: &CStr16 = cstr16!("SecurityFloor");
const BOOTED_SET: &CStr16 = cstr16!("BootedSet");
const TRACE: &CStr16 = cstr16!("BootTrace");
/// A boot option is about 200 bytes, everything else less.
const SHORT_BYTES: usize = 512;
/// Out of reach for the running system.
const HIDDEN: VariableAttributes =
    VariableAttributes::NON_VOLATILE.union(VariableAttributes::BOOTSERVICE_ACCESS);
const VOLATILE: VariableAttributes =
    VariableAttributes::BOOTSERVICE_ACCESS.union(VariableAttributes::RUNTIME_ACCESS);

pub fn floor() -> Result<Option<StoredFloor>, Fault> {
    match get(FLOOR, &OURS) {
        Ok((bytes, attributes)) => {
            let runtime_access = attributes.contains(VariableAttributes::RUNTIME_ACCESS);
            Ok(Some(StoredFloor { bytes: bytes.into(), runtime_access }))
        }
        Err(Fault(Status::NOT_FOUND)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

pub fn set_floor(bytes: [u8; 4]) -> Result<(), Fault> {
    Ok(runtime::set_variable(FLOOR, &OURS, HIDDEN, &bytes)?)
}

pub fn delete_floor() -> Result<(), Fault> {
    Ok(runtime::delete_variable(FLOOR, &OURS)?)
}

pub fn publish(booted: Set, trace: &str) -> Result<(), Fault> {
    let booted = replace(BOOTED_SET, booted.to_string().as_bytes());
    let trace = replace(TRACE, trace.as_bytes());
    booted.and(trace)
}

/// One that is there with other attributes, such as a non-volatile one that a host made, stands in the way (UEFI 2.10, 8.2.2)
/// and would be read as ours.
fn replace(name: &CStr16, value: &[u8]) -> Result<(), Fault> {
    let set = || runtime::set_variable(name, &OURS, VOLATILE, value);
    if set().is_ok() {
        return Ok(());
    }
    runtime::delete_variable(name, &OURS)?;
    Ok(set()?)
}

/// Absent variables mean a firmware without Secure Boot (UEFI 2.10, 3.3).
pub fn secure_boot() -> SecureBoot {
    let is_set = |name| matches!(global(name), Ok(Some(value)) if *value == [1]);
    match (is_set(cstr16!("SetupMode")), is_set(cstr16!("SecureBoot"))) {
        (true, _) => SecureBoot::Setup,
        (false, true) => SecureBoot::On,
        (false, false) => SecureBoot::Off,
    }
}

/// One of the specification's own variables, if it is there.
pub fn global(name: &CStr16) -> Result<Option<Box<[u8]>>, Fault> {
    match get(name, &VariableVendor::GLOBAL_VARIABLE) {
        Ok((value, _)) => Ok(Some(value)),
        Err(Fault(Status::NOT_FOUND)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// One call of the firmware where the value is short, as all that we read are: where variables live behind system management
/// mode, each call stops every processor, for milliseconds under emulation.
fn get(name: &CStr16, vendor: &VariableVendor) -> Result<(Box<[u8]>, VariableAttributes), Fault> {
    let mut short = [0; SHORT_BYTES];
    match runtime::get_variable(name, vendor, &mut short) {
        Ok((value, attributes)) => Ok((value.into(), attributes)),
        Err(err) if err.status() == Status::BUFFER_TOO_SMALL => {
            Ok(runtime::get_variable_boxed(name, vendor)?)
        }
        Err(err) => Err(err.into()),
    }
}
