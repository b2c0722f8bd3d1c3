//! The hardware watchdog i6300ESB, as QEMU and some servers have it, through the firmware's PCI I/O protocol.
//!
//! Facts: Intel 6300ESB I/O Controller Hub datasheet, 16 (and Linux's drivers/watchdog/i6300esb.c). Two timers run one after
//! the other; the second one's end resets the machine. Linux's driver takes it over, and PID 1 feeds it.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr;

use bootmgr::Watchdog;
use uefi::boot;
use uefi::proto::unsafe_protocol;
use uefi::{Status, StatusExt};

use super::fault::Fault;

/// From here to the first feeding by PID 1: firmware's hand-over, kernel, initramfs. A slow machine takes 20 s.
const TIMEOUT_S: u32 = 60;

const DEVICE: u32 = 0x25ab_8086;
/// Configuration space.
mod config {
    pub const ID: u32 = 0x00;
    /// Word: bit 5 disables the reset, bit 2 the fast clock, bits 0 and 1 the interrupt of the first timer.
    pub const SETUP: u32 = 0x60;
    /// Byte: bit 0 locks, bit 1 runs.
    pub const LOCK: u32 = 0x68;
}
/// Reset at the end of the second timer, clock of about 1 kHz, no interrupt in between.
const SETUP_RESET_ONLY: u16 = 0x0003;
const LOCK_STOPPED: u8 = 0x00;
const LOCK_LOCKED: u8 = 0x01;
const LOCK_RUNNING: u8 = 0x02;
/// Memory space of BAR 0.
mod memory {
    pub const TIMER_1: u64 = 0x00;
    pub const TIMER_2: u64 = 0x04;
    pub const RELOAD: u64 = 0x0c;
}
const RELOAD_NOW: u16 = 0x0100;
/// Must be written to RELOAD before any register is, each time.
const UNLOCK: [u16; 2] = [0x80, 0x86];
/// Ticks of one timer per second of the whole time-out: two timers, about 1 kHz.
const TICKS_PER_S: u32 = 512;

/// Arms the first one there is. `None` as well when it cannot be armed.
pub fn arm() -> Option<Watchdog> {
    let handles = boot::find_handles::<PciIo>().ok()?;
    let mut device = handles.into_iter().find_map(|handle| {
        let mut pci = platform::open::<PciIo>(handle).ok()?;
        (pci.read_config::<u32>(config::ID) == Ok(DEVICE)).then_some(pci)
    })?;
    start(&mut device).ok()?;
    Some(Watchdog { name: "i6300esb", timeout_s: TIMEOUT_S })
}

fn start(pci: &mut PciIo) -> Result<(), Fault> {
    pci.enable_memory()?;
    // Locked means that somebody before us made it run for good: feeding is all that is left.
    if pci.read_config::<u8>(config::LOCK)? & LOCK_LOCKED == 0 {
        pci.write_config(config::LOCK, LOCK_STOPPED)?;
        pci.write_config(config::SETUP, SETUP_RESET_ONLY)?;
    }
    for timer in [memory::TIMER_1, memory::TIMER_2] {
        unlock(pci)?;
        pci.write_memory(timer, TIMEOUT_S * TICKS_PER_S)?;
    }
    unlock(pci)?;
    pci.write_memory(memory::RELOAD, RELOAD_NOW)?;
    pci.write_config(config::LOCK, LOCK_RUNNING)?;
    Ok(())
}

fn unlock(pci: &mut PciIo) -> Result<(), Fault> {
    UNLOCK.into_iter().try_for_each(|key| pci.write_memory(memory::RELOAD, key))
}

/// EFI_PCI_IO_PROTOCOL (UEFI 2.10, 14.4), as far as we call it.
#[repr(C)]
#[unsafe_protocol("4cf5b200-68b8-4ca5-9eec-b23e3f50029a")]
struct PciIo {
    poll: [*const c_void; 2],
    memory_read: MemoryAccess,
    memory_write: MemoryAccess,
    ports: [*const c_void; 2],
    config_read: ConfigAccess,
    config_write: ConfigAccess,
    copy_map_and_flush: [*const c_void; 6],
    get_location: *const c_void,
    attributes:
        unsafe extern "efiapi" fn(*mut PciIo, operation: u32, attributes: u64, result: *mut u64) -> Status,
}

type MemoryAccess = unsafe extern "efiapi" fn(
    this: *mut PciIo,
    width: u32,
    bar: u8,
    offset: u64,
    count: usize,
    buffer: *mut c_void,
) -> Status;

type ConfigAccess = unsafe extern "efiapi" fn(
    this: *mut PciIo,
    width: u32,
    offset: u32,
    count: usize,
    buffer: *mut c_void,
) -> Status;

/// EfiPciIoAttributeOperationEnable.
const ENABLE: u32 = 2;
/// EFI_PCI_IO_ATTRIBUTE_MEMORY.
const MEMORY_SPACE: u64 = 0x0200;

/// What a register holds: EfiPciIoWidthUint8, 16 and 32.
trait Register: Copy + Default {
    const WIDTH: u32;
}

impl Register for u8 {
    const WIDTH: u32 = 0;
}

impl Register for u16 {
    const WIDTH: u32 = 1;
}

impl Register for u32 {
    const WIDTH: u32 = 2;
}

impl PciIo {
    fn enable_memory(&mut self) -> Result<(), Fault> {
        // SAFETY: the firmware's own interface; a null result is allowed for this operation.
        let status = unsafe { (self.attributes)(self, ENABLE, MEMORY_SPACE, ptr::null_mut()) };
        Ok(status.to_result()?)
    }

    fn read_config<T: Register>(&mut self, offset: u32) -> Result<T, Fault> {
        let mut value = T::default();
        // SAFETY: one register of the width of `value`.
        let status =
            unsafe { (self.config_read)(self, T::WIDTH, offset, 1, ptr::from_mut(&mut value).cast()) };
        status.to_result()?;
        Ok(value)
    }

    fn write_config<T: Register>(&mut self, offset: u32, mut value: T) -> Result<(), Fault> {
        // SAFETY: as above; the device is the watchdog, and the registers are its own.
        let status =
            unsafe { (self.config_write)(self, T::WIDTH, offset, 1, ptr::from_mut(&mut value).cast()) };
        Ok(status.to_result()?)
    }

    fn write_memory<T: Register>(&mut self, offset: u64, mut value: T) -> Result<(), Fault> {
        // SAFETY: as above; the firmware checks the offset against BAR 0.
        let status =
            unsafe { (self.memory_write)(self, T::WIDTH, 0, offset, 1, ptr::from_mut(&mut value).cast()) };
        Ok(status.to_result()?)
    }
}
