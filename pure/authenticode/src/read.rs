//! A signature, read.

use alloc::vec::Vec;

use der::asn1::AnyRef;
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use sha2::{Digest as _, Sha256};

use crate::structures::{Algorithm, Attribute, ContentInfo, IndirectData, RawSet, SignedData, SignerInfo};
use crate::{Certificate, Digest, oids};

/// A list entry is padded to eight bytes, and signers count the padding as part of it.
const MAX_PADDING: usize = 7;

/// Why bytes are not a signature that we can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Not DER, or not the structures that Authenticode wants.
    #[error("not a PKCS#7 message of an image signature")]
    Message(#[source] der::Error),
    /// Something follows the message.
    #[error("something follows the signature")]
    Trailing,
    /// Not X.509.
    #[error("cannot read a certificate")]
    Certificate(#[source] der::Error),
    /// Not SHA-256 and RSA with PKCS#1 v1.5.
    #[error("algorithm is not RSA with SHA-256")]
    Algorithm,
    /// None or several.
    #[error("signature does not have exactly one signer")]
    Signers,
    /// No certificate with the signer's issuer and serial number.
    #[error("signer's certificate is not in the signature")]
    NoCertificate,
    /// Absent, or about other content.
    #[error("signed attributes do not fit what they should be about")]
    Attributes,
}

/// An image signature, taken apart. That `signature` is one of the certificate's key over `message` is for the caller to check,
/// as is whether to trust the certificate, and that `digest` is that of the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// Of the image that it is about.
    pub digest: Digest,
    /// Of the signer.
    pub certificate: Certificate<'a>,
    /// The bytes that were signed.
    pub message: Vec<u8>,
    /// RSA, PKCS#1 v1.5, SHA-256.
    pub signature: &'a [u8],
}

impl<'a> Signature<'a> {
    /// Reads a PKCS#7 message, as [`crate::Image::signatures`] finds them.
    pub fn parse(pkcs7: &'a [u8]) -> Result<Self, SignatureFault> {
        let signed = signed_data(pkcs7)?;
        let content = content(&signed.content)?;
        let indirect: IndirectData<'_> = content.decode_as().map_err(SignatureFault::Message)?;
        let info = only_signer(signed.signers)?;
        // By this one, found by counting bytes, the firmware hashes the image.
        let hashed_by = only(signed.digest_algorithms).and_then(|only| Algorithm::from_der(only).ok());
        let hashed_by = hashed_by.ok_or(SignatureFault::Algorithm)?;
        let algorithms = [&hashed_by, &indirect.digest.algorithm, &info.digest_algorithm];
        if algorithms.iter().any(|algorithm| algorithm.oid != oids::SHA_256)
            || !is_rsa(&info.signature_algorithm)
        {
            return Err(SignatureFault::Algorithm);
        }
        let digest = indirect.digest.digest.as_bytes().try_into().map_err(|_| SignatureFault::Algorithm)?;
        // PKCS#7 can do without them, Authenticode cannot.
        let attributes = info.signed_attributes.ok_or(SignatureFault::Attributes)?;
        check_attributes(attributes, content.value())?;
        // They are signed as what they are, a set; in the message they carry the tag of their field.
        let message = attributes.to_der().map_err(SignatureFault::Message)?;
        let certificates = signed.certificates.unwrap_or(RawSet(&[])).elements();
        let certificate = certificates
            .filter_map(|der| Certificate::parse(der).ok())
            .find(|certificate| certificate.identity == info.signer)
            .ok_or(SignatureFault::NoCertificate)?;
        Ok(Self { digest, certificate, message, signature: info.signature.as_bytes() })
    }
}

fn signed_data(pkcs7: &[u8]) -> Result<SignedData<'_>, SignatureFault> {
    let mut reader = SliceReader::new(pkcs7).map_err(SignatureFault::Message)?;
    let outer = ContentInfo::decode(&mut reader).map_err(SignatureFault::Message)?;
    let length = usize::try_from(reader.position()).map_err(SignatureFault::Message)?;
    let rest = pkcs7.get(length..).unwrap_or_default();
    if rest.len() > MAX_PADDING || rest.iter().any(|byte| *byte != 0) {
        return Err(SignatureFault::Trailing);
    }
    let wrong = || SignatureFault::Message(Tag::ObjectIdentifier.value_error().into());
    let content = outer.content.filter(|_| outer.content_type == oids::SIGNED_DATA).ok_or_else(wrong)?;
    content.decode_as().map_err(SignatureFault::Message)
}

/// SpcIndirectDataContent. What is hashed of it is its value, without tag and length.
fn content<'a>(info: &ContentInfo<'a>) -> Result<AnyRef<'a>, SignatureFault> {
    let wrong = || SignatureFault::Message(Tag::ObjectIdentifier.value_error().into());
    info.content.filter(|_| info.content_type == oids::INDIRECT_DATA).ok_or_else(wrong)
}

fn only_signer(signers: RawSet<'_>) -> Result<SignerInfo<'_>, SignatureFault> {
    let only = only(signers).ok_or(SignatureFault::Signers)?;
    SignerInfo::from_der(only).map_err(SignatureFault::Message)
}

/// The one element that all of a set is.
fn only(set: RawSet<'_>) -> Option<&[u8]> {
    set.elements().next().filter(|element| element.len() == set.0.len())
}

fn is_rsa(algorithm: &Algorithm<'_>) -> bool {
    algorithm.oid == oids::RSA || algorithm.oid == oids::RSA_WITH_SHA_256
}

/// The attributes must say what is signed (once): else a signature of one kind could pass for another.
fn check_attributes(attributes: RawSet<'_>, content: &[u8]) -> Result<(), SignatureFault> {
    let digest: Digest = Sha256::digest(content).into();
    let (mut kinds, mut digests) = (0, 0);
    for attribute in attributes.elements() {
        let attribute = Attribute::from_der(attribute).map_err(SignatureFault::Message)?;
        let value = AnyRef::from_der(attribute.values.0);
        if attribute.oid == oids::CONTENT_TYPE {
            let kind = value.and_then(|value| value.decode_as()).map_err(SignatureFault::Message)?;
            kinds += if oids::INDIRECT_DATA == kind { 1 } else { 2 };
        } else if attribute.oid == oids::MESSAGE_DIGEST {
            let value = value.map_err(SignatureFault::Message)?;
            let octets = value.tag() == Tag::OctetString;
            digests += if octets && value.value() == digest { 1 } else { 2 };
        }
    }
    if (kinds, digests) == (1, 1) { Ok(()) } else { Err(SignatureFault::Attributes) }
}
