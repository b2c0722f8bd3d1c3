//! New images from old ones: with sections appended, or without signatures.

use alloc::string::String;
use alloc::vec::Vec;

use crate::headers::{Fault, Headers, MAX_SECTIONS};

const SECTION_BYTES: usize = 40;
/// IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ: payload is read, never run in place.
const READ_ONLY_DATA: u32 = 0x4000_0040;

/// A section to append.
#[derive(Debug, Clone, Copy)]
pub struct NewSection<'a> {
    /// At most eight ASCII characters.
    pub name: &'a str,
    /// What it holds; must not be empty.
    pub bytes: &'a [u8],
}

/// Why sections cannot be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The image to append to is not one.
    #[error("cannot read the image to append to")]
    Image(#[source] Fault),
    /// The name does not fit, or the image has such a section already.
    #[error("section name {name:?} is too long or taken")]
    Name {
        /// The name.
        name: String,
    },
    /// Loaders disagree about empty sections.
    #[error("section {name} is empty")]
    Empty {
        /// The name.
        name: String,
    },
    /// The gap between the headers and the first section is used up.
    #[error("no room for the header of section {name}")]
    HeaderRoom {
        /// The name.
        name: String,
    },
    /// More than 4 GiB.
    #[error("image becomes too large with section {name}")]
    TooLarge {
        /// The name.
        name: String,
    },
}

/// Appends sections in the given order, in the file and in memory. The checksum and the link time become zero, so
/// that the same inputs give the same bytes; a signature of the old image is dropped, for it cannot hold any more.
pub fn append(image: &[u8], sections: &[NewSection<'_>]) -> Result<Vec<u8>, AppendError> {
    let mut new = without_signature(image).map_err(AppendError::Image)?;
    // What is added to an image that was cut short would lie inside its missing part.
    let whole = Headers::parse(&new).map_err(AppendError::Image)?.image_len();
    if whole > new.len() as u64 {
        return Err(AppendError::Image(Fault::Short));
    }
    for section in sections {
        append_one(&mut new, section)?;
    }
    Ok(new)
}

fn append_one(image: &mut Vec<u8>, section: &NewSection<'_>) -> Result<(), AppendError> {
    let name = || String::from(section.name);
    let too_large = || AppendError::TooLarge { name: name() };
    let headers = Headers::parse(image).map_err(AppendError::Image)?;
    let fits = section.name.is_ascii() && (1..=8).contains(&section.name.len());
    if !fits || headers.sections().any(|s| s.is(section.name)) {
        return Err(AppendError::Name { name: name() });
    }
    let len = u32::try_from(section.bytes.len()).map_err(|_| too_large())?;
    if len == 0 {
        return Err(AppendError::Empty { name: name() });
    }
    let places = headers.places();
    let first_raw = headers.sections().filter(|s| s.raw_bytes > 0).map(|s| s.raw_offset).min();
    let room_end = first_raw.unwrap_or(u32::MAX).min(headers.size_of_headers()) as usize;
    let full = headers.sections().count() >= usize::from(MAX_SECTIONS);
    if full || places.next_section + SECTION_BYTES > room_end {
        return Err(AppendError::HeaderRoom { name: name() });
    }
    let align = |value: usize, to: u32| {
        u32::try_from(value).ok().and_then(|value| value.checked_next_multiple_of(to)).ok_or_else(too_large)
    };
    let raw_offset = align(image.len(), headers.file_alignment())?;
    let raw_bytes = align(section.bytes.len(), headers.file_alignment())?;
    let memory_end = headers.sections().map(|s| s.rva.saturating_add(s.virtual_bytes)).max().unwrap_or(0);
    let memory_end = memory_end.max(headers.size_of_headers());
    let rva = align(memory_end as usize, headers.section_alignment())?;
    let image_end = rva.checked_add(len).ok_or_else(too_large)?;
    let size_of_image = align(image_end as usize, headers.section_alignment())?;
    let data = headers.initialized_data().saturating_add(raw_bytes);
    let count = u16::try_from(headers.sections().count() + 1).map_err(|_| too_large())?;
    let file_end = raw_offset.checked_add(raw_bytes).ok_or_else(too_large)?;

    image.resize(raw_offset as usize, 0);
    image.extend_from_slice(section.bytes);
    image.resize(file_end as usize, 0);
    let mut header = [0; SECTION_BYTES];
    header[..section.name.len()].copy_from_slice(section.name.as_bytes());
    for (at, value) in [(8, len), (12, rva), (16, raw_bytes), (20, raw_offset), (36, READ_ONLY_DATA)] {
        header[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    put(image, places.next_section, &header);
    put(image, places.section_count, &count.to_le_bytes());
    put(image, places.initialized_data, &data.to_le_bytes());
    put(image, places.size_of_image, &size_of_image.to_le_bytes());
    Ok(())
}

/// The image without attached signatures; checksum and link time become zero. Debian signs its kernels, but a
/// signature inside a UKI is dead weight: the UKI's own covers every byte.
pub fn without_signature(image: &[u8]) -> Result<Vec<u8>, Fault> {
    let headers = Headers::parse(image)?;
    let places = headers.places();
    let (start, bytes) = headers.certificates();
    let mut new = if bytes == 0 {
        image.to_vec()
    } else {
        // Signers put it last; anything behind it, or a section inside it, is none of their work.
        let (start, end) = (start as usize, start as usize + bytes as usize);
        let last_section = headers.sections().map(|s| u64::from(s.raw_offset) + u64::from(s.raw_bytes)).max();
        if start < places.next_section
            || end != image.len()
            || last_section.is_some_and(|last| last > start as u64)
        {
            return Err(Fault::Certificates);
        }
        image.get(..start).ok_or(Fault::Certificates)?.to_vec()
    };
    if new.len() < places.next_section {
        return Err(Fault::Certificates);
    }
    if let Some(certificates) = places.certificates {
        put(&mut new, certificates, &[0; 8]);
    }
    put(&mut new, places.checksum, &[0; 4]);
    put(&mut new, places.time, &[0; 4]);
    Ok(new)
}

/// Overwrites a header field; `Headers::parse` has seen that it is there.
fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = image.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
