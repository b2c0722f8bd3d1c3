//! Laying a Linux kernel out in memory, for a stub that starts it without the firmware's loader.
//!
//! Only what x86 kernels with an EFI stub are is taken: position independent without relocations, image base
//! zero, NX_COMPAT. Anything else was not built as we expect, and is refused instead of half started.

use crate::headers::{Fault, Headers, Section};

const MACHINE_X86_64: u16 = 0x8664;
const NX_COMPAT: u16 = 0x100;
const MEM_EXECUTE: u32 = 0x2000_0000;
const PAGE_BYTES: u32 = 4096;
/// Twenty times a kernel of today: what a broken header may make us ask the firmware for.
const MAX_IMAGE_BYTES: u32 = 256 << 20;

/// A kernel that can be laid out: all copies have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Kernel<'a> {
    file: &'a [u8],
    headers: Headers<'a>,
}

/// Why an image is no kernel that we start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KernelFault {
    /// Not an image at all.
    #[error("kernel is not readable")]
    Headers(#[source] Fault),
    /// For another machine, or not built to run anywhere in memory.
    #[error("kernel is not a position-independent x86-64 image with NX_COMPAT")]
    Kind,
    /// Its sections overlap, or leave the file or the image.
    #[error("kernel sections do not fit")]
    Layout,
    /// Its entry point is not in an executable section.
    #[error("kernel entry point is not code")]
    Entry,
    /// The memory given is smaller than the image.
    #[error("memory for the kernel is too small")]
    Memory,
}

impl<'a> Kernel<'a> {
    /// Checks the kernel in `file`.
    pub fn parse(file: &'a [u8]) -> Result<Self, KernelFault> {
        let headers = Headers::parse(file).map_err(KernelFault::Headers)?;
        let kind = headers.machine() == MACHINE_X86_64
            && headers.image_base() == 0
            && !headers.has_relocations()
            && headers.dll_characteristics() & NX_COMPAT != 0;
        if !kind {
            return Err(KernelFault::Kind);
        }
        let size = headers.size_of_image();
        if size > MAX_IMAGE_BYTES || headers.section_alignment() < PAGE_BYTES {
            return Err(KernelFault::Layout);
        }
        let mut memory_end = headers.size_of_headers();
        for section in headers.sections() {
            let from_file = section.raw_bytes.min(section.virtual_bytes);
            if section.rva < memory_end || (from_file > 0 && section.in_file(file).is_none()) {
                return Err(KernelFault::Layout);
            }
            memory_end = section.rva + section.virtual_bytes;
        }
        if headers.size_of_headers() as usize > file.len() || memory_end > size {
            return Err(KernelFault::Layout);
        }
        let entry = headers.entry_rva();
        let holds_entry = |s: &Section| s.rva <= entry && entry - s.rva < s.virtual_bytes;
        match headers.sections().find(holds_entry) {
            Some(section) if section.characteristics & MEM_EXECUTE != 0 => Ok(Self { file, headers }),
            _ => Err(KernelFault::Entry),
        }
    }

    /// Bytes of memory that the image needs, to be aligned to [`Kernel::alignment`].
    pub fn memory_bytes(&self) -> usize {
        self.headers.size_of_image() as usize
    }

    /// Alignment of the image in memory.
    pub fn alignment(&self) -> usize {
        self.headers.section_alignment() as usize
    }

    /// Where to enter the image, from its start.
    pub fn entry_offset(&self) -> usize {
        self.headers.entry_rva() as usize
    }

    /// Lays the image out: headers and sections in their places, zeroes everywhere else.
    pub fn lay_out(&self, memory: &mut [u8]) -> Result<(), KernelFault> {
        let image = memory.get_mut(..self.memory_bytes()).ok_or(KernelFault::Memory)?;
        let headers = self.headers.size_of_headers() as usize;
        let mut done = 0;
        let mut copy = |at: usize, bytes: &[u8]| {
            image.get_mut(done..at)?.fill(0);
            done = at + bytes.len();
            image.get_mut(at..done)?.copy_from_slice(bytes);
            Some(())
        };
        copy(0, self.file.get(..headers).ok_or(KernelFault::Layout)?).ok_or(KernelFault::Layout)?;
        for section in self.headers.sections() {
            let bytes = section.in_file(self.file).unwrap_or_default();
            copy(section.rva as usize, bytes).ok_or(KernelFault::Layout)?;
        }
        image.get_mut(done..).ok_or(KernelFault::Layout)?.fill(0);
        Ok(())
    }
}
