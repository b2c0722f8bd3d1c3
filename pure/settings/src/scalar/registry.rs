//! Registries and the endpoints that serve for them.

use alloc::string::String;
use core::net::Ipv6Addr;

use super::host::is_label;
use super::{Invalid, Scalar, text_scalar, through_text};
use crate::shape::Facts;

text_scalar! {
    /// A registry as in an image reference: `host` or `host:port`; an IPv6 address stands in brackets.
    RegistryHost: "a registry (HOST or HOST:PORT)" with without_user, |text| check_authority(text)
}

text_scalar! {
    /// A registry that has mirrors: as [`RegistryHost`], or `*` for every registry without mirrors of its own.
    MirroredRegistry: "a registry (HOST or HOST:PORT) or *" with without_user, |text| {
        if text == "*" { Ok(()) } else { check_authority(text) }
    }
}

/// The base URL of a mirror: `http://` or `https://`, host, port, path. No trailing `/`, user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

impl Scalar for Endpoint {
    const WANTED: &'static str = "a URL (http:// or https://)";
    const FACTS: Facts = Facts::text(Self::WANTED).without_user();

    fn parse(text: &str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or(Invalid::new("not a URL that starts with http:// or https://"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(Invalid::new("URL holds a user; passwords go to container-registry.credentials"));
        }
        check_authority(authority).map_err(|_| Invalid::new("URL without a proper HOST or HOST:PORT"))?;
        let pieces = |b: u8| b.is_ascii_alphanumeric() || b"-._~%!$&'()+,;=:@/".contains(&b);
        if text.len() > 2048 || !path.bytes().all(pieces) {
            return Err(Invalid::new("URL path holds what a path cannot, or is longer than 2048 bytes"));
        }
        Ok(Endpoint(text.trim_end_matches('/').into()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

impl core::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

through_text!(Endpoint);

/// `host` or `host:port`; a host is dotted labels or an IPv6 address in brackets.
pub(super) fn check_authority(text: &str) -> Result<(), Invalid> {
    let bad = Invalid::new("not a registry: HOST or HOST:PORT");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    if let Some(port) = port
        && !(port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0))
    {
        return Err(bad);
    }
    if let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inside.parse::<Ipv6Addr>().map(drop).map_err(|_| bad);
    }
    if host.len() <= 253 && host.split('.').all(is_label) { Ok(()) } else { Err(bad) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn registries() {
        accepts::<RegistryHost>(
            &["docker.io", "localhost", "registry.example:5000", "10.0.2.2:5000", "[::1]:5000", "[fe80::1]"],
            &[
                "", "*", "a/b", "http://a", "a:", "a:0", "a:65536", "a:+1", "a b", "a..b", "::1", "[::1",
                "[x]:1", "../etc", "a@b",
            ],
        );
        accepts::<MirroredRegistry>(&["*", "docker.io"], &["", "**", "*.example"]);
    }

    #[test]
    fn endpoints() {
        accepts::<Endpoint>(
            &["http://10.0.2.2:5000", "https://mirror.example/v2/a", "https://[::1]:5000/", "http://a"],
            &[
                "",
                "a",
                "ftp://a",
                "http://",
                "http:///x",
                "http://u:p@a",
                "http://a/?q",
                "http://a/#f",
                "http://a/ b",
                "http://a/\n",
                "HTTP://a",
            ],
        );
        assert_eq!(Endpoint::parse("http://a/v2//").unwrap().0, "http://a/v2");
    }
}
