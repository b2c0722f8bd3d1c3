//! Text that must not be seen: passwords, tokens.
//!
//! Holds always: no formatting of a [`Secret`], nor of anything that holds one, shows it; it has no `Serialize`, so
//! a type that wants one written to a file says so, field by field, with [`expose`].

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serializer};

use super::{Invalid, Scalar};
use crate::shape::Facts;

/// What stands in the place of a secret in every answer.
pub const MARK: &str = "(secret)";

/// Why the mark is no secret: a document that was read from the API and written back would overwrite it.
pub(crate) const MARKED: Invalid = Invalid::new(
    "this is the mark that stands for a secret, not a secret; leave the key out to keep what is set, or write the new one",
);

/// A text that never prints.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text, for the one place that needs it. A reviewer looks at every call.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Scalar for Secret {
    const WANTED: &'static str = "text (secret)";
    const FACTS: Facts = Facts::text(Self::WANTED).secret();

    fn parse(text: &str) -> Result<Self, Invalid> {
        // It ends up in HTTP headers.
        if text.is_empty() || text.len() > 16 << 10 || text.chars().any(char::is_control) {
            return Err(Invalid::new("not 1 to 16384 bytes without control characters"));
        }
        Ok(Secret::new(text))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// `serialize_with` for a secret that goes to a file only its reader can open.
pub fn expose<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => serializer.serialize_some(secret.expose()),
        None => serializer.serialize_none(),
    }
}

/// A secret in base64 (RFC 4648, section 4, padded), kept encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base64(pub Secret);

impl Scalar for Base64 {
    const WANTED: &'static str = "base64 text (secret)";
    const FACTS: Facts = Facts::text(Self::WANTED).secret();

    fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.trim_end_matches('=');
        let alphabet = digits.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
        if digits.is_empty() || !alphabet || !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
            return Err(Invalid::new(
                "not base64 (letters, digits, + and /, padded with = to a multiple of 4)",
            ));
        }
        Secret::parse(text).map(Base64)
    }

    fn text(&self) -> String {
        self.0.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:#?}", Some(Base64(secret.clone()))).matches("hunter2").count(), 0);
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn base64() {
        accepts::<Base64>(
            &["dTpw", "dXNlcjpwdw==", "dXNlcjpwYXM=", "+/+/"],
            &["", "=", "====", "dTp", "dTpw=", "d===", "dT w", "dTp-", "dTpw\n"],
        );
    }
}
