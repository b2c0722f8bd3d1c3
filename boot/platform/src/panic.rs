//! The end of a program that has a bug.

use core::panic::PanicInfo;

use uefi::Status;
use uefi::runtime::{self, ResetType};

use crate::say;

/// Prints what happened and resets the machine; for a program's `#[panic_handler]`.
pub fn panicked(program: &str, info: &PanicInfo<'_>) -> ! {
    say!("{program}: {info}");
    runtime::reset(ResetType::COLD, Status::ABORTED, None)
}
