//! An image as the digest sees it, and the list of signatures at its end.

use alloc::vec::Vec;

use pe::{Fault, Headers};
use sha2::{Digest as _, Sha256};

/// SHA-256 of an image: the one algorithm that we sign with and that every UEFI firmware knows.
pub type Digest = [u8; 32];

/// The checksum may change after the signing; so may where the signatures lie.
const CHECKSUM_BYTES: usize = 4;
const DIRECTORY_BYTES: usize = 8;
/// Entries of the list begin at multiples of this, and the image in front of it is padded to one.
const ALIGNMENT: usize = 8;
/// dwLength, wRevision, wCertificateType.
const ENTRY_HEADER_BYTES: usize = 8;
const REVISION_2: u16 = 0x0200;
const PKCS_SIGNED_DATA: u16 = 0x0002;

/// An image that can be hashed: its headers and sections follow each other without gaps, and nothing lies behind its signatures.
///
/// The format hashes headers and sections one by one and then "the rest", counted from the sum of what was hashed. With gaps or
/// overlaps, implementations disagree about which bytes that is; there are no such images here.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    checksum: usize,
    directory: usize,
    /// The signatures begin here.
    covered: usize,
}

/// Why an image cannot be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageFault {
    /// It is none.
    #[error("cannot read the image's headers")]
    Headers(#[source] Fault),
    /// It has fewer than five data directories.
    #[error("image has no place for signatures")]
    NoDirectory,
    /// A gap, an overlap, or a section beyond the end.
    #[error("headers and sections do not follow each other without gaps")]
    Layout,
    /// Not at the end, not aligned, or with entries that do not fill it.
    #[error("list of signatures is damaged")]
    Table,
    /// With one more signature it would not fit in four gigabytes.
    #[error("image is too large for a signature")]
    TooLarge,
}

impl<'a> Image<'a> {
    /// Checks that every byte has its place.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ImageFault> {
        let headers = Headers::parse(bytes).map_err(ImageFault::Headers)?;
        let fields = headers.signature_fields();
        let directory = fields.certificates.ok_or(ImageFault::NoDirectory)?;
        let mut sections: Vec<_> = headers.sections().filter(|section| section.raw_bytes > 0).collect();
        sections.sort_unstable_by_key(|section| section.raw_offset);
        let mut end = headers.size_of_headers() as usize;
        if end < fields.section_headers_end {
            return Err(ImageFault::Layout);
        }
        for section in sections {
            if section.raw_offset as usize != end {
                return Err(ImageFault::Layout);
            }
            end += section.raw_bytes as usize;
        }
        let (start, length) = headers.certificates();
        let covered = if length == 0 { bytes.len() } else { start as usize };
        if covered < end || bytes.len() < covered {
            return Err(if length == 0 { ImageFault::Layout } else { ImageFault::Table });
        }
        let image = Self { bytes, checksum: fields.checksum, directory, covered };
        let whole = length as usize == bytes.len() - covered && (length == 0 || covered % ALIGNMENT == 0);
        if whole && image.entries_fill_table() { Ok(image) } else { Err(ImageFault::Table) }
    }

    /// What a signature states: the whole file but for the checksum, the place of the signatures and the signatures.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let mut from = 0;
        for (skip, length) in [(self.checksum, CHECKSUM_BYTES), (self.directory, DIRECTORY_BYTES)] {
            hash.update(self.bytes.get(from..skip).unwrap_or_default());
            from = skip + length;
        }
        hash.update(self.bytes.get(from..self.covered).unwrap_or_default());
        hash.update(padding(self.covered));
        hash.finalize().into()
    }

    /// The attached PKCS#7 messages, as [`crate::Signature::parse`] takes them; other kinds of entries are left out.
    pub fn signatures(&self) -> impl Iterator<Item = &'a [u8]> {
        self.entries().filter(|entry| entry.kind == (REVISION_2, PKCS_SIGNED_DATA)).map(|entry| entry.content)
    }

    /// A copy with one more signature behind those that it has.
    pub fn with_signature(&self, pkcs7: &[u8]) -> Result<Vec<u8>, ImageFault> {
        let entry = ENTRY_HEADER_BYTES + pkcs7.len();
        let entry = entry + padding(entry).len();
        let mut new = self.bytes.to_vec();
        // A checksum that is not zero would be wrong from here on.
        zero(&mut new, self.checksum, CHECKSUM_BYTES);
        new.extend_from_slice(padding(new.len()));
        let start = if self.covered == self.bytes.len() { new.len() } else { self.covered };
        let word =
            |value: usize| u32::try_from(value).map(u32::to_le_bytes).map_err(|_| ImageFault::TooLarge);
        new.extend_from_slice(&word(entry)?);
        new.extend_from_slice(&REVISION_2.to_le_bytes());
        new.extend_from_slice(&PKCS_SIGNED_DATA.to_le_bytes());
        new.extend_from_slice(pkcs7);
        new.extend_from_slice(padding(new.len()));
        word(new.len())?;
        let place = [word(start)?, word(new.len() - start)?].concat();
        if let Some(directory) = new.get_mut(self.directory..self.directory + DIRECTORY_BYTES) {
            directory.copy_from_slice(&place);
        }
        Ok(new)
    }

    /// A copy without signatures: with the same digest, and padded if the signed one was.
    pub fn without_signatures(&self) -> Vec<u8> {
        let mut new = self.bytes.get(..self.covered).unwrap_or_default().to_vec();
        zero(&mut new, self.checksum, CHECKSUM_BYTES);
        zero(&mut new, self.directory, DIRECTORY_BYTES);
        new
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let mut rest = self.bytes.get(self.covered..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (entry, behind) = Entry::first(rest)?;
            rest = behind;
            Some(entry)
        })
    }

    /// EDK2 refuses the whole image otherwise.
    fn entries_fill_table(&self) -> bool {
        let mut rest = self.bytes.get(self.covered..).unwrap_or_default();
        while let Some((_, behind)) = Entry::first(rest) {
            rest = behind;
        }
        rest.is_empty()
    }
}

/// WIN_CERTIFICATE.
struct Entry<'a> {
    kind: (u16, u16),
    content: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The first entry of `list` and what is behind it.
    fn first(list: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, _) = list.split_first_chunk::<ENTRY_HEADER_BYTES>()?;
        let [a, b, c, d, e, f, g, h] = *header;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let content = list.get(ENTRY_HEADER_BYTES..length)?;
        // Some signers count the padding in, some do not.
        let behind = list.get(length.next_multiple_of(ALIGNMENT)..)?;
        let kind = (u16::from_le_bytes([e, f]), u16::from_le_bytes([g, h]));
        Some((Self { kind, content }, behind))
    }
}

/// Zeroes that bring `length` to the alignment.
fn padding(length: usize) -> &'static [u8] {
    const ZEROES: [u8; ALIGNMENT] = [0; ALIGNMENT];
    &ZEROES[..length.next_multiple_of(ALIGNMENT) - length]
}

/// Overwrites a header field; parsing has seen that it is there.
fn zero(image: &mut [u8], at: usize, length: usize) {
    if let Some(field) = image.get_mut(at..at + length) {
        field.fill(0);
    }
}
