//! The initramfs, as the kernel asks for it: a LoadFile2 protocol under Linux's own media device path
//! (Documentation/arch/x86/boot.rst; drivers/firmware/efi/libstub/efi-stub-helper.c).
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;

use uefi::proto::device_path::DevicePath;
use uefi::proto::media::load_file::LoadFile2;
use uefi::{Guid, Handle, Result, Status, boot, guid};
use uefi_raw::Boolean;
use uefi_raw::protocol::device_path::DevicePathProtocol;
use uefi_raw::protocol::media::LoadFile2Protocol;

/// LINUX_EFI_INITRD_MEDIA_GUID.
const LINUX_INITRD: Guid = guid!("5568e427-68fc-4f3d-ac74-ca555231cc68");

/// Header of a vendor media node (UEFI 2.10, 10.3.5.3), and the end node.
const VENDOR_MEDIA: [u8; 4] = [4, 3, 20, 0];
const END: [u8; 4] = [0x7f, 0xff, 4, 0];

/// The protocol comes first: the firmware hands the callback a pointer to it.
#[repr(C)]
struct Offer {
    protocol: LoadFile2Protocol,
    data: *const u8,
    bytes: usize,
}

/// Installs the protocol, in place of any other. `data` must stay where it is until the kernel has ended boot services.
pub fn offer(data: &[u8]) -> Result {
    let path: &'static [u8] = [&VENDOR_MEDIA[..], &LINUX_INITRD.to_bytes(), &END].concat().leak();
    withdraw_others(path)?;
    let protocol = LoadFile2Protocol { load_file };
    let offer: *const Offer = Box::leak(Box::new(Offer { protocol, data: data.as_ptr(), bytes: data.len() }));
    // SAFETY: both interfaces are what their GUIDs say, and are never freed.
    unsafe {
        let handle = boot::install_protocol_interface(None, &DevicePathProtocol::GUID, path.as_ptr().cast())?;
        boot::install_protocol_interface(Some(handle), &LoadFile2Protocol::GUID, offer.cast())?;
    }
    Ok(())
}

/// Withdraws every offer that is there. The kernel takes the first that it finds: one of a stub before us, whose kernel gave up,
/// leads into memory that was given back; one of whoever started us, to an initramfs that nobody verified.
fn withdraw_others(path: &[u8]) -> Result {
    let handles = match boot::find_handles::<LoadFile2>() {
        Err(err) if err.status() == Status::NOT_FOUND => return Ok(()),
        handles => handles?,
    };
    for handle in handles {
        let Some((offer, its_path)) = offer_at(handle, path) else { continue };
        // SAFETY: both interfaces were found on this handle just now. Nobody calls them any more: boot services run one
        // thread, and that is us.
        unsafe {
            boot::uninstall_protocol_interface(handle, &LoadFile2Protocol::GUID, offer)?;
            boot::uninstall_protocol_interface(handle, &DevicePathProtocol::GUID, its_path)?;
        }
    }
    Ok(())
}

/// The interfaces of an offer under this path.
fn offer_at(handle: Handle, path: &[u8]) -> Option<(*const c_void, *const c_void)> {
    let its_path = platform::open::<DevicePath>(handle).ok()?;
    let offer = platform::open::<LoadFile2>(handle).ok()?;
    let (offer, its_path) = (offer.get()?, its_path.get()?);
    let found = (ptr::from_ref(offer).cast(), its_path.as_ffi_ptr().cast());
    (its_path.as_bytes() == path).then_some(found)
}

/// UEFI 2.10, 13.2: tells the size when the buffer is too small, else fills it.
unsafe extern "efiapi" fn load_file(
    this: *mut LoadFile2Protocol,
    path: *const DevicePathProtocol,
    boot_policy: Boolean,
    buffer_bytes: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if this.is_null() || path.is_null() || buffer_bytes.is_null() {
        return Status::INVALID_PARAMETER;
    }
    if boot_policy != Boolean::FALSE {
        return Status::UNSUPPORTED;
    }
    // SAFETY: the firmware calls us with the interface that `offer` installed, which is never freed; the caller
    // owns `buffer_bytes`, and `buffer` when that says so.
    unsafe {
        let offer = &*this.cast::<Offer>();
        let room = buffer_bytes.replace(offer.bytes);
        if buffer.is_null() || room < offer.bytes {
            return Status::BUFFER_TOO_SMALL;
        }
        ptr::copy_nonoverlapping(offer.data, buffer.cast(), offer.bytes);
    }
    Status::SUCCESS
}
