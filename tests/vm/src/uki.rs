//! UKIs that differ from the image's in one thing.
//!
//! One is taken apart into our stub and the sections after it, changed, and put together again; so a test's UKI has
//! everything that the image builder gives one, without the harness knowing what that is. What comes out is unsigned.

use pe::{Headers, NewSection};

use crate::error::{Error, Result};
use crate::lab::Image;
use crate::program::Program;
use crate::root::Root;

/// The first section that is payload, not stub (UAPI group, UKI specification; the image builder's order).
const FIRST: &str = ".osrel";
/// Offsets in a PE32+ file: the number of sections from the PE signature, and, from the optional header that follows
/// at `COFF_BYTES`, the size of all data, and alignment and size of the image in memory.
const SECTION_COUNT: usize = 6;
const COFF_BYTES: usize = 24;
const INITIALIZED_DATA: usize = 8;
const SECTION_ALIGNMENT: usize = 32;
const SIZE_OF_IMAGE: usize = 56;

/// A UKI taken apart.
#[derive(Debug, Clone)]
pub struct Uki {
    stub: Vec<u8>,
    sections: Vec<(String, Vec<u8>)>,
}

impl Uki {
    /// The image's own.
    pub fn of_image(image: &Image) -> Result<Self> {
        let path = image.file("uki.efi");
        Self::parse(&std::fs::read(&path).map_err(Error::file("read", &path))?)
    }

    /// Takes one apart.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let bytes = pe::without_signature(bytes).map_err(Error::make("an unsigned UKI"))?;
        let headers = Headers::parse(&bytes).map_err(Error::make("the parts of a UKI"))?;
        let name = |raw: &[u8; 8]| String::from_utf8_lossy(raw).trim_end_matches('\0').to_owned();
        let mut sections = Vec::new();
        let mut payload_bytes = 0;
        let mut kept = Vec::new();
        for section in headers.sections() {
            if sections.is_empty() && !section.is(FIRST) {
                kept.push(section);
                continue;
            }
            let content =
                section.in_file(&bytes).ok_or_else(|| Error::make("the parts of a UKI")("cut short"))?;
            payload_bytes += section.raw_bytes;
            sections.push((name(&section.name), content.to_vec()));
        }
        let end = |raw: Option<u32>| raw.unwrap_or(0) as usize;
        let file_end = end(kept.iter().map(|s| s.raw_offset + s.raw_bytes).max());
        let image_end = end(kept.iter().map(|s| s.rva + s.virtual_bytes).max());
        let mut stub = bytes[..file_end.min(bytes.len())].to_vec();
        // What lies after the stub's own sections is gone, so its headers must not speak of it any more.
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let coff = u32_at(60) as usize;
        let optional = coff + COFF_BYTES;
        let size = (image_end as u32).next_multiple_of(u32_at(optional + SECTION_ALIGNMENT));
        let data = u32_at(optional + INITIALIZED_DATA) - payload_bytes;
        stub[optional + INITIALIZED_DATA..][..4].copy_from_slice(&data.to_le_bytes());
        stub[coff + SECTION_COUNT..][..2].copy_from_slice(&(kept.len() as u16).to_le_bytes());
        stub[optional + SIZE_OF_IMAGE..][..4].copy_from_slice(&size.to_le_bytes());
        let parts = Self { stub, sections };
        // A mistake here would make every UKI of every test a different one than the name says.
        if parts.pack()? != bytes {
            return Err(Error::make("the parts of a UKI")("put together again they are another one"));
        }
        Ok(parts)
    }

    /// A section as text.
    pub fn text(&self, name: &str) -> Option<String> {
        let (_, content) = self.sections.iter().find(|(found, _)| found == name)?;
        Some(String::from_utf8_lossy(content).into_owned())
    }

    /// The same with another content of a section that it has.
    pub fn with(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        if let Some((_, found)) = self.sections.iter_mut().find(|(found, _)| found == name) {
            *found = content.into();
        }
        self
    }

    /// The same without a section.
    pub fn without(mut self, name: &str) -> Self {
        self.sections.retain(|(found, _)| found != name);
        self
    }

    /// The same, for another root.
    pub fn with_root(self, root: &Root) -> Self {
        let line = self.text(".cmdline").unwrap_or_default();
        let kept = line
            .split(' ')
            .filter(|word| !word.starts_with("gantry.root=") && !word.starts_with("gantry.verity="));
        let line = kept.chain([root.params().command_line_words().as_str()]).collect::<Vec<_>>().join(" ");
        self.with(".cmdline", line)
    }

    /// The same, with an initramfs whose only program is this one.
    pub fn with_init(self, program: Program) -> Self {
        let mut archive = imager::initramfs::Archive::default();
        archive.folder("dev");
        archive.file("init", 0o755, &program.elf());
        self.with(".initrd", archive.finish())
    }

    /// The same, with another security version.
    pub fn with_security_version(self, version: u32) -> Self {
        let text = self.text(".sbat").unwrap_or_default();
        let lines = text.lines().map(|line| match line.split(',').collect::<Vec<_>>().as_slice() {
            ["gantry", _, rest @ ..] => format!("gantry,{version},{}\n", rest.join(",")),
            _ => format!("{line}\n"),
        });
        let text: String = lines.collect();
        self.with(".sbat", text)
    }

    /// Puts it together. Unsigned.
    pub fn pack(&self) -> Result<Vec<u8>> {
        let sections: Vec<_> = self.sections.iter().map(|(name, bytes)| NewSection { name, bytes }).collect();
        pe::append(&self.stub, &sections).map_err(Error::make("a UKI"))
    }
}

/// Flips one bit in the middle of a section of a finished, perhaps signed, UKI.
pub fn flip_bit(uki: &mut [u8], section: &str) -> Result<()> {
    let found = Headers::parse(uki).map_err(Error::make("a damaged UKI"))?.section(section);
    let found = found.ok_or_else(|| Error::make("a damaged UKI")(format!("it has no section {section}")))?;
    let at = found.raw_offset as usize + found.virtual_bytes.min(found.raw_bytes) as usize / 2;
    uki[at] ^= 1;
    Ok(())
}
