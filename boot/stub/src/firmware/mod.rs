//! The stub's side towards the firmware: entry, memory for the kernel, hand-over.
#![allow(unsafe_code)]

mod initrd;
mod measure;

use core::ffi::c_void;
use core::mem;
use core::panic::PanicInfo;
use core::ptr;
use core::slice;

use platform::{Chain, Clock, say};
use stub::payload::{Payload, PayloadFault};
use uefi::boot::{self, AllocateType, MemoryType};
use uefi::{Handle, Status, entry};

const PAGE_BYTES: usize = 4096;
const KIB: usize = 1024;

/// Entry point of an EFI program (UEFI 2.10, 4.1).
type EntryPoint = unsafe extern "efiapi" fn(image: Handle, system_table: *const c_void) -> Status;

#[entry]
fn main() -> Status {
    let clock = Clock::start();
    match boot(&clock) {
        Ok(status) => {
            say!("stub: kernel returned: {status}");
            status
        }
        Err(fault) => {
            say!("stub: {}", Chain(&fault));
            Status::LOAD_ERROR
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum BootFault {
    #[error("cannot find own image")]
    OwnImage(#[source] uefi::Error),
    #[error("cannot use own image")]
    Payload(#[source] PayloadFault),
    #[error("no memory for the kernel")]
    Memory(#[source] uefi::Error),
    #[error("cannot lay the kernel out")]
    LayOut(#[source] pe::KernelFault),
    #[error("cannot offer the initramfs")]
    Initrd(#[source] uefi::Error),
}

/// Starts the kernel. Returns only when it gives up, with its status.
fn boot(clock: &Clock) -> Result<Status, BootFault> {
    let mut loaded = platform::own_image().map_err(BootFault::OwnImage)?;
    let (base, bytes) = loaded.info();
    // SAFETY: the firmware loaded our image there, with this size; nothing writes to the parts we read.
    let image = unsafe { slice::from_raw_parts(base.cast::<u8>(), bytes as usize) };

    let payload = Payload::find(image).map_err(BootFault::Payload)?;
    let kernel = &payload.kernel;
    let memory = kernel_memory(kernel.memory_bytes(), kernel.alignment())?;
    measure::measure(image);
    kernel.lay_out(memory).map_err(BootFault::LayOut)?;
    initrd::offer(payload.initrd).map_err(BootFault::Initrd)?;
    say!("stub: kernel {} KiB, initramfs {} KiB", kernel.memory_bytes() / KIB, payload.initrd.len() / KIB);

    // The kernel learns its place and its command line from the LoadedImage of the handle it is started with
    // (drivers/firmware/efi/libstub/x86-stub.c). Ours is turned into the kernel's, rather than a new one made, so
    // that the firmware still knows the handle when the kernel gives up and calls Exit.
    let options = payload.command_line.leak();
    let (options_before, options_bytes_before) =
        loaded.load_options_as_bytes().map_or((ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    // SAFETY: both point to memory that lives until the kernel ends boot services: it is never freed.
    unsafe {
        loaded.set_image(memory.as_ptr().cast(), memory.len() as u64);
        loaded.set_load_options(options.as_ptr().cast(), mem::size_of_val(options) as u32);
    }
    // SAFETY: the entry point lies in executable pages (checked by `Kernel::parse`), and has this signature in
    // every EFI image.
    let enter: EntryPoint = unsafe { mem::transmute(memory.as_ptr().add(kernel.entry_offset())) };
    let table = uefi::table::system_table_raw().map_or(ptr::null(), |table| table.as_ptr().cast_const());
    clock.publish_started();
    clock.publish_handed_over();
    // SAFETY: as a firmware starts an image: our handle, the real system table, boot services running.
    let status = unsafe { enter(boot::image_handle(), table.cast()) };
    // A kernel that gives up by Exit does not come here, and is unloaded as it is. One that returns leaves us to return: what
    // the firmware and whoever started us find at our handle is our image again.
    // SAFETY: both pointers are the firmware's own, and stood there before.
    unsafe {
        loaded.set_image(base, bytes);
        loaded.set_load_options(options_before, options_bytes_before as u32);
    }
    Ok(status)
}

/// Pages that may hold code, for the whole image. Never freed: the kernel owns them from here on.
fn kernel_memory(bytes: usize, alignment: usize) -> Result<&'static mut [u8], BootFault> {
    let spare = alignment.saturating_sub(PAGE_BYTES);
    let pages = (bytes + spare).div_ceil(PAGE_BYTES);
    let start = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_CODE, pages);
    let start = start.map_err(BootFault::Memory)?;
    let skip = start.as_ptr().align_offset(alignment);
    // SAFETY: the allocation has `bytes + spare` bytes and `skip <= spare`, for pages are page-aligned.
    Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr().add(skip), bytes) })
}

/// A bug must not leave the machine hanging: a reset lets the boot choice count it.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    platform::panicked("stub", info)
}
