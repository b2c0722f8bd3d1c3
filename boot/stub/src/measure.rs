//! What of the UKI is measured into the TPM: the sections of [`pe::uki::MEASURED`], each by its name and by what it holds.

use alloc::vec::Vec;

use pe::uki::MEASURED;
use pe::{Fault, Headers};

/// The register: what the firmware has not measured as a part of itself, but as parts of a UKI.
pub const PCR: u32 = 11;

/// One section, to be measured in two steps: its name, then what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Measured<'a> {
    /// Its name with a final zero.
    pub name: Vec<u8>,
    /// Its bytes, without padding.
    pub content: &'a [u8],
}

/// The sections to measure of the stub's own image, as the firmware has loaded it. Absent ones are passed over.
pub fn sections(image: &[u8]) -> Result<Vec<Measured<'_>>, Fault> {
    let headers = Headers::parse(image)?;
    let measured = |name: &str| {
        let content = headers.section(name)?.in_memory(image)?;
        Some(Measured { name: [name.as_bytes(), b"\0"].concat(), content })
    };
    Ok(MEASURED.into_iter().filter_map(measured).collect())
}
