//! An authority of certificates, and what it issues: keys are ECDSA on P-256, everything is in memory.
//!
//! Holds always: what is issued is valid from a moment before now until a stated day, never longer than its authority; a
//! client's certificate says one role and one name, and serves for nothing but being a client. A private key exists here and
//! in the returned text only. Left to others: what is kept where (`identity`), who is believed (`front`).
//! RFC 5280.

use std::time::Duration;

use der::Decode as _;
use der::pem::{LineEnding, encode_string};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivatePkcs8KeyDer};
use wire::Role;

/// In front of a role in a certificate's Organization.
pub const ROLE_PREFIX: &str = "gantry:";

/// Longest Common Name (RFC 5280, upper bound ub-common-name).
pub const NAME_CHARS: usize = 64;

/// An authority outlives the machines it serves: who wants a shorter one brings their own.
pub const AUTHORITY_DAYS: u32 = 3653;

/// Clocks differ; what was just issued must be valid at once.
const EARLIER_S: u64 = 3600;

const DAY_S: u64 = 86_400;

/// Which of the two ends of a connection a certificate is for.
#[derive(Debug, Clone)]
pub enum Purpose<'a> {
    /// A server that has these names and addresses.
    Server(&'a [String]),
    /// A client: who it is and what it may do.
    Client(&'a str, Role),
}

/// A certificate and its key, as PEM, and what one wants to know of it.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS#8).
    pub key: String,
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// From when it is valid.
    pub not_before_s: u64,
    /// Until when.
    pub not_after_s: u64,
}

/// Something that could not be made, or read.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// A key or a certificate.
    #[error("cannot make {what}")]
    Make {
        /// Which.
        what: &'static str,
        /// Why.
        #[source]
        err: rcgen::Error,
    },
    /// What was kept is not an authority.
    #[error("this is not an authority's certificate and its key: {why}")]
    NotAuthority {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name that a certificate cannot carry.
    #[error("{name:?} is neither a DNS name nor an IP address")]
    Name {
        /// The name.
        name: String,
    },
}

/// An authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    not_after_s: u64,
}

impl Authority {
    /// A new one of this name.
    pub fn make(name: &str, now_s: u64) -> Result<Self, MakeError> {
        let key = new_key()?;
        let mut params = authority_params(name);
        let not_after_s = now_s + u64::from(AUTHORITY_DAYS) * DAY_S;
        (params.not_before, params.not_after) = (time(now_s.saturating_sub(DAY_S)), time(not_after_s));
        params.serial_number = Some(serial()?);
        let made = params.self_signed(&key).map_err(|err| MakeError::Make { what: "an authority", err })?;
        Ok(Authority { certificate: made.der().clone(), issuer: Issuer::new(params, key), not_after_s })
    }

    /// The one whose certificate and key these are, as PEM.
    pub fn open(pem: &str) -> Result<Self, MakeError> {
        let wrong = |why| MakeError::NotAuthority { why };
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| wrong("it holds no certificate"))?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| wrong("it holds no private key"))?;
        let key = KeyPair::try_from(&key).map_err(|_| wrong("its private key cannot be read"))?;
        let read = x509_cert::Certificate::from_der(&certificate)
            .map_err(|_| wrong("its certificate cannot be read"))?;
        let read = read.tbs_certificate();
        if read.subject_public_key_info().subject_public_key.raw_bytes() != key.public_key_raw() {
            return Err(wrong("the key is another certificate's"));
        }
        let name = super::subject::common_name(read.subject()).ok_or_else(|| wrong("it has no name"))?;
        let not_after_s = read.validity().not_after.to_unix_duration().as_secs();
        Ok(Authority { issuer: Issuer::new(authority_params(&name), key), certificate, not_after_s })
    }

    /// Its certificate and key, as PEM: what [`Authority::open`] takes.
    pub fn to_pem(&self) -> String {
        self.certificate_pem() + &pem("PRIVATE KEY", self.issuer.key().serialized_der())
    }

    /// Its certificate, as PEM.
    pub fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    /// Its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Issues a certificate, for `days` days.
    pub fn issue(&self, purpose: &Purpose<'_>, now_s: u64, days: u16) -> Result<Issued, MakeError> {
        let key = new_key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        match purpose {
            Purpose::Server(names) => {
                params.subject_alt_names =
                    names.iter().map(|name| alternative(name)).collect::<Result<_, _>>()?;
                params.distinguished_name.push(DnType::CommonName, "gantry api");
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }
            Purpose::Client(name, role) => {
                params.distinguished_name.push(DnType::OrganizationName, format!("{ROLE_PREFIX}{role}"));
                params.distinguished_name.push(DnType::CommonName, *name);
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
        }
        let not_before_s = now_s.saturating_sub(EARLIER_S);
        let not_after_s = (now_s + u64::from(days) * DAY_S).min(self.not_after_s);
        (params.not_before, params.not_after) = (time(not_before_s), time(not_after_s));
        let number = serial()?;
        let digits = hex(number.as_ref());
        params.serial_number = Some(number);
        let made = params.signed_by(&key, &self.issuer);
        let made = made.map_err(|err| MakeError::Make { what: "a certificate", err })?;
        Ok(Issued {
            certificate: pem("CERTIFICATE", made.der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
            serial: digits,
            not_before_s,
            not_after_s,
        })
    }

    /// The list of what it no longer stands for: serial numbers, each with when that was found.
    pub fn revoke(
        &self,
        revoked: &[(String, u64)],
        now_s: u64,
    ) -> Result<CertificateRevocationListDer<'static>, MakeError> {
        let entry = |(serial, at_s): &(String, u64)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&unhex(serial)),
            revocation_time: time(*at_s),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: time(now_s.saturating_sub(DAY_S)),
            // It is made anew at every start and at every change, and never leaves this process.
            next_update: time(self.not_after_s),
            crl_number: SerialNumber::from_slice(&now_s.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let made = params.signed_by(&self.issuer);
        Ok(made.map_err(|err| MakeError::Make { what: "a revocation list", err })?.der().clone())
    }
}

/// The same for the same name, so that an authority that was kept issues as it did when it was made.
fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn new_key() -> Result<KeyPair, MakeError> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|err| MakeError::Make { what: "a key", err })
}

/// 16 random bytes, the first so that the number is positive and has all of them.
fn serial() -> Result<SerialNumber, MakeError> {
    let mut bytes = [0; 16];
    let filled = aws_lc_rs::rand::fill(&mut bytes);
    filled.map_err(|_| MakeError::Make { what: "a serial number", err: rcgen::Error::RingUnspecified })?;
    bytes[0] = bytes[0] & 0x3f | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn alternative(name: &str) -> Result<SanType, MakeError> {
    if let Ok(address) = name.parse() {
        return Ok(SanType::IpAddress(address));
    }
    let name_of = |name: &str| name.try_into().map(SanType::DnsName);
    name_of(name).map_err(|_| MakeError::Name { name: name.to_owned() })
}

/// A moment as a certificate has it.
fn time(unix_s: u64) -> time::OffsetDateTime {
    date_time_ymd(1970, 1, 1) + Duration::from_secs(unix_s)
}

fn pem(label: &str, der: &[u8]) -> String {
    // A label of ours and bytes in memory: there is nothing that could be wrong with them.
    encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Vec<u8> {
    let value =
        |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16).unwrap_or_default();
    (0..digits.len() / 2).map(|pair| value(pair * 2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20.
    const NOW_S: u64 = 1_795_132_800;

    #[test]
    fn an_authority_that_was_kept_issues_as_it_did_when_it_was_made() {
        let made = Authority::make("Example", NOW_S).unwrap();
        let opened = Authority::open(&made.to_pem()).unwrap();
        assert_eq!(opened.to_pem(), made.to_pem());
        assert_eq!(opened.not_after_s, made.not_after_s);
        for authority in [&made, &opened] {
            let issued = authority.issue(&Purpose::Client("ada", Role::Reader), NOW_S, 30).unwrap();
            let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
            let end = webpki::EndEntityCert::try_from(&der).unwrap();
            let anchor = webpki::anchor_from_trusted_cert(made.certificate()).unwrap();
            let now = rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(NOW_S));
            let usage = webpki::KeyUsage::client_auth();
            let algorithms = webpki::ALL_VERIFICATION_ALGS;
            end.verify_for_usage(algorithms, &[anchor], &[], now, usage, None, None).unwrap();
        }
    }

    #[test]
    fn what_is_not_an_authority_is_refused() {
        let (one, other) = (Authority::make("one", NOW_S).unwrap(), Authority::make("other", NOW_S).unwrap());
        let key = pem("PRIVATE KEY", other.issuer.key().serialized_der());
        let mixed = one.certificate_pem() + &key;
        for (text, why) in [
            ("", "no certificate"),
            (&key, "no certificate"),
            (&one.certificate_pem(), "no private key"),
            (&mixed, "another certificate's"),
        ] {
            let err = Authority::open(text).unwrap_err().to_string();
            assert!(err.contains(why), "{err}");
        }
    }

    #[test]
    fn nothing_outlives_its_authority() {
        let authority = Authority::make("Example", NOW_S).unwrap();
        let last_day = authority.not_after_s - DAY_S;
        let issued = authority.issue(&Purpose::Server(&["node".into()]), last_day, 90).unwrap();
        assert_eq!(issued.not_after_s, authority.not_after_s);
    }

    #[test]
    fn names_are_dns_names_or_addresses() {
        for good in ["node-1.example", "localhost", "10.0.0.1", "::1"] {
            assert!(alternative(good).is_ok(), "{good}");
        }
        assert!(alternative("nöde").is_err());
    }

    #[test]
    fn serial_numbers_survive_their_digits() {
        let number = serial().unwrap();
        assert_eq!(unhex(&hex(number.as_ref())), number.as_ref());
        assert_eq!(number.as_ref().len(), 16);
    }
}
