//! Images: verified and loaded by the firmware, started, unloaded (UEFI 2.10, 7.4).
#![allow(unsafe_code)]

use core::ptr;
use core::slice;

use uefi::boot;
use uefi::proto::loaded_image::LoadedImage;
use uefi::{Handle, Status, table};

use super::fault::Fault;

/// A loaded image.
pub struct Image {
    handle: Handle,
    base: *const u8,
    bytes: usize,
}

impl Image {
    /// Hands `bytes` to the firmware. Under Secure Boot it verifies them: it has no reason to trust memory more than a
    /// disk. `path`, a whole device path, is where the image says it comes from.
    pub fn load(path: &[u8], bytes: &[u8]) -> Result<Self, Fault> {
        let system = table::system_table_raw().ok_or(Fault(Status::NOT_READY))?;
        let mut handle = ptr::null_mut();
        // The raw call, for the crate's own forgets the handle of an image that was loaded but must not be started.
        // SAFETY: boot services run until we start an image; both slices live through the call.
        let status = unsafe {
            let services = &*system.as_ref().boot_services;
            (services.load_image)(
                false.into(),
                boot::image_handle().as_ptr(),
                path.as_ptr().cast(),
                bytes.as_ptr(),
                bytes.len(),
                &mut handle,
            )
        };
        // SAFETY: the firmware wrote a handle, or left the null there.
        let handle = unsafe { Handle::from_ptr(handle) };
        let handle = match (status, handle) {
            (Status::SUCCESS, Some(handle)) => handle,
            // SECURITY_VIOLATION leaves a handle behind that must never be started.
            (Status::SECURITY_VIOLATION, Some(handle)) => {
                let _ = boot::unload_image(handle);
                return Err(Fault(status));
            }
            (Status::SUCCESS, None) => return Err(Fault(Status::NOT_FOUND)),
            _ => return Err(Fault(status)),
        };
        match platform::open::<LoadedImage>(handle) {
            Ok(loaded) => {
                let (base, bytes) = loaded.info();
                Ok(Self { handle, base: base.cast(), bytes: bytes as usize })
            }
            Err(err) => {
                let _ = boot::unload_image(handle);
                Err(err.into())
            }
        }
    }

    /// The firmware's copy.
    pub fn loaded(&self) -> &[u8] {
        // SAFETY: the firmware loaded the image there, with this size, and keeps it until `unload`, which takes `self`.
        unsafe { slice::from_raw_parts(self.base, self.bytes) }
    }

    /// Returns only when the image gives up.
    pub fn start(&self) -> Fault {
        boot::start_image(self.handle).map_or_else(Fault::from, |()| Fault(Status::SUCCESS))
    }

    /// The firmware has unloaded an application that returned by itself; it refuses the handle then.
    pub fn unload(self) {
        let _ = boot::unload_image(self.handle);
    }
}
