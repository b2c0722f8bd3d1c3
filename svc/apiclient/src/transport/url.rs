//! URLs, as far as requests and sources need them.

use std::fmt;

/// A URL of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Over TLS.
    pub secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path and query, starting with a slash.
    pub path: String,
}

impl Url {
    /// Reads `http://` and `https://` ones. A name and password in it are refused: they would end in logs on the way.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err("not http:// or https://"),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("blanks, control characters and letters beyond ASCII must be written as %XX");
        }
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(cut);
        if authority.contains('@') {
            return Err(
                "a name or password in a URL is not supported; fetch it with another program and pipe it in",
            );
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or("no ] after the address")?;
                (host, after.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        if host.is_empty() {
            return Err("no host");
        }
        let port = match port {
            None | Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            Some(digits) => digits.parse().map_err(|_| "the port is no number")?,
        };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, host: host.to_owned(), port, path })
    }

    /// Where a redirect leads.
    pub fn join(&self, location: &str) -> Result<Self, &'static str> {
        if location.starts_with("http://") || location.starts_with("https://") {
            return Self::parse(location);
        }
        let path = match location {
            rest if rest.starts_with("//") => {
                return Self::parse(&format!("{}:{rest}", if self.secure { "https" } else { "http" }));
            }
            absolute if absolute.starts_with('/') => absolute.to_owned(),
            relative => {
                let folder = self.path.split('?').next().unwrap_or_default();
                let folder = &folder[..folder.rfind('/').map_or(0, |slash| slash + 1)];
                format!("{folder}{relative}")
            }
        };
        Self::parse(&format!("{}{path}", self.origin()))
    }

    /// For the Host header.
    pub fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }

    fn origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

/// Without the query: it may hold a signature that opens the document to everyone who reads it.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (text, authority, path, shown) in [
            ("http://a", "a", "/", "http://a/"),
            ("https://a:443/b?sig=x#f", "a", "/b?sig=x", "https://a/b"),
            ("http://a:8080?x", "a:8080", "/?x", "http://a:8080/"),
            ("http://[::1]:1/x", "[::1]:1", "/x", "http://[::1]:1/x"),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(
                (url.authority().as_str(), url.path.as_str(), url.to_string().as_str()),
                (authority, path, shown)
            );
        }
        for bad in
            ["ftp://a", "http://", "http:///x", "http://a:x/", "http://[::1", "http://a/b c", "http://u:p@a/"]
        {
            assert!(Url::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn redirects() {
        let at = Url::parse("https://a/b/c?d").unwrap();
        for (location, to) in [
            ("/x", "https://a/x"),
            ("x", "https://a/b/x"),
            ("//b/x", "https://b/x"),
            ("http://c/", "http://c/"),
        ] {
            assert_eq!(at.join(location).unwrap().to_string(), to);
        }
    }
}
