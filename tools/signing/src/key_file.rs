//! A key in a file.

use std::path::Path;

use authenticode::Certificate;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};

use crate::pem::{self, PrivateKey};
use crate::{Error, Signer, signer};

/// Signs with a private key that is a file on this machine.
#[derive(Debug)]
pub struct KeyFile {
    certificate: Vec<u8>,
    key: RsaKeyPair,
}

impl KeyFile {
    /// Reads a private key (PEM: PKCS#8 or PKCS#1) and its certificate (PEM or DER). They must be a pair.
    pub fn open(key: &Path, certificate: &Path) -> Result<Self, Error> {
        let certificate = pem::certificate(certificate)?;
        let key = match pem::private_key(key)? {
            PrivateKey::Pkcs8(der) => RsaKeyPair::from_pkcs8(&der),
            PrivateKey::Pkcs1(der) => RsaKeyPair::from_der(&der),
        };
        let key = key.map_err(|err| Error::Key { why: err.to_string() })?;
        let parsed = Certificate::parse(&certificate).map_err(Error::Certificate)?;
        if parsed.rsa_key() != key.public_key().as_ref() {
            return Err(Error::Pair { certificate: signer::name(&parsed) });
        }
        Ok(Self { certificate, key })
    }
}

impl Signer for KeyFile {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        // This padding uses no randomness; the library's interface is one for all.
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| Error::Sign)?;
        Ok(signature)
    }
}
