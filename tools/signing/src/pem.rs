//! Keys and certificates as files.

use std::fs;
use std::path::Path;

use der::pem::decode_vec;

use crate::Error;

/// What DER begins with: a SEQUENCE. PEM begins with text.
const DER_SEQUENCE: u8 = 0x30;

/// A private key in DER.
pub enum PrivateKey {
    /// PrivateKeyInfo (RFC 5208).
    Pkcs8(Vec<u8>),
    /// RSAPrivateKey (RFC 8017).
    Pkcs1(Vec<u8>),
}

/// A certificate from a file that is PEM or DER, as DER.
pub fn certificate(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = read(path)?;
    if bytes.first() == Some(&DER_SEQUENCE) {
        return Ok(bytes);
    }
    match decode_vec(&bytes) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        _ => Err(Error::Pem { path: path.to_owned(), what: "certificate" }),
    }
}

/// A private key from a PEM file.
pub fn private_key(path: &Path) -> Result<PrivateKey, Error> {
    match decode_vec(&read(path)?) {
        Ok(("PRIVATE KEY", der)) => Ok(PrivateKey::Pkcs8(der)),
        Ok(("RSA PRIVATE KEY", der)) => Ok(PrivateKey::Pkcs1(der)),
        _ => {
            Err(Error::Pem { path: path.to_owned(), what: "private key that can be used without a password" })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|err| Error::Read { path: path.to_owned(), err })
}
