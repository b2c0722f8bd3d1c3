//! What a Kubernetes node knows its cluster and itself by.

use alloc::string::String;

use super::{Invalid, Scalar, Secret, text_scalar};
use crate::shape::Facts;

text_scalar! {
    /// The name of a cluster, by EKS's rule: a letter or digit, then up to 99 letters, digits, `-` and `_`.
    ClusterName: "a cluster name" matching "^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$", |text| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        match text.as_bytes() {
            [first, ..] if first.is_ascii_alphanumeric() && text.len() <= 100 && text.bytes().all(inside) => Ok(()),
            _ => Err(Invalid::new(
                "not a cluster name: 1 to 100 letters, digits, - and _ with a letter or digit first",
            )),
        }
    }
}

/// A bootstrap token: six lower-case letters and digits (the name of the token), a dot, sixteen of them (the secret).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapToken(pub Secret);

impl Scalar for BootstrapToken {
    const WANTED: &'static str = "a bootstrap token (secret)";
    const FACTS: Facts = Facts::text(Self::WANTED).matching(r"^[a-z0-9]{6}\.[a-z0-9]{16}$").secret();

    fn parse(text: &str) -> Result<Self, Invalid> {
        let word = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        match text.split_once('.') {
            Some((id, secret)) if id.len() == 6 && secret.len() == 16 && word(id) && word(secret) => {
                Ok(BootstrapToken(Secret::new(text)))
            }
            _ => Err(Invalid::new(
                "not a bootstrap token: 6 and 16 lower-case letters and digits with a dot between",
            )),
        }
    }

    fn text(&self) -> String {
        self.0.expose().into()
    }
}

text_scalar! {
    /// How a cloud knows this machine: `SCHEME://REST`, printable ASCII without spaces, quotes and backslashes, up to 512.
    ProviderId: "a provider ID like aws:///us-west-2a/i-0123", |text| {
        let wrong = Invalid::new("not a provider ID: SCHEME://REST, up to 512 printable ASCII characters without spaces and quotes");
        let Some((scheme, rest)) = text.split_once("://") else { return Err(wrong) };
        let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.');
        let visible = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'\\' | b'`');
        let named = scheme.starts_with(|c: char| c.is_ascii_lowercase()) && scheme.bytes().all(word);
        if named && !rest.is_empty() && text.len() <= 512 && rest.bytes().all(visible) { Ok(()) } else { Err(wrong) }
    }
}

text_scalar! {
    /// Where a container runtime listens: `unix://` and an absolute path without `.`, `..`, empty pieces and spaces.
    RuntimeEndpoint: "a socket like unix:///run/containerd/containerd.sock", |text| {
        let piece = |piece: &str| {
            !matches!(piece, "" | "." | "..") && piece.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        // The kernel's limit for a socket's path (sun_path) is 108 with its end.
        match text.strip_prefix("unix:///") {
            Some(path) if path.len() < 107 && path.split('/').all(piece) => Ok(()),
            _ => Err(Invalid::new("not a socket: unix:// and an absolute path of up to 107 letters, digits, . - _ and /")),
        }
    }
}

text_scalar! {
    /// A sysctl that pods may set though it is not safe: a name with dots (`kernel.msgmax`), or its beginning and `*`
    /// (`net.core.*`). Only what the kernel keeps apart by namespace: `kernel.shm*`, `kernel.msg*`, `kernel.sem`,
    /// `fs.mqueue.*` and `net.*`.
    UnsafeSysctl: "a sysctl or a pattern like net.core.*", |text| {
        let name = text.strip_suffix('*').unwrap_or(text);
        let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        let pieces: usize = name.split('.').count();
        let whole = name.split('.').enumerate().all(|(index, piece)| {
            let open_end = index + 1 == pieces && text.ends_with('*');
            piece.bytes().all(inside) && (open_end || !piece.is_empty())
        });
        if text.is_empty() || text.len() > 253 || !whole {
            return Err(Invalid::new("not a sysctl: names of lower-case letters, digits, - and _ with dots between, * only at the end"));
        }
        let apart = ["kernel.shm", "kernel.msg", "fs.mqueue.", "net."].iter().any(|top| name.starts_with(top));
        if apart || text == "kernel.sem" {
            return Ok(());
        }
        Err(Invalid::new(
            "not a sysctl a pod can have of its own (kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue.*, net.*): the kubelet would not start",
        ))
    }
}

text_scalar! {
    /// Which images something serves: `HOST[:PORT][/PATH]`, `*` in place of any part of a piece of the host. No
    /// scheme, tag or digest.
    ImagePattern: "an image pattern like *.dkr.ecr.*.amazonaws.com", |text| {
        let wrong = Invalid::new("not an image pattern: HOST[:PORT][/PATH] without a scheme, * for pieces of the host");
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
        let label = |label: &str| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'*'))
        };
        let inside = |b: u8| b.is_ascii_alphanumeric() || b"-._/".contains(&b);
        let port = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0));
        let fits = text.len() <= 512 && host.split('.').all(label) && port && path.bytes().all(inside);
        if fits && !text.contains("//") { Ok(()) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    #[test]
    fn cluster_names() {
        let (fits, over) = ("a".repeat(100), "a".repeat(101));
        accepts::<ClusterName>(
            &["more-chars_here-123", "trailing-dash-", "0", &fits],
            &["", "bad.", "-bad", "_bad", "very bad", "a\n", "caf\u{e9}", &over],
        );
    }

    #[test]
    fn bootstrap_tokens_never_print() {
        accepts::<BootstrapToken>(
            &["abcdef.0123456789abcdef", "07401b.f395accd246ae52d"],
            &[
                "",
                "ABCDEF.0123456789ABCDEF",
                "secret",
                "abcdef0123456789abcdef",
                "abcdef.0123456789abcde",
                "abcdef.0123456789abcdef\n",
            ],
        );
        let token = BootstrapToken::parse("abcdef.0123456789abcdef").unwrap();
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn provider_ids() {
        let over = format!("a://{}", "b".repeat(509));
        accepts::<ProviderId>(
            &["aws:///us-west-2a/i-0123456789abcdef0", "vsphere://4230-aa", "gce://p/z/n"],
            &[
                "",
                "aws",
                "aws://",
                "://x",
                "AWS://x",
                "1a://x",
                "aws:///a b",
                "aws:///\"",
                "aws:///a\n",
                &over,
            ],
        );
    }

    #[test]
    fn runtime_sockets() {
        let (fits, over) = (format!("unix:///{}", "a".repeat(106)), format!("unix:///{}", "a".repeat(107)));
        accepts::<RuntimeEndpoint>(
            &["unix:///run/containerd/containerd.sock", &fits],
            &[
                "",
                "unix://",
                "unix:///",
                "unix:///a/../b",
                "unix:///a//b",
                "tcp://x",
                "/run/x.sock",
                "unix:///a b",
                &over,
            ],
        );
    }

    #[test]
    fn unsafe_sysctls_are_those_of_a_namespace() {
        accepts::<UnsafeSysctl>(
            &[
                "kernel.msgmax",
                "kernel.msg*",
                "kernel.shm*",
                "kernel.sem",
                "fs.mqueue.*",
                "net.core.*",
                "net.*",
                "net.ipv4.tcp_mem",
            ],
            &[
                "",
                "*",
                "kernel.*",
                "kernel.sem*",
                "vm.swappiness",
                "net",
                "net.",
                "net..a",
                "net.*.a",
                "net.core.somaxconn ",
                "net/core",
                "NET.*",
            ],
        );
    }

    #[test]
    fn image_patterns() {
        accepts::<ImagePattern>(
            &[
                "*.dkr.ecr.*.amazonaws.com",
                "public.ecr.aws",
                "registry.example:5000/team",
                "app*.example",
                "*.example",
                "localhost",
            ],
            &["", "https://a", "a..b", "a:0", "a:x", "a b", "a/b:tag", "a/*", "a@sha256", "a/b\n", "a//b"],
        );
    }
}
