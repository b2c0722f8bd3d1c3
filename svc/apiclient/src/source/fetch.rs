//! The bytes of a source, wherever it is.

use std::path::Path;

use base64::Engine as _;

use super::{SOURCE_BYTES, SourceError};
use crate::session::Session;
use crate::transport::{self, Url};

/// A source's bytes and the name for messages.
pub struct Fetched {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Sources that Bottlerocket's client knows and this one does not: their clients are larger than this program.
const FOREIGN: [&str; 4] = ["s3:", "secretsmanager:", "ssm:", "arn:"];

/// Reads one: `-`, `file://`, `http(s)://`, `base64:`, or a path.
pub async fn fetch(source: &str, session: &mut Session<'_>) -> Result<Fetched, SourceError> {
    if source == "-" {
        let name = "standard input".to_owned();
        let read = session.read_stdin(SOURCE_BYTES);
        return read
            .map(|bytes| Fetched { name: name.clone(), bytes })
            .map_err(|err| SourceError::Read { name, err });
    }
    if let Some(text) = source.strip_prefix("base64:") {
        // It may be all secret, so that no part of it is its name.
        let name = "the base64 source".to_owned();
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        return match base64::engine::general_purpose::STANDARD.decode(text) {
            Ok(bytes) => Ok(Fetched { name, bytes }),
            Err(_) => Err(SourceError::Kind { name, why: "it is not base64 (RFC 4648, padded)" }),
        };
    }
    if source.starts_with("http://") || source.starts_with("https://") {
        let url = Url::parse(source)
            .map_err(|why| SourceError::Kind { name: "the URL of a source".to_owned(), why })?;
        let name = url.to_string();
        let fetched = transport::fetch(&url, session.web_authorities.clone(), session.limit).await;
        let answer = fetched.map_err(|err| SourceError::Fetch { name: name.clone(), err })?;
        return match answer.status {
            200 => Ok(Fetched { name, bytes: answer.body }),
            status => Err(SourceError::Status { name, status }),
        };
    }
    if FOREIGN.iter().any(|kind| source.starts_with(kind)) {
        let why = "not supported; fetch it with its own client and pipe it in: ... | apiclient apply";
        return Err(SourceError::Kind { name: source.to_owned(), why });
    }
    let path = match source.strip_prefix("file://") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => {
            let why = "file:// is followed by an absolute path: file:///etc/x.toml";
            return Err(SourceError::Kind { name: source.to_owned(), why });
        }
        None if source.contains("://") => {
            let why = "sources are file://, http://, https://, base64:, - or a path";
            return Err(SourceError::Kind { name: source.to_owned(), why });
        }
        None => source,
    };
    Ok(Fetched { name: path.to_owned(), bytes: files::read(Path::new(path), SOURCE_BYTES)? })
}
