//! The boot manager's side towards the firmware.
//!
//! The firmware's own watchdog (five minutes, UEFI 2.10, 3.1.2) stays on: what hangs here ends in a reset too.

mod disk;
mod enrol;
mod entry;
mod esp;
mod fault;
mod flush;
mod images;
mod machine;
mod pages;
mod variables;
mod watchdog;

use core::panic::PanicInfo;
use core::time::Duration;

use bootmgr::{PAUSE_S, SecureBoot};
use platform::{Chain, Clock, say};
use uefi::runtime::{self, ResetType};
use uefi::{Status, boot, entry};

use disk::Disk;
use machine::Firmware;

#[entry]
fn main() -> Status {
    let clock = Clock::start();
    clock.publish_started();
    match Disk::of_own_image() {
        Ok(disk) => {
            let secure_boot = match variables::secure_boot() {
                SecureBoot::Setup => enrol::if_asked(),
                known => known,
            };
            if !disk.is_removable() {
                entry::ensure(disk.own_partition());
            }
            // It returns when nothing bootable is left, and has said why.
            let _ = bootmgr::run(&mut Firmware::new(disk, clock, secure_boot));
        }
        Err(fault) => say!("bootmgr: {}; resetting in {PAUSE_S} s", Chain(&fault)),
    }
    // Not back to the firmware: it would go on to other disks and the network, where nobody expects this machine to start from.
    boot::stall(Duration::from_secs(PAUSE_S.into()));
    reset()
}

fn reset() -> ! {
    runtime::reset(ResetType::COLD, Status::SUCCESS, None)
}

/// A bug must not leave the machine hanging: a reset spends the try that was paid before.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    platform::panicked("bootmgr", info)
}
