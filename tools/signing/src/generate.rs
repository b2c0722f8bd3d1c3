//! New keys, with certificates that they sign themselves.
//!
//! The certificate (RFC 5280) is written here: it is one fixed shape, and the crates that make certificates of every shape bring a
//! dozen more. It serves as what Secure Boot wants, a name for a key; nothing issues or revokes it.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use der::asn1::{Any, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef, Utf8StringRef};
use der::pem::{LineEnding, encode_string};
use der::{Encode, Tag, TagNumber};
use partition::Guid;

use crate::Error;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_WITH_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
/// X.509 version 3.
const VERSION_3: u8 = 2;
/// Firmware checks no dates (it may have no clock), so they say nothing; a test key that stops working one day would be a trap
/// for other tools. RFC 5280 wants the short form before 2050 and the long one after.
const NOT_BEFORE: (Tag, &[u8]) = (Tag::UtcTime, b"200101000000Z");
const NOT_AFTER: (Tag, &[u8]) = (Tag::GeneralizedTime, b"21200101000000Z");

/// A private key (PKCS#8) and its certificate, both PEM.
pub struct Pair {
    pub key: String,
    pub certificate: String,
}

/// A new RSA-2048 key: the one size that every UEFI firmware takes.
pub fn pair(common_name: &str) -> Result<Pair, Error> {
    let key = KeyPair::generate(KeySize::Rsa2048).map_err(|Unspecified| Error::Generate)?;
    let private = key.as_der().map_err(|Unspecified| Error::Generate)?;
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|Unspecified| Error::Generate)?;
    let body = body(common_name, &serial, key.public_key().as_ref()).map_err(|_| Error::Encode)?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &body, &mut signature)
        .map_err(|Unspecified| Error::Sign)?;
    let certificate = certificate(&body, &signature).map_err(|_| Error::Encode)?;
    let pem = |label, der: &[u8]| encode_string(label, LineEnding::LF, der).map_err(|_| Error::Encode);
    let private: &Pkcs8V1Der<'_> = &private;
    Ok(Pair { key: pem("PRIVATE KEY", private.as_ref())?, certificate: pem("CERTIFICATE", &certificate)? })
}

/// TBSCertificate.
fn body(common_name: &str, serial: &[u8], key: &[u8]) -> der::Result<Vec<u8>> {
    let attribute = [COMMON_NAME.to_der()?, Utf8StringRef::new(common_name)?.to_der()?].concat();
    let name = sequence(&[tagged(Tag::Set, &sequence(&[attribute])?)?])?;
    let time = |(tag, text)| tagged(tag, text);
    let can_issue = sequence(&[true.to_der()?])?;
    let constraints =
        sequence(&[BASIC_CONSTRAINTS.to_der()?, true.to_der()?, OctetStringRef::new(&can_issue)?.to_der()?])?;
    sequence(&[
        tagged(field(0), &VERSION_3.to_der()?)?,
        UintRef::new(serial)?.to_der()?,
        algorithm(RSA_WITH_SHA_256)?,
        name.clone(),
        sequence(&[time(NOT_BEFORE)?, time(NOT_AFTER)?])?,
        name,
        sequence(&[algorithm(RSA)?, BitStringRef::from_bytes(key)?.to_der()?])?,
        tagged(field(3), &sequence(&[constraints])?)?,
    ])
}

fn certificate(body: &[u8], signature: &[u8]) -> der::Result<Vec<u8>> {
    let signature = BitStringRef::from_bytes(signature)?.to_der()?;
    sequence(&[body.to_vec(), algorithm(RSA_WITH_SHA_256)?, signature])
}

fn algorithm(oid: ObjectIdentifier) -> der::Result<Vec<u8>> {
    sequence(&[oid.to_der()?, der::asn1::Null.to_der()?])
}

fn sequence(parts: &[Vec<u8>]) -> der::Result<Vec<u8>> {
    tagged(Tag::Sequence, &parts.concat())
}

fn tagged(tag: Tag, value: &[u8]) -> der::Result<Vec<u8>> {
    Any::new(tag, value)?.to_der()
}

fn field(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// A random GUID (RFC 9562, version 4).
pub fn guid() -> Result<Guid, Error> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|Unspecified| Error::Generate)?;
    Ok(Guid::from_random_bytes(bytes))
}
