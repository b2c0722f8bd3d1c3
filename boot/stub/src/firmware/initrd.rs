//! The initramfs, as the kernel asks for it: a LoadFile2 protocol under Linux's own media device path
//! (Documentation/arch/x86/boot.rst; drivers/firmware/efi/libstub/efi-stub-helper.c).
#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;

use uefi::{Guid, Result, Status, boot, guid};
use uefi_raw::Boolean;
use uefi_raw::protocol::device_path::DevicePathProtocol;
use uefi_raw::protocol::media::LoadFile2Protocol;

/// LINUX_EFI_INITRD_MEDIA_GUID.
const LINUX_INITRD: Guid = guid!("5568e427-68fc-4f3d-ac74-ca555231cc68");

/// A vendor media node and the end node (UEFI 2.10, 10.3.5.3). Bytes alone, for nodes are not aligned.
#[repr(C, packed)]
struct InitrdPath {
    media: [u8; 4],
    vendor: [u8; 16],
    end: [u8; 4],
}

/// The protocol comes first: the firmware hands the callback a pointer to it.
#[repr(C)]
struct Offer {
    protocol: LoadFile2Protocol,
    data: *const u8,
    bytes: usize,
}

/// Installs the protocol. `data` must stay where it is until the kernel has ended boot services.
pub fn offer(data: &[u8]) -> Result {
    let path = InitrdPath { media: [4, 3, 20, 0], vendor: LINUX_INITRD.to_bytes(), end: [0x7f, 0xff, 4, 0] };
    let path: *const InitrdPath = Box::leak(Box::new(path));
    let protocol = LoadFile2Protocol { load_file };
    let offer: *const Offer = Box::leak(Box::new(Offer { protocol, data: data.as_ptr(), bytes: data.len() }));
    // SAFETY: both interfaces are what their GUIDs say, and are never freed.
    unsafe {
        let handle = boot::install_protocol_interface(None, &DevicePathProtocol::GUID, path.cast())?;
        boot::install_protocol_interface(Some(handle), &LoadFile2Protocol::GUID, offer.cast())?;
    }
    Ok(())
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
