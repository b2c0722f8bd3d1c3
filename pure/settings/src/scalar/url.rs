//! URLs.

use alloc::string::{String, ToString};
use core::fmt;

use super::registry::check_authority;
use super::{Invalid, Scalar, Secret, text_scalar};
use crate::shape::Facts;
use crate::value::Value;

text_scalar! {
    /// An absolute `http://` or `https://` URL, up to 2048 bytes, with no user in it: it is shown to everybody.
    Url: "a URL (http:// or https://)" matching "^https?://" with without_user, |text| match split(text)? {
        Parts { scheme: None, .. } => Err(Invalid::new("not a URL that starts with http:// or https://")),
        Parts { user: true, .. } => Err(Invalid::new("URL holds a user or password")),
        _ => Ok(()),
    }
}

/// Where a proxy listens: `[http[s]://][USER:PASSWORD@]HOST[:PORT]`. One with a user in it is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Secret);

impl ProxyUrl {
    /// The URL, with its scheme. It may hold a password: it goes to files that only its readers can open.
    pub fn expose(&self) -> String {
        let text = self.0.expose();
        if text.contains("://") { text.to_string() } else { ["http://", text].concat() }
    }
}

impl Scalar for ProxyUrl {
    const WANTED: &'static str = "a proxy ([http://][USER:PASSWORD@]HOST[:PORT])";
    const FACTS: Facts = Facts::text(Self::WANTED).secret_with_user();

    fn parse(text: &str) -> Result<Self, Invalid> {
        split(text)?;
        Ok(ProxyUrl(Secret::new(text)))
    }

    fn text(&self) -> String {
        self.0.expose().to_string()
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Value::Text(text) => f.debug_tuple("ProxyUrl").field(&text).finish(),
            _ => f.write_str("ProxyUrl(..)"),
        }
    }
}

struct Parts {
    scheme: Option<()>,
    user: bool,
}

/// Takes a URL apart as far as it is judged by its parts.
fn split(text: &str) -> Result<Parts, Invalid> {
    // Graphic ASCII without what ends a URL in the places where they are written.
    let inside = |b: u8| {
        b.is_ascii_graphic()
            && !matches!(b, b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'^' | b'{' | b'|' | b'}')
    };
    if text.len() > 2048 || !text.bytes().all(inside) {
        return Err(Invalid::new("not a URL: a character that a URL cannot hold, or longer than 2048 bytes"));
    }
    let (scheme, rest) = match text.split_once("://") {
        Some(("http" | "https", rest)) => (Some(()), rest),
        Some(_) => return Err(Invalid::new("not a URL that starts with http:// or https://")),
        None => (None, text),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host) = match authority.rsplit_once('@') {
        Some((_, host)) => (true, host),
        None => (false, authority),
    };
    check_authority(host).map_err(|_| Invalid::new("URL without a proper HOST or HOST:PORT"))?;
    Ok(Parts { scheme, user })
}

text_scalar! {
    /// What is reached without a proxy: a host name, a domain with a dot first, an address, a network `ADDRESS/BITS`, each
    /// with a port or not, or `*`.
    NoProxy: "a host, .domain, address or network", |text| {
        let word = |b: u8| b.is_ascii_alphanumeric() || b"-._:/[]*".contains(&b);
        if (1..=253).contains(&text.len()) && text.bytes().all(word) {
            return Ok(());
        }
        Err(Invalid::new("not a host, .domain, address or network ADDRESS/BITS, up to 253 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    #[test]
    fn urls() {
        let (fits, over) =
            (format!("http://a/{}", "b".repeat(2039)), format!("http://a/{}", "b".repeat(2040)));
        accepts::<Url>(
            &["https://a", "http://10.0.0.1:8080/x/?y=z#w", "https://[::1]:443/", "http://a?b", &fits],
            &[
                "",
                "a",
                "a.example/x",
                "ftp://a",
                "http://",
                "http:///x",
                "http://a b",
                "http://a\n",
                "http://u:p@a",
                "http://u@a/",
                "http://a:0",
                "http://a/\"",
                "http://a/'",
                "HTTP://a",
                "javascript:x",
                "http://\u{e9}",
                &over,
            ],
        );
    }

    #[test]
    fn proxies() {
        accepts::<ProxyUrl>(
            &[
                "http://proxy:3128",
                "https://u:p@proxy:3128",
                "10.0.0.1:8080",
                "proxy",
                "u:p@proxy",
                "[::1]:80",
            ],
            &["", "socks5://a", "http://", "a b", "u:p@", "a\nb"],
        );
        let proxy = |text| ProxyUrl::parse(text).unwrap();
        assert_eq!(proxy("a:1").expose(), "http://a:1");
        assert_eq!(
            format!("{:?} {:?}", proxy("a:1"), proxy("u:hunter2@a")),
            "ProxyUrl(\"a:1\") ProxyUrl(..)"
        );
        assert_eq!(proxy("a:1").value(), Value::Text("a:1".into()));
        assert_eq!(proxy("u:hunter2@a").value(), Value::Secret(Secret::new("u:hunter2@a")));
    }

    #[test]
    fn what_needs_no_proxy() {
        accepts::<NoProxy>(
            &["localhost", ".example", "10.0.0.0/8", "a:80", "[::1]", "*", "*.example"],
            &["", "a b", "a,b", "http://a?b", "a\n", "\u{e9}"],
        );
    }
}
