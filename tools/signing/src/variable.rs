//! The firmware's lists of trusted certificates, as files that change them (UEFI 2.10, 8.2.2 and 32.4.1).
//!
//! ```text
//! NAME.auth = EFI_VARIABLE_AUTHENTICATION_2 | lists
//!             16 time of signing | 4 length | 2 revision 0x0200 | 2 type 0x0ef1 | 16 type PKCS#7 | SignedData
//! list      = 16 type X.509 | 4 length | 4 header length 0 | 4 entry length | 16 owner | certificate
//! signed    = name in UTF-16 | 16 vendor | 4 attributes | 16 time | lists
//! ```
//!
//! Firmware refuses a change that is not younger than the last one of the same variable. The time is therefore an argument; it is not
//! that of the clock, so that the same inputs give the same bytes.

use std::fmt;
use std::str::FromStr;

use authenticode::Certificate;
use partition::Guid;

use crate::signer::sign_checked;
use crate::{Error, Name, Signer};

/// NON_VOLATILE | BOOTSERVICE_ACCESS | RUNTIME_ACCESS | TIME_BASED_AUTHENTICATED_WRITE_ACCESS.
pub const ATTRIBUTES: u32 = 0x27;
const REVISION_2: u16 = 0x0200;
const EFI_GUID: u16 = 0x0ef1;
/// EFI_CERT_TYPE_PKCS7_GUID, 4aafd29d-68df-49ee-8aa9-347d375665a7.
const PKCS7: [u8; 16] =
    [0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7];
/// EFI_CERT_X509_GUID, a5c059a1-94e4-4aa7-87b5-ab155c2bf072.
const X509: [u8; 16] =
    [0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72];
/// EFI_GLOBAL_VARIABLE, 8be4df61-93ca-11d2-aa0d-00e098032b8c.
const GLOBAL: [u8; 16] =
    [0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c];
/// EFI_IMAGE_SECURITY_DATABASE_GUID, d719b2cb-3d3a-4596-a3bc-dad00e67656f.
const DATABASE: [u8; 16] =
    [0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f];
const LIST_HEADER_BYTES: usize = 28;
const OWNER_BYTES: usize = 16;
const CERTIFICATE_HEADER_BYTES: usize = 24;

/// A time in the firmware's form, without a zone: UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Timestamp {
    /// What the first enrolment carries, unless one is given: older than any later change.
    pub const FIRST: Timestamp = Timestamp { year: 2026, month: 1, day: 1, hour: 0, minute: 0, second: 0 };

    fn bytes(self) -> [u8; 16] {
        let Self { year, month, day, hour, minute, second } = self;
        let [low, high] = year.to_le_bytes();
        let mut bytes = [0; 16];
        bytes[..7].copy_from_slice(&[low, high, month, day, hour, minute, second]);
        bytes
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Timestamp { text: text.to_owned() };
        let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((text, "00:00:00"));
        let numbers = |text: &str, by: char| -> Option<[u16; 3]> {
            let all: Result<Vec<u16>, _> = text.split(by).map(str::parse).collect();
            all.ok()?.try_into().ok()
        };
        let [year, month, day] = numbers(date, '-').ok_or_else(wrong)?;
        let [hour, minute, second] = numbers(time, ':').ok_or_else(wrong)?;
        let within = |value: u16, range: std::ops::RangeInclusive<u16>| {
            u8::try_from(value).ok().filter(|_| range.contains(&value)).ok_or_else(wrong)
        };
        if !(1998..=9999).contains(&year) {
            return Err(wrong());
        }
        Ok(Self {
            year,
            month: within(month, 1..=12)?,
            day: within(day, 1..=31)?,
            hour: within(hour, 0..=23)?,
            minute: within(minute, 0..=59)?,
            second: within(second, 0..=59)?,
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Signature lists with these certificates (DER): the value of the variable.
pub fn signature_lists(owner: Guid, certificates: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let mut lists = Vec::new();
    for certificate in certificates {
        Certificate::parse(certificate).map_err(Error::Certificate)?;
        // A list's entries are all of one length, so each certificate gets its own list.
        let entry = OWNER_BYTES + certificate.len();
        lists.extend_from_slice(&X509);
        for length in [LIST_HEADER_BYTES + entry, 0, entry] {
            lists.extend_from_slice(&u32::try_from(length).map_err(|_| Error::Encode)?.to_le_bytes());
        }
        lists.extend_from_slice(&owner.to_bytes());
        lists.extend_from_slice(certificate);
    }
    Ok(lists)
}

/// A signed change that sets variable `name` to `lists`. The signer is who may change it: PK for PK and KEK, KEK for db.
pub fn authenticated(
    signer: &dyn Signer,
    name: Name,
    lists: &[u8],
    time: Timestamp,
) -> Result<Vec<u8>, Error> {
    let vendor = match name {
        Name::Pk | Name::Kek => GLOBAL,
        Name::Db => DATABASE,
    };
    let mut message: Vec<u8> = name.as_str().encode_utf16().flat_map(u16::to_le_bytes).collect();
    message.extend_from_slice(&vendor);
    message.extend_from_slice(&ATTRIBUTES.to_le_bytes());
    message.extend_from_slice(&time.bytes());
    message.extend_from_slice(lists);
    let certificate = Certificate::parse(signer.certificate()).map_err(Error::Certificate)?;
    let signature = sign_checked(signer, &message)?;
    let signed = authenticode::detached(&certificate, &signature).map_err(|_| Error::Encode)?;

    let length = u32::try_from(CERTIFICATE_HEADER_BYTES + signed.len()).map_err(|_| Error::Encode)?;
    let mut file = time.bytes().to_vec();
    file.extend_from_slice(&length.to_le_bytes());
    file.extend_from_slice(&REVISION_2.to_le_bytes());
    file.extend_from_slice(&EFI_GUID.to_le_bytes());
    file.extend_from_slice(&PKCS7);
    file.extend_from_slice(&signed);
    file.extend_from_slice(lists);
    Ok(file)
}
