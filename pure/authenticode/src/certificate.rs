//! X.509 certificates (RFC 5280), as far as a signature refers to them.

use alloc::string::String;

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

use crate::structures::{IssuerAndSerial, NamePart, PublicKeyInfo, RawSet};
use crate::{SignatureFault, oids};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

/// A certificate, read as far as a signature needs it. Nothing about it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    der: &'a [u8],
    pub(crate) identity: IssuerAndSerial<'a>,
    subject: AnyRef<'a>,
    key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads a certificate with an RSA key; firmware promises to know no other.
    pub fn parse(der: &'a [u8]) -> Result<Self, SignatureFault> {
        let mut outer = SliceReader::new(der).map_err(SignatureFault::Certificate)?;
        let certificate = outer.sequence(|reader| {
            let read = reader.sequence(|fields| Self::fields(der, fields))?;
            let _algorithm = AnyRef::decode(reader)?;
            let _signature = AnyRef::decode(reader)?;
            Ok::<_, der::Error>(read)
        });
        let (certificate, info) = certificate.map_err(SignatureFault::Certificate)?;
        outer.finish().map_err(SignatureFault::Certificate)?;
        match info.key.as_bytes().filter(|_| info.algorithm.oid == oids::RSA) {
            Some(key) => Ok(Self { key, ..certificate }),
            None => Err(SignatureFault::Algorithm),
        }
    }

    fn fields(der: &'a [u8], fields: &mut SliceReader<'a>) -> der::Result<(Self, PublicKeyInfo<'a>)> {
        if Tag::peek(fields)? == VERSION {
            AnyRef::decode(fields)?;
        }
        let serial = AnyRef::decode(fields)?;
        let _algorithm = AnyRef::decode(fields)?;
        let issuer = AnyRef::decode(fields)?;
        let _validity = AnyRef::decode(fields)?;
        let subject = AnyRef::decode(fields)?;
        let key = PublicKeyInfo::decode(fields)?;
        // Identifiers and extensions: the firmware's verifier looks at them.
        while !fields.is_finished() {
            AnyRef::decode(fields)?;
        }
        let identity = IssuerAndSerial { issuer, serial };
        Ok((Self { der, identity, subject, key: &[] }, key))
    }

    /// All of it.
    pub fn der(&self) -> &'a [u8] {
        self.der
    }

    /// RSAPublicKey (RFC 8017, A.1.1).
    pub fn rsa_key(&self) -> &'a [u8] {
        self.key
    }

    /// The subject's common name, for people to read.
    pub fn common_name(&self) -> Option<String> {
        let names = RawSet(self.subject.value());
        let parts =
            names.elements().filter_map(|part| RawSet::from_der(part).ok()).flat_map(RawSet::elements);
        parts.filter_map(|part| NamePart::from_der(part).ok()).find_map(|part| {
            (part.oid == COMMON_NAME).then(|| String::from_utf8_lossy(part.value.value()).into_owned())
        })
    }
}
