//! More names: of things that authors name, and of things that others named.

use alloc::string::String;

use super::host::is_label;
use super::{Invalid, text_scalar};
use core::net::IpAddr;

text_scalar! {
    /// The name of a host or bootstrap container, or of a bootstrap command: 1 to 76 ASCII letters, digits and `-`.
    ItemName: "a name of letters, digits and -" matching "^[A-Za-z0-9-]{1,76}$", |text| {
        if text.len() <= 76 && is_identifier(text) {
            return Ok(());
        }
        Err(Invalid::new("not a name: 1 to 76 ASCII letters, digits and -"))
    }
}

text_scalar! {
    /// A name: 1 to 255 ASCII letters, digits and `-`.
    Identifier: "a name of letters, digits and -" matching "^[A-Za-z0-9-]{1,255}$", |text| {
        if text.len() <= 255 && is_identifier(text) {
            return Ok(());
        }
        Err(Invalid::new("not a name: 1 to 255 ASCII letters, digits and -"))
    }
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

text_scalar! {
    /// A region of a cloud: 1 to 64 letters, digits and `-`. It becomes part of host names.
    Region: "a region" matching "^[A-Za-z0-9-]{1,63}$", |text| {
        if is_label(text) { Ok(()) } else { Err(Invalid::new("not a region: 1 to 63 letters, digits and -, no - at either end")) }
    }
}

text_scalar! {
    /// The name of a profile in AWS's configuration files: 1 to 128 printable ASCII characters without brackets, `#`, `;` and
    /// spaces.
    AwsProfile: "a profile's name", |text| {
        let word = |b: u8| b.is_ascii_graphic() && !matches!(b, b'[' | b']' | b'#' | b';' | b'"' | b'\'' | b'\\');
        if (1..=128).contains(&text.len()) && text.bytes().all(word) {
            return Ok(());
        }
        Err(Invalid::new("not a profile's name: 1 to 128 printable ASCII characters without [ ] # ; quotes, \\ and spaces"))
    }
}

text_scalar! {
    /// Which release to stay at: `latest`, or one version, `1.2.3` or `v1.2.3` (semver.org, 2.0.0).
    VersionLock: "`latest`, or a version like v1.2.3", |text| {
        if text == "latest" || is_version(text.strip_prefix('v').unwrap_or(text)) {
            return Ok(());
        }
        Err(Invalid::new("neither latest nor a version like 1.2.3 or v1.2.3"))
    }
}

/// Whether it is a semantic version.
fn is_version(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let number =
        |part: &str| digits(part) && (part == "0" || !part.starts_with('0')) && part.parse::<u64>().is_ok();
    let word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.len() <= 256
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(|pre| pre.split('.').all(|part| word(part) && (!digits(part) || number(part))))
        && build.is_none_or(|build| build.split('.').all(word))
}

text_scalar! {
    /// What a certificate names its host by: a DNS name, in any case, or an IP address.
    ServerName: "a DNS name or an IP address", |text| {
        if text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(is_label)) {
            return Ok(());
        }
        Err(Invalid::new("not a DNS name (letters, digits and - in labels of 1 to 63 between dots) or an IP address"))
    }
}

text_scalar! {
    /// The name of a service: 1 to 128 letters, digits, `-`, `_`, `.` and `@`, a letter or digit first.
    ServiceName: "the name of a service", |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@');
        match text.as_bytes() {
            [first, ..] if first.is_ascii_alphanumeric() && text.len() <= 128 && text.bytes().all(word) => Ok(()),
            _ => Err(Invalid::new("not the name of a service: 1 to 128 letters, digits, - _ . and @, a letter or digit first")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::scalar::tests::accepts;

    #[test]
    fn names() {
        let [fits, over] = ["a".repeat(76), "a".repeat(77)];
        accepts::<ItemName>(
            &["admin", "A-1", "-", &fits],
            &["", "a.b", "a_b", "a/b", "..", "a b", "a\n", "\u{e9}", &over],
        );
        let [fits, over] = ["a".repeat(255), "a".repeat(256)];
        accepts::<Identifier>(&["my-ca", &fits], &["", "my_ca", " a", &over]);
        let [fits, over] = ["s".repeat(128), "s".repeat(129)];
        accepts::<ServiceName>(
            &["apiserver", "host-containers@admin", "a_b.service", &fits],
            &["", ".", "-a", "a b", "a/b", "a\n", &over],
        );
    }

    #[test]
    fn regions_and_profiles() {
        accepts::<Region>(
            &["us-west-2", "us-iso-east-1", "x"],
            &["", "us west", "us.west", "us/west", "-a", "a-", "a\n", "a@b"],
        );
        let [fits, over] = ["p".repeat(128), "p".repeat(129)];
        accepts::<AwsProfile>(
            &["default", "a.b@c/d", &fits],
            &["", "a b", "[a]", "a]", "a#b", "a\nb", "\u{e9}", &over],
        );
    }

    #[test]
    fn version_locks() {
        let good = [
            "latest",
            "1.2.3",
            "v0.0.0",
            "1.2.3-rc.1+build.05",
            "v1.0.0-alpha-a.b-c",
            "1.2.3-0",
            "18446744073709551615.0.0",
        ];
        let bad = [
            "",
            "Latest",
            "1",
            "1.2",
            "1.2.3.4",
            "01.2.3",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-01",
            "vv1.2.3",
            "1.2.x",
            " 1.2.3",
            "1.2.3-a..b",
            "18446744073709551616.0.0",
            "\u{661}.2.3",
        ];
        accepts::<VersionLock>(&good, &bad);
        assert_eq!(VersionLock::parse("v1.2.3").unwrap().as_str(), "v1.2.3");
    }

    #[test]
    fn names_in_certificates() {
        accepts::<ServerName>(
            &["node-1", "Node.Example", "10.0.0.1", "::1", "fe80::1"],
            &["", ".", "a.", "*.example", "a b", "a_b", "[::1]", "10.0.0.1:7443", "a\0b", "b\u{fc}"],
        );
    }
}
