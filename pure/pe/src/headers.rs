//! The headers of a PE32+ image, checked once.

/// Linux, systemd-stub and ours have fewer than ten; the specification's own limit for loaders.
pub(crate) const MAX_SECTIONS: u16 = 96;
/// The specification's limit. Without one a header could ask for gigabytes of padding.
const MAX_FILE_ALIGNMENT: u32 = 64 << 10;
/// The headers proper begin after the DOS header.
const DOS_HEADER_BYTES: usize = 0x40;
const COFF_BYTES: usize = 24;
const SECTION_BYTES: usize = 40;
/// Optional header of PE32+ up to the data directories.
const OPTIONAL_BYTES: usize = 112;
const DIRECTORY_BYTES: usize = 8;
const MAX_DIRECTORIES: u32 = 16;
const PE32_PLUS: u16 = 0x20b;
const CERTIFICATES: u32 = 4;
const RELOCATIONS: u32 = 5;

/// Offsets from the start of the optional header.
mod at {
    pub const INITIALIZED_DATA: usize = 8;
    pub const ENTRY: usize = 16;
    pub const IMAGE_BASE: usize = 24;
    pub const SECTION_ALIGNMENT: usize = 32;
    pub const FILE_ALIGNMENT: usize = 36;
    pub const SIZE_OF_IMAGE: usize = 56;
    pub const SIZE_OF_HEADERS: usize = 60;
    pub const CHECKSUM: usize = 64;
    pub const DLL_CHARACTERISTICS: usize = 70;
    pub const DIRECTORY_COUNT: usize = 108;
}

/// The checked headers of an image. `head` may be the beginning of the image alone, as long as it holds them.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    head: &'a [u8],
    coff: usize,
    optional: usize,
    table: usize,
    section_count: u16,
    directory_count: u32,
}

/// One section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Padded with zeroes.
    pub name: [u8; 8],
    /// Bytes in memory.
    pub virtual_bytes: u32,
    /// Place in memory, from the start of the image.
    pub rva: u32,
    /// Bytes in the file, rounded up to the file alignment.
    pub raw_bytes: u32,
    /// Place in the file.
    pub raw_offset: u32,
    /// IMAGE_SCN_*.
    pub characteristics: u32,
}

/// Why bytes are not an image that we can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end before the headers do.
    #[error("image ends inside its headers")]
    Short,
    /// No MZ, no PE signature, or not PE32+.
    #[error("not a PE32+ image")]
    Signature,
    /// Too many sections or directories.
    #[error("too many sections or directories")]
    Count,
    /// Alignments are not powers of two, or sections leave the image.
    #[error("sections or alignments make no sense")]
    Sections,
    /// The certificate table is not at the end of the image.
    #[error("certificate table is not at the end")]
    Certificates,
}

impl Section {
    /// Whether this is the section called `name`.
    pub fn is(&self, name: &str) -> bool {
        let mut padded = [0; 8];
        name.len() <= 8 && {
            padded[..name.len()].copy_from_slice(name.as_bytes());
            padded == self.name
        }
    }

    /// Its bytes in the file: without the padding after them.
    pub fn in_file<'b>(&self, file: &'b [u8]) -> Option<&'b [u8]> {
        slice(file, self.raw_offset, self.raw_bytes.min(self.virtual_bytes))
    }

    /// Its bytes in an image that has been loaded to memory.
    pub fn in_memory<'b>(&self, image: &'b [u8]) -> Option<&'b [u8]> {
        slice(image, self.rva, self.virtual_bytes)
    }
}

impl<'a> Headers<'a> {
    /// Checks the headers at the start of `head`.
    pub fn parse(head: &'a [u8]) -> Result<Self, Fault> {
        if head.get(..2).ok_or(Fault::Short)? != b"MZ" {
            return Err(Fault::Signature);
        }
        let coff = read_u32(head, 0x3c).ok_or(Fault::Short)? as usize;
        if coff < DOS_HEADER_BYTES {
            return Err(Fault::Signature);
        }
        if slice_at(head, coff, COFF_BYTES).ok_or(Fault::Short)?[..4] != *b"PE\0\0" {
            return Err(Fault::Signature);
        }
        let optional = coff + COFF_BYTES;
        let optional_bytes = usize::from(read_u16(head, coff + 20).ok_or(Fault::Short)?);
        slice_at(head, optional, optional_bytes).ok_or(Fault::Short)?;
        if optional_bytes < OPTIONAL_BYTES || read_u16(head, optional) != Some(PE32_PLUS) {
            return Err(Fault::Signature);
        }
        let directory_count = read_u32(head, optional + at::DIRECTORY_COUNT).ok_or(Fault::Short)?;
        let section_count = read_u16(head, coff + 6).ok_or(Fault::Short)?;
        if section_count > MAX_SECTIONS || directory_count > MAX_DIRECTORIES {
            return Err(Fault::Count);
        }
        if OPTIONAL_BYTES + directory_count as usize * DIRECTORY_BYTES > optional_bytes {
            return Err(Fault::Short);
        }
        let table = optional + optional_bytes;
        slice_at(head, table, usize::from(section_count) * SECTION_BYTES).ok_or(Fault::Short)?;
        let headers = Self { head, coff, optional, table, section_count, directory_count };
        if headers.sections_make_sense() { Ok(headers) } else { Err(Fault::Sections) }
    }

    fn sections_make_sense(&self) -> bool {
        let aligned = self.section_alignment().is_power_of_two() && self.file_alignment().is_power_of_two();
        let image = u64::from(self.size_of_image());
        aligned
            && self.file_alignment() <= MAX_FILE_ALIGNMENT
            && self.sections().all(|s| {
                u64::from(s.rva) + u64::from(s.virtual_bytes) <= image
                    && u64::from(s.raw_offset) + u64::from(s.raw_bytes) <= u64::from(u32::MAX)
            })
    }

    /// All sections, in the order of their headers.
    pub fn sections(&self) -> impl Iterator<Item = Section> + 'a {
        let (head, table) = (self.head, self.table);
        (0..usize::from(self.section_count)).filter_map(move |index| {
            let header = slice_at(head, table + index * SECTION_BYTES, SECTION_BYTES)?;
            Some(Section {
                name: header.get(..8)?.try_into().ok()?,
                virtual_bytes: read_u32(header, 8)?,
                rva: read_u32(header, 12)?,
                raw_bytes: read_u32(header, 16)?,
                raw_offset: read_u32(header, 20)?,
                characteristics: read_u32(header, 36)?,
            })
        })
    }

    /// The one section with this name; `None` when there are several, for which of them counts is a guess.
    pub fn section(&self, name: &str) -> Option<Section> {
        let mut found = self.sections().filter(|section| section.is(name));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// Length of the whole file: the end of its last section or of the certificate table, whichever is later.
    /// A raw partition that holds an image is longer than the image.
    pub fn image_len(&self) -> u64 {
        let sections = self.sections().map(|s| u64::from(s.raw_offset) + u64::from(s.raw_bytes));
        let (certificates, bytes) = self.certificates();
        let end = u64::from(certificates) + u64::from(bytes);
        sections.chain([end, u64::from(self.size_of_headers())]).max().unwrap_or(0)
    }

    /// Place and length of the attached signatures; zeroes when there are none.
    pub fn certificates(&self) -> (u32, u32) {
        self.directory(CERTIFICATES)
    }

    pub(crate) fn has_relocations(&self) -> bool {
        self.directory(RELOCATIONS).1 != 0
    }

    fn directory(&self, index: u32) -> (u32, u32) {
        if index >= self.directory_count {
            return (0, 0);
        }
        let at = self.directory_offset(index);
        (read_u32(self.head, at).unwrap_or(0), read_u32(self.head, at + 4).unwrap_or(0))
    }

    fn directory_offset(&self, index: u32) -> usize {
        self.optional + OPTIONAL_BYTES + index as usize * DIRECTORY_BYTES
    }

    fn optional_u32(&self, offset: usize) -> u32 {
        read_u32(self.head, self.optional + offset).unwrap_or(0)
    }

    /// Machine type.
    pub fn machine(&self) -> u16 {
        read_u16(self.head, self.coff + 4).unwrap_or(0)
    }

    pub(crate) fn entry_rva(&self) -> u32 {
        self.optional_u32(at::ENTRY)
    }

    pub(crate) fn image_base(&self) -> u64 {
        u64::from(self.optional_u32(at::IMAGE_BASE)) | u64::from(self.optional_u32(at::IMAGE_BASE + 4)) << 32
    }

    pub(crate) fn section_alignment(&self) -> u32 {
        self.optional_u32(at::SECTION_ALIGNMENT)
    }

    pub(crate) fn file_alignment(&self) -> u32 {
        self.optional_u32(at::FILE_ALIGNMENT)
    }

    /// Bytes that the image takes in memory.
    pub fn size_of_image(&self) -> u32 {
        self.optional_u32(at::SIZE_OF_IMAGE)
    }

    /// Bytes of the headers, in the file and in memory.
    pub fn size_of_headers(&self) -> u32 {
        self.optional_u32(at::SIZE_OF_HEADERS)
    }

    pub(crate) fn dll_characteristics(&self) -> u16 {
        read_u16(self.head, self.optional + at::DLL_CHARACTERISTICS).unwrap_or(0)
    }

    pub(crate) fn initialized_data(&self) -> u32 {
        self.optional_u32(at::INITIALIZED_DATA)
    }

    /// Where the fields lie that a signature leaves out.
    pub fn signature_fields(&self) -> SignatureFields {
        let Places { checksum, certificates, next_section, .. } = self.places();
        SignatureFields { checksum, certificates, section_headers_end: next_section }
    }

    /// Where the fields lie that a new image changes.
    pub(crate) fn places(&self) -> Places {
        Places {
            section_count: self.coff + 6,
            time: self.coff + 8,
            initialized_data: self.optional + at::INITIALIZED_DATA,
            size_of_image: self.optional + at::SIZE_OF_IMAGE,
            checksum: self.optional + at::CHECKSUM,
            certificates: (self.directory_count > CERTIFICATES).then(|| self.directory_offset(CERTIFICATES)),
            next_section: self.table + usize::from(self.section_count) * SECTION_BYTES,
        }
    }
}

/// Offsets of what a signature does not cover, for it changes when one is attached; all lie inside the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureFields {
    /// Four bytes.
    pub checksum: usize,
    /// Eight bytes: the place and length of the signatures. Images may do without this field.
    pub certificates: Option<usize>,
    /// The end of the last section's header.
    pub section_headers_end: usize,
}

/// Offsets of header fields.
pub(crate) struct Places {
    pub section_count: usize,
    pub time: usize,
    pub initialized_data: usize,
    pub size_of_image: usize,
    pub checksum: usize,
    pub certificates: Option<usize>,
    pub next_section: usize,
}

pub(crate) fn slice(bytes: &[u8], offset: u32, len: u32) -> Option<&[u8]> {
    slice_at(bytes, offset as usize, len as usize)
}

fn slice_at(bytes: &[u8], offset: usize, len: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(len)?)
}

fn read_u16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(slice_at(bytes, offset, 2)?.try_into().ok()?))
}

fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(slice_at(bytes, offset, 4)?.try_into().ok()?))
}
