//! PEM files (RFC 7468) in base64: certificates, their revocations and keys. Only the outside is looked at: that each
//! block is of the right kind and holds base64. What is inside is judged by who uses it.

use alloc::string::String;
use alloc::vec::Vec;

use super::base64::decode;
use super::{Invalid, Scalar, Secret, text_scalar};
use crate::shape::Facts;

/// Longest file, encoded: a bundle of all public authorities has some 220 KiB.
const ENCODED_BYTES: usize = 512 << 10;

text_scalar! {
    /// One or more certificates. Kept encoded.
    Certificates: "base64 of PEM certificates", |text| pem(text, &["CERTIFICATE"]).map(drop)
}

text_scalar! {
    /// Certificates as [`Certificates`], or nothing at all.
    TrustBundle: "base64 of PEM certificates, or nothing", |text| {
        if text.is_empty() { Ok(()) } else { pem(text, &["CERTIFICATE"]).map(drop) }
    }
}

text_scalar! {
    /// One or more certificate revocation lists. Kept encoded.
    Revocations: "base64 of PEM revocation lists", |text| pem(text, &["X509 CRL"]).map(drop)
}

impl Certificates {
    /// The PEM text.
    pub fn pem(&self) -> String {
        decoded(&self.0)
    }
}

impl TrustBundle {
    /// The PEM text, empty when there is nothing.
    pub fn pem(&self) -> String {
        decoded(&self.0)
    }
}

impl Revocations {
    /// The PEM text.
    pub fn pem(&self) -> String {
        decoded(&self.0)
    }
}

/// One private key that is not encrypted. Kept encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKey(Secret);

impl PrivateKey {
    /// The PEM text, for the one place that needs it.
    pub fn pem(&self) -> Secret {
        Secret::new(decoded(self.0.expose()))
    }
}

impl Scalar for PrivateKey {
    const WANTED: &'static str = "base64 of a PEM private key (secret)";
    const FACTS: Facts = Facts::text(Self::WANTED).secret();

    fn parse(text: &str) -> Result<Self, Invalid> {
        match pem(text, &["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"])? {
            1 => Ok(PrivateKey(Secret::new(text))),
            _ => Err(Invalid::new("more than one private key")),
        }
    }

    fn text(&self) -> String {
        self.0.expose().into()
    }
}

fn decoded(text: &str) -> String {
    decode(text).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// How many blocks there are, at least one, all of these kinds. Text around blocks is an explanation (RFC 7468, 2).
fn pem(text: &str, labels: &[&str]) -> Result<usize, Invalid> {
    if text.len() > ENCODED_BYTES {
        return Err(Invalid::new("longer than 512 KiB"));
    }
    let bytes = decode(text).ok_or(Invalid::new(
        "not base64 (letters, digits, + and /, padded with = to a multiple of 4) of a PEM file",
    ))?;
    let text = core::str::from_utf8(&bytes)
        .map_err(|_| Invalid::new("base64 of something that is no text, so no PEM"))?;
    let (mut blocks, mut open): (usize, Option<(&str, String)>) = (0, None);
    for line in text.lines().map(str::trim) {
        let marked = |start| line.strip_prefix(start)?.strip_suffix("-----");
        match (marked("-----BEGIN "), marked("-----END "), &mut open) {
            (Some(label), _, None) if labels.contains(&label) => open = Some((label, String::new())),
            (Some(_), _, None) => {
                return Err(Invalid::new("holds a PEM block of another kind than is wanted here"));
            }
            (None, Some(end), Some((label, body))) if end == *label => {
                if decode(body).is_none_or(|bytes: Vec<u8>| bytes.is_empty()) {
                    return Err(Invalid::new("holds a PEM block that is not base64 inside"));
                }
                (blocks, open) = (blocks + 1, None);
            }
            (None, None, Some((_, body))) => body.push_str(line),
            (None, None, None) => {}
            _ => return Err(Invalid::new("holds a PEM block whose end is not the one of its start")),
        }
    }
    match (blocks, open) {
        (_, Some(_)) => Err(Invalid::new("holds a PEM block without an end")),
        (0, None) => Err(Invalid::new("holds no PEM block (-----BEGIN ...)")),
        (blocks, None) => Ok(blocks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    /// Base64, for tests.
    fn encode(text: &str) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut encoded = String::new();
        for group in text.as_bytes().chunks(3) {
            let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(*group.get(at).unwrap_or(&0)));
            for at in 0..4 {
                let digit = DIGITS[(bits >> (18 - 6 * at) & 63) as usize] as char;
                encoded.push(if at <= group.len() { digit } else { '=' });
            }
        }
        encoded
    }

    fn block(label: &str) -> String {
        format!("-----BEGIN {label}-----\nMIIB\nZm8=\n-----END {label}-----\n")
    }

    #[test]
    fn certificates() {
        let [one, two] =
            [block("CERTIFICATE"), format!("a note\r\n{}{}", block("CERTIFICATE"), block("CERTIFICATE"))];
        let bad = [
            "no block".into(),
            block("PRIVATE KEY"),
            format!("{one}{}", block("PRIVATE KEY")),
            one.replace("-----END CERTIFICATE-----\n", ""),
            one.replace("END CERTIFICATE", "END X509 CRL"),
            one.replace("MIIB", "M*IB"),
            one.replace("MIIB\nZm8=\n", ""),
            format!("-----END CERTIFICATE-----\n{one}"),
            "-----BEGIN CERTIFICATE-----\n".repeat(2),
        ];
        let bad: Vec<String> =
            bad.iter().map(|text| encode(text)).chain(["*".into(), "//79".into(), one.clone()]).collect();
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        accepts::<Certificates>(&[&encode(&one), &encode(&two)], &bad);
        accepts::<TrustBundle>(&["", &encode(&one)], &bad);
        accepts::<Certificates>(&[], &[""]);
        accepts::<Revocations>(&[&encode(&block("X509 CRL"))], &["", &encode(&one)]);
        assert_eq!(Certificates::parse(&encode(&two)).unwrap().pem(), two);
    }

    #[test]
    fn keys() {
        let key = encode(&block("EC PRIVATE KEY"));
        accepts::<PrivateKey>(
            &[&key, &encode(&block("PRIVATE KEY")), &encode(&block("RSA PRIVATE KEY"))],
            &[
                "",
                &encode(&block("ENCRYPTED PRIVATE KEY")),
                &encode(&block("CERTIFICATE")),
                &encode(&block("PRIVATE KEY").repeat(2)),
            ],
        );
        let key = PrivateKey::parse(&key).unwrap();
        assert_eq!(format!("{key:?}"), "PrivateKey(Secret(..))");
        assert_eq!(key.pem().expose(), block("EC PRIVATE KEY"));
    }
}
