//! A signature, written.
//!
//! EDK2 reads part of a message by counting bytes: it wants lengths of two bytes in the outer structures (which they have as soon as a
//! certificate and an RSA-2048 signature are in them), the algorithm at a fixed place (one digest algorithm, with its NULL)
//! and the image's digest as the last bytes of the content.

use alloc::vec::Vec;

use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Encode, Tag};
use sha2::{Digest as _, Sha256};

use crate::structures::{
    Algorithm, Attribute, ContentInfo, DigestInfo, IndirectData, RawSet, SignedData, SignerInfo, TypedValue,
};
use crate::{Certificate, Digest, oids};

/// SpcPeImageData: no flags, and an empty file name (once a link to a file with page hashes; obsolete, yet not optional).
const PE_IMAGE_DATA: &[u8] = &[0x03, 0x01, 0x00, 0xa0, 0x04, 0xa2, 0x02, 0x80, 0x00];

/// What a signer says: "the image has this digest".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    content: Vec<u8>,
    attributes: Vec<u8>,
    message: Vec<u8>,
}

impl Statement {
    /// The statement about an image. Fails only if something does not fit in DER's lengths.
    pub fn about(image: &Digest) -> Result<Self, der::Error> {
        let indirect = IndirectData {
            data: TypedValue {
                oid: oids::PE_IMAGE_DATA,
                value: Some(AnyRef::new(Tag::Sequence, PE_IMAGE_DATA)?),
            },
            digest: DigestInfo {
                algorithm: Algorithm::new(oids::SHA_256),
                digest: OctetStringRef::new(image)?,
            },
        };
        let content = indirect.to_der()?;
        let digest = Sha256::digest(AnyRef::try_from(content.as_slice())?.value());
        let kind = attribute(oids::CONTENT_TYPE, &oids::INDIRECT_DATA)?;
        let digest = attribute(oids::MESSAGE_DIGEST, &OctetStringRef::new(&digest)?)?;
        let attributes = set(&mut [kind, digest]);
        let message = RawSet(&attributes).to_der()?;
        Ok(Self { content, attributes, message })
    }

    /// The bytes to sign: RSA, PKCS#1 v1.5, SHA-256.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The PKCS#7 message to attach, from `signature` over [`Statement::message`] by the key of `certificate`.
    pub fn signed(&self, certificate: &Certificate<'_>, signature: &[u8]) -> Result<Vec<u8>, der::Error> {
        let content = ContentInfo {
            content_type: oids::INDIRECT_DATA,
            content: Some(AnyRef::try_from(self.content.as_slice())?),
        };
        let signed = signed_data(content, certificate, Some(RawSet(&self.attributes)), signature)?;
        let content = Some(AnyRef::try_from(signed.as_slice())?);
        ContentInfo { content_type: oids::SIGNED_DATA, content }.to_der()
    }
}

/// SignedData without what is signed, and without the ContentInfo around it: what an authenticated variable carries
/// (UEFI 2.10, 8.2.2). `signature` is over the data itself.
pub fn detached(certificate: &Certificate<'_>, signature: &[u8]) -> Result<Vec<u8>, der::Error> {
    let content = ContentInfo { content_type: oids::DATA, content: None };
    signed_data(content, certificate, None, signature)
}

fn signed_data(
    content: ContentInfo<'_>,
    certificate: &Certificate<'_>,
    attributes: Option<RawSet<'_>>,
    signature: &[u8],
) -> Result<Vec<u8>, der::Error> {
    let signer = SignerInfo {
        version: 1,
        signer: certificate.identity.clone(),
        digest_algorithm: Algorithm::new(oids::SHA_256),
        signed_attributes: attributes,
        signature_algorithm: Algorithm::new(oids::RSA),
        signature: OctetStringRef::new(signature)?,
        unsigned_attributes: None,
    };
    let digest_algorithm = Algorithm::new(oids::SHA_256).to_der()?;
    let signer = signer.to_der()?;
    let signed = SignedData {
        version: 1,
        digest_algorithms: RawSet(&digest_algorithm),
        content,
        certificates: Some(RawSet(certificate.der())),
        revocations: None,
        signers: RawSet(&signer),
    };
    signed.to_der()
}

fn attribute(oid: ObjectIdentifier, value: &impl Encode) -> Result<Vec<u8>, der::Error> {
    let value = value.to_der()?;
    Attribute { oid, values: RawSet(&value) }.to_der()
}

/// The elements of a set in DER's order.
fn set(elements: &mut [Vec<u8>]) -> Vec<u8> {
    elements.sort_unstable();
    elements.concat()
}
