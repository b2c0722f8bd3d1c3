//! What a TPM's registers hold after a boot: predicted from the images.
//!
//! Register 4 is the firmware's (TCG PC Client Platform Firmware Profile, 3.3.4.5): that it turns to a boot option, that this is
//! over, and each image that it loads, by its Authenticode digest. Register 11 is the stub's: what it takes from its UKI.
//! Both assume that nothing else was tried before (a network boot, another disk): then the registers differ, and should.

use authenticode::{Image, ImageFault};
use pe::uki::MEASURED;
use pe::{Fault, Headers};
use sha2::{Digest as _, Sha256};

/// EV_EFI_ACTION, before the first boot option is tried.
const CALLING: &[u8] = b"Calling EFI Application from Boot Option";
/// EV_SEPARATOR, with which the firmware ends its own measurements.
const SEPARATOR: &[u8] = &[0; 4];

/// Registers of the SHA-256 bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The firmware's: boot manager and UKI.
    pub pcr4: [u8; 32],
    /// The stub's: the UKI's sections.
    pub pcr11: [u8; 32],
}

/// Why registers cannot be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// It cannot be hashed as firmware would.
    #[error("cannot hash the boot manager")]
    BootManager(#[source] ImageFault),
    /// It cannot be hashed as firmware would.
    #[error("cannot hash the UKI")]
    Uki(#[source] ImageFault),
    /// It is no image.
    #[error("cannot read the UKI's headers")]
    Headers(#[source] Fault),
    /// A section leaves the file.
    #[error("section {0} of the UKI is cut off")]
    Section(&'static str),
}

/// Both registers after this boot manager has started this UKI, both as they lie on the disk.
pub fn predict(bootmgr: &[u8], uki: &[u8]) -> Result<Prediction, PredictError> {
    let manager = Image::parse(bootmgr).map_err(PredictError::BootManager)?.digest();
    let kernel = Image::parse(uki).map_err(PredictError::Uki)?.digest();
    let mut pcr4 = Register::default();
    pcr4.measure(CALLING);
    pcr4.measure(SEPARATOR);
    pcr4.extend(manager);
    pcr4.extend(kernel);

    let headers = Headers::parse(uki).map_err(PredictError::Headers)?;
    let mut pcr11 = Register::default();
    // As the stub does: a section's name with a NUL, then its content.
    for name in MEASURED {
        let Some(section) = headers.section(name) else { continue };
        let content = section.in_file(uki).ok_or(PredictError::Section(name))?;
        pcr11.measure(format!("{name}\0").as_bytes());
        pcr11.measure(content);
    }
    Ok(Prediction { pcr4: pcr4.0, pcr11: pcr11.0 })
}

#[derive(Default)]
struct Register([u8; 32]);

impl Register {
    fn measure(&mut self, bytes: &[u8]) {
        self.extend(Sha256::digest(bytes).into());
    }

    fn extend(&mut self, digest: [u8; 32]) {
        self.0 = Sha256::new().chain_update(self.0).chain_update(digest).finalize().into();
    }
}
