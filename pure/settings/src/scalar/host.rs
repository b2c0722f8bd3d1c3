//! Names and addresses of machines.

use alloc::string::{String, ToString};
use core::net::IpAddr;

use super::{Invalid, Scalar, text_scalar};

text_scalar! {
    /// A host name: lower-case letters, digits, `-` and `.`, 1 to 253, labels of 1 to 63 without `-` at either end.
    Hostname: "a host name", |text| {
        let lower = |label: &str| label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if text.len() <= 253 && text.split('.').all(|label| is_label(label) && lower(label)) {
            return Ok(());
        }
        Err(Invalid::new(
            "not a host name: lower-case letters, digits and - in labels of 1 to 63 between dots, no - at a label's end",
        ))
    }
}

/// Whether `text` is one label of a DNS name, in any case.
pub(super) fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl Scalar for IpAddr {
    const WANTED: &'static str = "an IP address";

    fn parse(text: &str) -> Result<Self, Invalid> {
        text.parse().map_err(|_| Invalid::new("not an IP address"))
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    #[test]
    fn hostnames() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        let longer = format!("{longest}a");
        let long_label = "a".repeat(64);
        accepts::<Hostname>(
            &["a", "0", "web-1.example.com", "xn--bcher-kva.example", &label, &longest],
            &[
                "",
                ".",
                "a.",
                ".a",
                "a..b",
                "-a",
                "a-",
                "a.-b",
                "A",
                "a_b",
                "a b",
                "a\n",
                "b\u{fc}",
                &longer,
                &long_label,
            ],
        );
    }

    #[test]
    fn addresses() {
        accepts::<IpAddr>(
            &["10.0.2.3", "0.0.0.0", "::1", "fe80::1"],
            &[
                "",
                "10.0.2",
                "10.0.2.256",
                "010.0.0.1",
                "fe80::1%eth0",
                "[::1]",
                "10.0.2.3 ",
                "localhost",
                "10.0.0.0/8",
            ],
        );
    }
}
