//! What a client's certificate says: who, and which role.
//!
//! Asked only of certificates that the TLS handshake has believed. Holds always: exactly one Organization that begins with
//! `gantry:` gives the role; none, two, or one that nobody knows gives nothing. X.509 is read by `x509-cert`.

use der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Any, Decode as _, Tag, Tagged as _};
use wire::Role;
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsage;
use x509_cert::name::Name;

use super::authority::{NAME_CHARS, ROLE_PREFIX, hex};

const COMMON_NAME: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: der::asn1::ObjectIdentifier = der::asn1::ObjectIdentifier::new_unwrap("2.5.4.10");

/// Whose certificate it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its Common Name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// Until when it is valid.
    pub not_after_s: u64,
}

/// Why a certificate that is genuine lets its holder do nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Useless {
    /// Not X.509 as we read it.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// Its key is for something else.
    #[error("the certificate's key usage is not digitalSignature: it is not one of a client")]
    Usage,
    /// No name, or more than one.
    #[error(
        "the certificate has not exactly one Common Name of 1 to 64 printable characters, which names the caller"
    )]
    NoName,
    /// No role.
    #[error(
        "the certificate of {name:?} gives no role: no Organization of its subject is gantry:reader, gantry:operator or gantry:admin"
    )]
    NoRole {
        /// Whose.
        name: String,
    },
    /// More than one.
    #[error(
        "the certificate of {name:?} gives more than one role: only one Organization of its subject may begin with gantry:"
    )]
    Roles {
        /// Whose.
        name: String,
    },
    /// One that is not known.
    #[error(
        "the certificate of {name:?} gives a role that is none of gantry:reader, gantry:operator and gantry:admin"
    )]
    UnknownRole {
        /// Whose.
        name: String,
    },
}

/// Reads a certificate (DER).
pub fn read(certificate: &[u8]) -> Result<Subject, Useless> {
    let certificate = Certificate::from_der(certificate).map_err(|_| Useless::Unreadable)?;
    let inner = certificate.tbs_certificate();
    let name = common_name(inner.subject()).ok_or(Useless::NoName)?;
    let usage = inner.get_extension::<KeyUsage>().map_err(|_| Useless::Unreadable)?;
    if usage.is_some_and(|(_, usage)| !usage.digital_signature()) {
        return Err(Useless::Usage);
    }
    let mut roles = Vec::new();
    for value in values(inner.subject(), ORGANIZATION) {
        // What is no text cannot be a role, and may be anything else.
        roles.extend(value.and_then(|text| text.strip_prefix(ROLE_PREFIX).map(str::to_owned)));
    }
    let role = match roles.as_slice() {
        [] => return Err(Useless::NoRole { name }),
        [role] => role.parse().map_err(|()| Useless::UnknownRole { name: name.clone() })?,
        _ => return Err(Useless::Roles { name }),
    };
    Ok(Subject {
        name,
        role,
        serial: hex(inner.serial_number().as_bytes()),
        not_after_s: inner.validity().not_after.to_unix_duration().as_secs(),
    })
}

/// The one Common Name of a subject.
pub fn common_name(subject: &Name) -> Option<String> {
    let mut names = values(subject, COMMON_NAME);
    let name = names.next()??;
    let fits = !name.is_empty() && name.chars().count() <= NAME_CHARS && !name.chars().any(char::is_control);
    (fits && names.next().is_none()).then_some(name)
}

/// Every value of one kind in a subject, in order.
fn values(subject: &Name, kind: der::asn1::ObjectIdentifier) -> impl Iterator<Item = Option<String>> {
    subject.iter().filter(move |attribute| attribute.oid == kind).map(|attribute| text(&attribute.value))
}

/// A string of one of the kinds that certificates use today.
fn text(value: &Any) -> Option<String> {
    let text = match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok()?.as_str().to_owned(),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok()?.as_str().to_owned(),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok()?.as_str().to_owned(),
        _ => return None,
    };
    Some(text)
}
