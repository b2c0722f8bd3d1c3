//! Names that a server tells: host names, domains, search lists.
//!
//! Holds always: what comes out consists of letters, digits, `-`, `_` and `.` and has the length of a name; it can be
//! written into a line of resolv.conf or given to the kernel without a second look.

use super::lease::limits;

/// A domain name as text, if it is one (RFC 1035 section 2.3.1, and `_`, which DNS has in the field).
pub fn domain(bytes: &[u8]) -> Option<String> {
    // Some servers end the text with a zero byte, and the root's dot says nothing more.
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
    };
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

/// The first label of a host name, if it is one.
pub fn host(bytes: &[u8]) -> Option<String> {
    let name = domain(bytes)?;
    let label = name.split('.').next()?;
    (!label.contains('_') && !label.ends_with('-')).then(|| label.to_owned())
}

/// A list of domains in DNS form, with compression pointers (RFC 3397, RFC 1035 section 4.1.4). What follows the first
/// malformed name is dropped.
pub fn search_list(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() && found.len() < limits::SEARCH_DOMAINS {
        let Some((name, next)) = one(bytes, at) else { break };
        found.extend(domain(name.as_bytes()).filter(|name| !found.contains(name)));
        at = next;
    }
    found
}

/// The name at `start`, and where the next begins.
fn one(bytes: &[u8], start: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut at = start;
    let mut next = None;
    // A pointer must point before the name it is in, so each jump gets closer to the front and the walk ends.
    let mut before = start;
    loop {
        let length = *bytes.get(at)?;
        match length {
            0 => return Some((name, next.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                if !name.is_empty() {
                    name.push('.');
                }
                // A dot inside a label would be read as two labels.
                name.push_str(std::str::from_utf8(label).ok().filter(|label| !label.contains('.'))?);
                at += 1 + usize::from(length);
            }
            192.. => {
                let target = usize::from(length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                next.get_or_insert(at + 2);
                if target >= before {
                    return None;
                }
                before = target;
                at = target;
            }
            _ => return None,
        }
        if name.len() > 253 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_end_a_line_or_start_an_option_comes_through() {
        for bad in [
            "a\nnameserver 192.0.2.66",
            "a b",
            "a;b",
            "",
            ".",
            "a..b",
            "-a",
            "a.-b",
            "ä",
            "a\0b",
            "a/b",
            "a#",
        ] {
            assert_eq!(domain(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(domain(&[0xff, 0xfe]), None);
        assert_eq!(domain("x".repeat(64).as_bytes()), None);
        assert_eq!(domain(["x".repeat(63).as_str(); 4].join(".").as_bytes()), None);
        assert_eq!(domain(b"Example.COM.").as_deref(), Some("example.com"));
        assert_eq!(domain(b"example.com\0").as_deref(), Some("example.com"));
        assert_eq!(domain(b"_tcp.example").as_deref(), Some("_tcp.example"));
        assert_eq!(host(b"node-1.example.com").as_deref(), Some("node-1"));
        assert_eq!(host(b"no_de"), None);
    }

    #[test]
    fn compressed_search_lists_are_read_as_in_rfc_3397() {
        // "eng.apple.com", "marketing.apple.com": the RFC's own example (section 3).
        let bytes = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        assert_eq!(search_list(bytes), ["eng.apple.com", "marketing.apple.com"]);
    }

    #[test]
    fn loops_and_cuts_in_search_lists_end() {
        let cases: [&[u8]; 7] = [
            b"\xc0\x00",
            b"\x01a\xc0\x00",
            b"\x01a\xc0\x02",
            b"\xc0",
            b"\x3fabc",
            b"\x80a",
            b"\x01a\x00\xc0\x03",
        ];
        for case in cases {
            assert!(search_list(case).len() <= 1, "{case:?}");
        }
        let mut deep = b"\x01a\x00".to_vec();
        for _ in 0..500 {
            let at = u16::try_from(deep.len() - 3).unwrap() & 0x3fff;
            deep.extend(b"\x01b");
            deep.extend((0xc000 | at).to_be_bytes());
        }
        assert!(search_list(&deep).len() <= limits::SEARCH_DOMAINS);
    }
}
