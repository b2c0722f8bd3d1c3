//! What a UKI says about itself: the text sections of the UAPI group's UKI specification, and the security version.
//!
//! From the bytes of its file, from an image that has been loaded to memory, or from a disk with a few small reads:
//! [`Facts`] is the same. Holds always: whatever the bytes, nothing panics, and no more than [`HEAD_BYTES`] and four
//! times [`MAX_TEXT_BYTES`] are looked at. What is absent, doubled or too long is empty; the security version is then 0, which
//! is the least that an image can claim. Whether the facts are to be believed is for those who verify signatures.

use alloc::string::String;
use alloc::vec::Vec;

use crate::headers::{Fault, Headers, Section};

/// Where the headers of an image end at the latest. Ours, systemd's and Linux's end in the first 4 KiB.
pub const HEAD_BYTES: usize = 16 << 10;
/// A text section that is longer counts as absent. Ours are a few hundred bytes; an initramfs in the wrong place, or a
/// hostile length, must not fill the memory.
pub const MAX_TEXT_BYTES: usize = 64 << 10;
/// The component in `.sbat` whose generation is our security version.
const COMPONENT: &str = "gantry";

/// What a stub measures into PCR 11 of the sections that are there, and in which order, whatever theirs in the image:
/// systemd-stub's rule, so that other people's tools predict our values (UAPI group, Linux TPM PCR Registry).
pub const MEASURED: [&str; 6] = [".linux", ".osrel", ".cmdline", ".initrd", ".uname", ".sbat"];

/// What a UKI says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `.osrel`.
    pub os_release: OsRelease,
    /// `.cmdline`: what the kernel is started with.
    pub command_line: String,
    /// `.uname`: the kernel's release.
    pub uname: String,
    /// The generation of `gantry` in `.sbat`; 0 where there is none.
    pub security_version: u32,
    /// Length of the file.
    pub image_bytes: u64,
}

/// Why a partition holds no UKI that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E: core::error::Error + 'static> {
    /// The bytes did not come.
    #[error("cannot read {bytes} bytes of the image at byte {offset}")]
    Read {
        /// From the start of the image.
        offset: u64,
        /// Wanted there.
        bytes: usize,
        /// Why.
        #[source]
        err: E,
    },
    /// They are not an image.
    #[error("no image there")]
    Image(#[source] Fault),
}

impl Facts {
    /// Of the file's bytes. More may follow behind them, as in a raw partition.
    pub fn of_file(file: &[u8]) -> Result<Self, Fault> {
        let headers = Headers::parse(file)?;
        Ok(Self::gather(&headers, |section| section.in_file(file)))
    }

    /// Of an image as a firmware has loaded it.
    pub fn of_loaded(image: &[u8]) -> Result<Self, Fault> {
        let headers = Headers::parse(image)?;
        Ok(Self::gather(&headers, |section| section.in_memory(image)))
    }

    /// Of an image that begins where `read` says byte 0 is. `read(offset, bytes)` may return fewer bytes at the end
    /// of what there is.
    pub fn read<E: core::error::Error>(
        mut read: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Self, ReadError<E>> {
        let mut at =
            |offset, bytes| read(offset, bytes).map_err(|err| ReadError::Read { offset, bytes, err });
        let head = at(0, HEAD_BYTES)?;
        let headers = Headers::parse(&head).map_err(ReadError::Image)?;
        let mut texts: [Vec<u8>; TEXTS.len()] = Default::default();
        for (text, name) in texts.iter_mut().zip(TEXTS) {
            let Some(section) = headers.section(name) else { continue };
            let bytes = section.raw_bytes.min(section.virtual_bytes) as usize;
            if bytes > 0 && bytes <= MAX_TEXT_BYTES {
                *text = at(u64::from(section.raw_offset), bytes)?;
                // A section that the disk cuts off is no section.
                if text.len() != bytes {
                    text.clear();
                }
            }
        }
        let texts = texts.each_ref().map(Vec::as_slice);
        Ok(Self::of_texts(texts, headers.image_len()))
    }

    fn gather<'b>(headers: &Headers<'_>, bytes: impl Fn(&Section) -> Option<&'b [u8]>) -> Self {
        let text = |name| {
            let found = headers.section(name).and_then(|section| bytes(&section));
            found.filter(|text| text.len() <= MAX_TEXT_BYTES).unwrap_or_default()
        };
        Self::of_texts(TEXTS.map(text), headers.image_len())
    }

    fn of_texts([osrel, cmdline, uname, sbat]: [&[u8]; TEXTS.len()], image_bytes: u64) -> Self {
        Self {
            os_release: OsRelease::parse(&text(osrel)),
            command_line: text(cmdline),
            uname: text(uname),
            security_version: security_version(&text(sbat)),
            image_bytes,
        }
    }
}

/// The sections that are read, in the order of [`Facts::of_texts`].
const TEXTS: [&str; 4] = [".osrel", ".cmdline", ".uname", ".sbat"];

/// Packers may leave newlines or zeroes behind a text. Bytes that are no text become U+FFFD.
fn text(section: &[u8]) -> String {
    let end = section.iter().rposition(|byte| !matches!(byte, 0 | b'\n')).map_or(0, |last| last + 1);
    String::from_utf8_lossy(&section[..end]).into_owned()
}

/// The keys of an os-release file (freedesktop.org, os-release(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OsRelease(Vec<(String, String)>);

impl OsRelease {
    /// Reads the text. Lines that are no assignment are passed over.
    pub fn parse(text: &str) -> Self {
        let assignment = |line: &str| {
            let (key, value) = line.trim().split_once('=')?;
            let name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            (!key.is_empty() && key.bytes().all(name)).then(|| (String::from(key), unquoted(value)))
        };
        Self(text.lines().filter_map(assignment).collect())
    }

    /// A key's value; the last one where there are several, as a shell would have it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// All assignments, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// The value without its quotes, and without the backslashes that a shell would drop.
fn unquoted(value: &str) -> String {
    let inside = |quote| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    if let Some(literal) = inside('\'') {
        return literal.into();
    }
    let mut escaped = false;
    let text = inside('"').unwrap_or(value).chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    text.collect()
}

/// The least generation that a line of our component claims; 0 where there is none, or one that is no number.
fn security_version(sbat: &str) -> u32 {
    let lines = sbat.lines().filter_map(|line| {
        let mut fields = line.split(',').map(str::trim);
        (fields.next()? == COMPONENT).then(|| fields.next()?.parse().ok()).map(Option::unwrap_or_default)
    });
    lines.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_os_release_loses_its_quotes_and_keeps_its_last_word() {
        let text = "# comment\nNAME=\"Gantry \\\"dev\\\"\"\nVERSION_ID=0.1.0\nVARIANT_ID='standalone'\n\nlower=1\nno\n\
                    VERSION_ID=\"0.2.0\"\nEMPTY=\nLONE=\"";
        let keys = OsRelease::parse(text);
        assert_eq!(keys.get("NAME"), Some("Gantry \"dev\""));
        assert_eq!(keys.get("VERSION_ID"), Some("0.2.0"));
        assert_eq!(keys.get("VARIANT_ID"), Some("standalone"));
        assert_eq!((keys.get("EMPTY"), keys.get("LONE")), (Some(""), Some("\"")));
        assert_eq!((keys.get("lower"), keys.get("no"), keys.get("ABSENT")), (None, None, None));
        assert_eq!(keys.iter().count(), 6);
    }

    #[test]
    fn a_security_version_is_the_least_that_is_claimed() {
        let sbat = "sbat,1,SBAT Version,sbat,1,https://example.org\ngantry,7,Gantry,gantry,0.1.0,https://example.org";
        assert_eq!(security_version(sbat), 7);
        assert_eq!(security_version(&alloc::format!("{sbat}\ngantry,3,Gantry")), 3);
        assert_eq!(security_version(&alloc::format!("{sbat}\ngantry,x")), 0);
        for none in
            ["", "sbat,1", "gantry", "gantry,", "gantry,-1", "gantry,4294967296", "gantry2,5", "x,gantry,5"]
        {
            assert_eq!(security_version(none), 0, "{none:?}");
        }
        assert_eq!(security_version("gantry,4294967295"), u32::MAX);
    }
}
