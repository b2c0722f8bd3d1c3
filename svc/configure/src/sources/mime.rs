//! User data in several parts: MIME (RFC 2045, RFC 2046), as cloud-init's tools make it.
//!
//! Pure. Only as much of MIME as user data needs: types, boundaries, base64. Whatever the bytes, the number of parts and the depth are
//! bounded, and all parts together are no longer than the text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Parts of one document, inner ones counted. Answers documents made of boundaries alone.
const PARTS: usize = 32;
/// Multipart in multipart. Answers documents made to exhaust the stack.
const DEPTH: usize = 4;
/// Lines of one part's header.
const HEADER_LINES: usize = 64;

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which, from 1: `2`, `2.1`.
    pub(super) number: String,
    /// Its type, in lower case, without parameters; `text/plain` where nothing is said.
    pub(super) kind: String,
    /// What is in it, or why that cannot be said.
    pub(super) body: Result<Vec<u8>, &'static str>,
}

/// The parts of a MIME document; none if it is not one, which TOML never is: its first line is `Name: value`.
pub(super) fn parts(bytes: &[u8]) -> Option<Vec<Part>> {
    let (header, body) = Header::read(bytes)?;
    header.kind.as_ref()?;
    let mut parts = Vec::new();
    take_apart(&header, Ok(body), "", DEPTH, &mut parts);
    Some(parts)
}

/// What a part's header says.
#[derive(Default)]
struct Header {
    /// Type and parameters, as they stand there.
    kind: Option<String>,
    encoding: String,
}

impl Header {
    /// The header at the beginning of `bytes`, up to an empty line, and what is behind it.
    fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let mut fields: Vec<String> = Vec::new();
        let mut rest = bytes;
        for index in 0..HEADER_LINES {
            let (line, behind) = next_line(rest);
            let ended = rest.is_empty();
            rest = behind;
            let line = str::from_utf8(line).ok()?;
            if line.is_empty() {
                // Without any field it is no header at the top, and an empty one, with the line it needs, in a part.
                return (!ended || index > 0).then(|| (Header::of(&fields), rest));
            }
            match fields.last_mut() {
                // mbox(5): the line that mail tools put first.
                None if index == 0 && line.starts_with("From ") => {}
                Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
                _ if is_field(line) => fields.push(line.to_owned()),
                _ => return None,
            }
        }
        None
    }

    fn of(fields: &[String]) -> Header {
        let value = |name: &str| {
            let mut fields = fields.iter().filter_map(|field| field.split_once(':'));
            fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        Header {
            kind: value("content-type").map(str::to_owned),
            encoding: value("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase(),
        }
    }

    fn essence(&self) -> String {
        let kind = self.kind.as_deref().unwrap_or("text/plain");
        kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The parameter `boundary`, at most 70 characters long by the standard.
    fn boundary(&self) -> Option<&str> {
        let (_, parameters) = self.kind.as_deref()?.split_once(';')?;
        let value = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
        })?;
        let value = value.strip_prefix('"').map_or(value, |value| value.strip_suffix('"').unwrap_or(value));
        (1..=70).contains(&value.len()).then_some(value)
    }
}

/// `Name: value`.
fn is_field(line: &str) -> bool {
    let token = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    line.split_once(':').is_some_and(|(name, _)| token(name))
}

fn take_apart(
    header: &Header,
    body: Result<&[u8], &'static str>,
    number: &str,
    depth: usize,
    parts: &mut Vec<Part>,
) {
    let kind = header.essence();
    let mut push = |body: Result<Vec<u8>, &'static str>| {
        let number = if number.is_empty() { "1" } else { number };
        parts.push(Part { number: number.into(), kind: kind.clone(), body });
    };
    let bytes = match body {
        Ok(bytes) => bytes,
        Err(why) => return push(Err(why)),
    };
    if !kind.starts_with("multipart/") {
        return push(decoded(bytes, &header.encoding));
    }
    let Some(boundary) = header.boundary() else {
        return push(Err("a multipart type without a boundary of 1 to 70 characters"));
    };
    if depth == 0 {
        return push(Err("parts in parts, too deep"));
    }
    for (index, piece) in split(bytes, boundary).into_iter().enumerate() {
        let number =
            if number.is_empty() { format!("{}", index + 1) } else { format!("{number}.{}", index + 1) };
        if parts.len() >= PARTS {
            let why = "too many parts; this one and those behind it are not read";
            parts.push(Part { number, kind: String::new(), body: Err(why) });
            return;
        }
        let (header, body) = Header::read(piece.bytes).unwrap_or((Header::default(), piece.bytes));
        let body =
            if piece.whole { Ok(body) } else { Err("no boundary behind it: the document was cut off") };
        take_apart(&header, body, &number, depth - 1, parts);
        // What is behind too many parts was said where they were met.
        if parts.len() > PARTS {
            return;
        }
    }
}

/// What stands between two boundaries.
struct Piece<'b> {
    bytes: &'b [u8],
    /// There is a boundary behind it.
    whole: bool,
}

fn split<'b>(body: &'b [u8], boundary: &str) -> Vec<Piece<'b>> {
    let mut pieces = Vec::new();
    let mut start: Option<usize> = None;
    let mut at = 0;
    while at < body.len() {
        let (line, rest) = next_line(&body[at..]);
        let next = body.len() - rest.len();
        let mark =
            line.trim_ascii_end().strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary.as_bytes()));
        if let Some(last @ (b"" | b"--")) = mark {
            // The line end before a boundary belongs to the boundary.
            if let Some(start) = start {
                let bytes = &body[start..at.max(start)];
                let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
                pieces.push(Piece { bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes), whole: true });
            }
            start = Some(next);
            if last == b"--" {
                return pieces;
            }
        }
        at = next;
    }
    pieces.extend(start.map(|start| Piece { bytes: &body[start..], whole: false }));
    pieces
}

fn decoded(bytes: &[u8], encoding: &str) -> Result<Vec<u8>, &'static str> {
    match encoding {
        "" | "7bit" | "8bit" | "binary" => Ok(bytes.to_vec()),
        "base64" => {
            let packed: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            STANDARD.decode(packed).map_err(|_| "not base64, which its header says it is")
        }
        _ => Err("a Content-Transfer-Encoding that is none of 7bit, 8bit, binary, base64"),
    }
}

/// The first line, without its end, and what is behind it.
fn next_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &bytes[bytes.len()..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

#[cfg(test)]
#[path = "mime/tests.rs"]
mod tests;
