//! The DER structures of PKCS#7 (RFC 5652) and Authenticode, as far as image signatures use them.
//!
//! Sets are kept as they were found: sorting them is for who writes, and a reader that sorted would take quadratic time.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, SliceReader, Tag, Writer};

/// SET OF, undecoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSet<'a>(pub &'a [u8]);

impl<'a> RawSet<'a> {
    /// Its elements in the order in which they were found; ends at the first that is not DER.
    pub fn elements(self) -> impl Iterator<Item = &'a [u8]> {
        let mut reader = SliceReader::new(self.0).ok();
        core::iter::from_fn(move || {
            let reader = reader.as_mut().filter(|reader| !reader.is_finished())?;
            reader.tlv_bytes().ok()
        })
    }
}

impl FixedTag for RawSet<'_> {
    const TAG: Tag = Tag::Set;
}

impl<'a> DecodeValue<'a> for RawSet<'a> {
    type Error = der::Error;

    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        reader.read_slice(header.length()).map(RawSet)
    }
}

impl EncodeValue for RawSet<'_> {
    fn value_len(&self) -> der::Result<Length> {
        Length::try_from(self.0.len())
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Algorithm<'a> {
    pub oid: ObjectIdentifier,
    pub parameters: Option<AnyRef<'a>>,
}

impl Algorithm<'static> {
    /// With the NULL that RFC 5754 lets one write and that older checkers expect.
    pub fn new(oid: ObjectIdentifier) -> Self {
        Self { oid, parameters: Some(AnyRef::NULL) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct ContentInfo<'a> {
    pub content_type: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub content: Option<AnyRef<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SignedData<'a> {
    pub version: u8,
    pub digest_algorithms: RawSet<'a>,
    pub content: ContentInfo<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub certificates: Option<RawSet<'a>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub revocations: Option<RawSet<'a>>,
    pub signers: RawSet<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct SignerInfo<'a> {
    pub version: u8,
    pub signer: IssuerAndSerial<'a>,
    pub digest_algorithm: Algorithm<'a>,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub signed_attributes: Option<RawSet<'a>>,
    pub signature_algorithm: Algorithm<'a>,
    pub signature: &'a OctetStringRef,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub unsigned_attributes: Option<RawSet<'a>>,
}

/// How a signer is named: fields of its certificate, byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct IssuerAndSerial<'a> {
    pub issuer: AnyRef<'a>,
    pub serial: AnyRef<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct Attribute<'a> {
    pub oid: ObjectIdentifier,
    pub values: RawSet<'a>,
}

/// AttributeTypeAndValue of a name: unlike an attribute of a signature it has one value.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct NamePart<'a> {
    pub oid: ObjectIdentifier,
    pub value: AnyRef<'a>,
}

/// SpcIndirectDataContent.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct IndirectData<'a> {
    pub data: TypedValue<'a>,
    pub digest: DigestInfo<'a>,
}

/// SpcAttributeTypeAndOptionalValue.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct TypedValue<'a> {
    pub oid: ObjectIdentifier,
    pub value: Option<AnyRef<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct DigestInfo<'a> {
    pub algorithm: Algorithm<'a>,
    pub digest: &'a OctetStringRef,
}

/// SubjectPublicKeyInfo.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub struct PublicKeyInfo<'a> {
    pub algorithm: Algorithm<'a>,
    pub key: BitStringRef<'a>,
}
