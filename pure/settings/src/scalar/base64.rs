//! Base64 (RFC 4648, section 4, padded): files inside a settings document. Kept encoded.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Invalid, Scalar, Secret, text_scalar};
use crate::shape::Facts;

/// Longest encoded file: half of the longest document.
const ENCODED_BYTES: usize = 512 << 10;

const NOT_BASE64: Invalid =
    Invalid::new("not base64 (letters, digits, + and /, padded with = to a multiple of 4)");

text_scalar! {
    /// Any file in base64, up to 512 KiB encoded. May be empty.
    File64: "a file in base64", |text| check(text)
}

impl File64 {
    /// The file.
    pub fn decode(&self) -> Vec<u8> {
        decode(&self.0).unwrap_or_default()
    }
}

/// A file in base64 that may hold secrets, up to 512 KiB encoded. May be empty.
///
/// The user data of host and bootstrap containers is one: the control container's holds an activation code, the admin
/// container's a password hash, and what others hold is not for us to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile64(Secret);

impl SecretFile64 {
    /// The file, for the one place that needs it.
    pub fn decode(&self) -> Vec<u8> {
        decode(self.0.expose()).unwrap_or_default()
    }

    /// The file as it was written, encoded.
    pub fn encoded(&self) -> &Secret {
        &self.0
    }
}

impl Scalar for SecretFile64 {
    const WANTED: &'static str = "a file in base64 (secret)";
    const FACTS: Facts = Facts::text(Self::WANTED).secret();

    fn parse(text: &str) -> Result<Self, Invalid> {
        check(text).map(|()| SecretFile64(Secret::new(text)))
    }

    fn text(&self) -> String {
        self.0.expose().into()
    }
}

fn check(text: &str) -> Result<(), Invalid> {
    if text.len() > ENCODED_BYTES {
        return Err(Invalid::new("longer than 512 KiB"));
    }
    decode(text).map(drop).ok_or(NOT_BASE64)
}

/// The bytes, if the text is base64 to the letter: no spaces, right padding, no bits left over.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    if !text.len().is_multiple_of(4) || padding > 2 || (digits.is_empty() && padding > 0) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for digit in group {
            bits = bits << 6 | u32::from(value_of(*digit)?);
        }
        bits <<= 6 * (4 - group.len());
        let [_, decoded @ ..] = bits.to_be_bytes();
        let (used, left) = decoded.split_at(group.len() * 3 / 4);
        if left.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(used);
    }
    Some(bytes)
}

fn value_of(digit: u8) -> Option<u8> {
    Some(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn the_examples_of_the_rfc() {
        for (text, want) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text).as_deref(), Some(want.as_bytes()), "{text}");
        }
        assert_eq!(decode("+/+/").as_deref(), Some(&[0xfb, 0xff, 0xbf][..]));
    }

    #[test]
    fn files() {
        let (fits, over) = ("A".repeat(512 << 10), "A".repeat((512 << 10) + 4));
        let bad =
            ["=", "====", "Zg", "Zg=", "Z===", "Zg==Zg==", "Zm 9", "Zm9\n", "Zm-_", "Zh==", "Zm9=", &over];
        accepts::<File64>(&["", "Zg==", "Zm8=", &fits], &bad);
        accepts::<SecretFile64>(&["", "Zg==", "Zm8=", &fits], &bad);
    }
}
