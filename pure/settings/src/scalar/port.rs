//! A published port as text: `[ADDRESS:]HOST:CONTAINER[/tcp|/udp]`, an IPv6 address in brackets.

use alloc::string::{String, ToString};
use core::fmt;
use core::net::IpAddr;

use super::{Invalid, Scalar};
use crate::containers::{Port, Protocol};

impl Scalar for Port {
    const WANTED: &'static str = "a published port like 8080:80, 127.0.0.1:5353:53/udp";

    fn parse(text: &str) -> Result<Self, Invalid> {
        let bad = || {
            Invalid::new("not a published port: [ADDRESS:]HOST:CONTAINER with /tcp or /udp, ports 1 to 65535")
        };
        let (ends, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((ends, "tcp")) => (ends, Protocol::Tcp),
            Some((ends, "udp")) => (ends, Protocol::Udp),
            Some(_) => return Err(bad()),
        };
        let (rest, container) = ends.rsplit_once(':').ok_or_else(bad)?;
        let (host_ip, host) = match rest.rsplit_once(':') {
            None => (None, rest),
            Some((address, host)) => (Some(parse_address(address).ok_or_else(bad)?), host),
        };
        let number = |digits: &str| {
            let port = digits.parse::<u16>().ok().filter(|port| *port != 0);
            port.filter(|_| digits.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)
        };
        Ok(Port { host_ip, host: number(host)?, container: number(container)?, protocol })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

fn parse_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inside) => inside.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().map(IpAddr::V4),
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host_ip {
            Some(IpAddr::V4(address)) => write!(f, "{address}:")?,
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:")?,
            None => {}
        }
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        write!(f, "{}:{}/{protocol}", self.host, self.container)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn ports() {
        accepts::<Port>(
            &["8080:80", "1:65535", "127.0.0.1:5353:53/udp", "[::1]:80:80/tcp", "0.0.0.0:80:80"],
            &[
                "",
                "80",
                ":80",
                "80:",
                "0:80",
                "80:0",
                "65536:80",
                "80:80/sctp",
                "80:80/",
                "80:80/TCP",
                "+1:80",
                "a:80",
                "::1:80:80",
                "[127.0.0.1]:80:80",
                "localhost:80:80",
                "1.2.3.4:80",
                "1.2.3.4::80",
                "80 :80",
                "80-90:80-90",
            ],
        );
        for text in ["8080:80/tcp", "127.0.0.1:5353:53/udp", "[::1]:80:80/tcp"] {
            assert_eq!(Port::parse(text).unwrap().to_string(), text);
        }
    }
}
