//! Protocols of the firmware, opened without taking them from anybody.
#![allow(unsafe_code)]

use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol};
use uefi::proto::ProtocolPointer;
use uefi::proto::loaded_image::LoadedImage;
use uefi::{Handle, Result};

/// Opens a protocol by GetProtocol. Opening it exclusively would disconnect the drivers that sit on a handle: the
/// firmware's own partition and file system drivers, on a disk.
pub fn open<P: ProtocolPointer + ?Sized>(handle: Handle) -> Result<ScopedProtocol<P>> {
    let params = OpenProtocolParams { handle, agent: boot::image_handle(), controller: None };
    // SAFETY: GetProtocol locks nothing. Boot services run one thread; our programs unload no driver and no image
    // whose protocol they hold, so an interface stays until boot services end.
    unsafe { boot::open_protocol::<P>(params, OpenProtocolAttributes::GetProtocol) }
}

/// The running program's own image.
pub fn own_image() -> Result<ScopedProtocol<LoadedImage>> {
    open(boot::image_handle())
}
