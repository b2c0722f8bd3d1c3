//! Images: signed, and checked.

use authenticode::{Certificate, Image, ImageFault, Signature, Statement};

use crate::signer::{name, sign_checked, verifies};
use crate::{Error, Signer};

/// The image with this signer's signature and no other: what was attached before is dropped. Deterministic for a given key.
pub fn sign_image(signer: &dyn Signer, image: &[u8]) -> Result<Vec<u8>, Error> {
    let bare = Image::parse(image).map_err(Error::Image)?.without_signatures();
    add_signature(signer, &bare)
}

/// The image with one more signature, for times when machines trust one of two keys.
pub fn add_signature(signer: &dyn Signer, image: &[u8]) -> Result<Vec<u8>, Error> {
    let certificate = Certificate::parse(signer.certificate()).map_err(Error::Certificate)?;
    let image = Image::parse(image).map_err(Error::Image)?;
    let statement = Statement::about(&image.digest()).map_err(|_| Error::Encode)?;
    let signature = sign_checked(signer, statement.message())?;
    let message = statement.signed(&certificate, &signature).map_err(|_| Error::Encode)?;
    image.with_signature(&message).map_err(Error::Image)
}

/// Checks that a signature by exactly this certificate (DER) is attached and fits the image. The firmware would also take one by a
/// certificate that a trusted one has issued; our signer makes no such signatures.
pub fn verify_image(image: &[u8], certificate: &[u8]) -> Result<(), Error> {
    let certificate = Certificate::parse(certificate).map_err(Error::Certificate)?;
    let image = Image::parse(image).map_err(Error::Image)?;
    let digest = image.digest();
    let mut why = "it has none";
    for message in image.signatures() {
        why = match Signature::parse(message) {
            Err(_) => "a signature cannot be read",
            Ok(found) if found.certificate.der() != certificate.der() => "it is by another",
            Ok(found) if found.digest != digest => "the image has changed",
            Ok(found) if !verifies(&certificate, &found.message, found.signature) => {
                "the signature is forged"
            }
            Ok(_) => return Ok(()),
        };
    }
    Err(Error::Unverified { certificate: name(&certificate), why })
}

/// The common names of an image's signers, for people to read.
pub fn signers(image: &[u8]) -> Result<Vec<String>, ImageFault> {
    let image = Image::parse(image)?;
    let names = image.signatures().map(|message| match Signature::parse(message) {
        Ok(signature) => name(&signature.certificate),
        Err(fault) => format!("(unreadable: {fault})"),
    });
    Ok(names.collect())
}
