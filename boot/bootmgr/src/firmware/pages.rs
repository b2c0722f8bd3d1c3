//! Memory in pages of the firmware.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::slice;

use uefi::boot::{self, AllocateType, MemoryType};

use super::fault::Fault;

const PAGE_BYTES: usize = 4096;

/// Zeroed memory of its own pages, freed on drop.
pub struct Pages {
    start: NonNull<u8>,
    pages: usize,
    skip: usize,
    bytes: usize,
}

impl Pages {
    /// `align` is a power of two.
    pub fn new(bytes: usize, align: usize) -> Result<Self, Fault> {
        let spare = align.saturating_sub(PAGE_BYTES);
        let pages = (bytes + spare).div_ceil(PAGE_BYTES).max(1);
        let start = boot::allocate_pages(AllocateType::AnyPages, MemoryType::LOADER_DATA, pages)?;
        let skip = start.as_ptr().align_offset(align.max(1));
        // SAFETY: the allocation is that long, and ours alone.
        unsafe { start.write_bytes(0, pages * PAGE_BYTES) };
        Ok(Self { start, pages, skip: skip.min(spare), bytes })
    }
}

impl AsRef<[u8]> for Pages {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `skip + bytes` lie inside the allocation, which was zeroed and lives as long as `self`.
        unsafe { slice::from_raw_parts(self.start.add(self.skip).as_ptr(), self.bytes) }
    }
}

impl AsMut<[u8]> for Pages {
    fn as_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has it while `self` is borrowed.
        unsafe { slice::from_raw_parts_mut(self.start.add(self.skip).as_ptr(), self.bytes) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this count, and no slice of it outlives `self`.
        let _ = unsafe { boot::free_pages(self.start, self.pages) };
    }
}
