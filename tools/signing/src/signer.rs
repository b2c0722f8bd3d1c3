//! Who signs.

use authenticode::Certificate;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::Error;

/// A certificate and something that signs with its key. The key itself may be out of reach.
pub trait Signer {
    /// The certificate, in DER.
    fn certificate(&self) -> &[u8];

    /// A signature over `message`: RSA with PKCS#1 v1.5 and SHA-256. The signer hashes.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// Signs and checks the result: an external signer that has another key would else be noticed by the machine that does not boot.
pub(crate) fn sign_checked(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, Error> {
    let certificate = Certificate::parse(signer.certificate()).map_err(Error::Certificate)?;
    let signature = signer.sign(message)?;
    if verifies(&certificate, message, &signature) {
        Ok(signature)
    } else {
        Err(Error::WrongSignature { certificate: name(&certificate) })
    }
}

/// Whether `signature` is the certificate's over `message`.
pub(crate) fn verifies(certificate: &Certificate<'_>, message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, certificate.rsa_key())
        .verify(message, signature)
        .is_ok()
}

/// For people to read. Whoever made the certificate chose the name: it must not move their cursor, or say more lines than one.
pub(crate) fn name(certificate: &Certificate<'_>) -> String {
    let name = certificate.common_name().unwrap_or_else(|| "without a name".to_owned());
    name.replace(char::is_control, "\u{fffd}")
}
