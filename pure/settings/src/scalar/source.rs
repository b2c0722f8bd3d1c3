//! Where images and the time come from.

use alloc::string::String;
use core::net::IpAddr;

use super::host::is_label;
use super::image::ImageRef;
use super::{Invalid, text_scalar};

text_scalar! {
    /// The image of a host or bootstrap container, as an image reference with its registry written out. Kept as written.
    ImageSource: "an image reference with its registry", |text| {
        let image = ImageRef::parse(text)?;
        // The default registry would be a guess about where privileged code comes from.
        let written = text.split_once('/').map(|(registry, _)| registry);
        // docker.io has older names, which mean the same.
        if written.is_some_and(|written| written == image.registry() || written.ends_with(".docker.io")) {
            return Ok(());
        }
        Err(Invalid::new("image reference without a registry; write it in full: REGISTRY/REPOSITORY:TAG"))
    }
}

text_scalar! {
    /// Somebody who knows the time: a host name or an IP address.
    TimeSource: "a host name or an IP address", |text| {
        let named = text.len() <= 253 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
        if named || text.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        Err(Invalid::new("not a host name or an IP address"))
    }
}

text_scalar! {
    /// An option of a time server, as chrony.conf(5) has it (`iburst`, `minpoll 4`): words of letters, digits, `.`, `-` and `_`.
    NtpOption: "an option like iburst or minpoll 4", |text| {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if text.len() <= 64 && text.split(' ').all(word) {
            return Ok(());
        }
        Err(Invalid::new("not an option like iburst or minpoll 4: words of letters, digits, . - and _, up to 64 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn images() {
        let digest = alloc::format!("registry.example/a@sha256:{}", "0".repeat(64));
        accepts::<ImageSource>(
            &[
                "registry.example/admin:v1",
                "index.docker.io/library/a",
                "localhost/a",
                "r.example:5000/a/b:1",
                "docker.io/library/nginx",
                &digest,
            ],
            &[
                "",
                "nginx",
                "docker.io",
                "docker.io:1",
                "library/nginx:1",
                "https://r.example/a",
                "r.example/",
                "r.example/A:1",
                "r.example/a b",
            ],
        );
    }

    #[test]
    fn time() {
        accepts::<TimeSource>(
            &["169.254.169.123", "fd00:ec2::123", "2.pool.ntp.example", "Time.example", "localhost", "a."],
            &["", ".", "http://a", "a b", "a\n", "a_b", "-a", "10.0.0.1/8", "a..b"],
        );
        let fits = "o".repeat(64);
        accepts::<NtpOption>(
            &["iburst", "minpoll 4", "maxdelay 0.1", &fits],
            &["", " ", "a  b", "a\nserver b", "a;b", "a#", "a ", &(fits.clone() + "o")],
        );
    }
}
