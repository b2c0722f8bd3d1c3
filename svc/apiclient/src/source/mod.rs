//! Settings from elsewhere: several documents, TOML or JSON, merged in order into one change.
//!
//! Holds always: either every source was read whole and is a `settings` document, or nothing is sent. Where a key was
//! written, by file and line, is known to the end, so that what the server has against a value leads back to it. No message repeats a value.

mod document;
mod fetch;
mod json;
mod place;
mod toml;

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::session::Session;
use crate::transport::TransportError;
use document::Document;

/// Longest source. The server takes bodies of 1 MiB.
const SOURCE_BYTES: usize = 1 << 20;

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What is before the colon is unknown.
    #[error("{name}: {why}")]
    Kind {
        /// The source.
        name: String,
        /// What to do instead.
        why: &'static str,
    },
    /// It cannot be read.
    #[error("cannot read {name}")]
    Read {
        /// The source.
        name: String,
        /// Why not.
        #[source]
        err: std::io::Error,
    },
    /// Its file cannot be read.
    #[error(transparent)]
    File(#[from] files::Error),
    /// Its server does not hand it out.
    #[error("cannot fetch {name}")]
    Fetch {
        /// The source.
        name: String,
        /// Why not.
        #[source]
        err: TransportError,
    },
    /// Its server answers something else.
    #[error("cannot fetch {name}: its server answers with status {status}")]
    Status {
        /// The source.
        name: String,
        /// The status.
        status: u16,
    },
    /// It is no settings document.
    #[error("{name}{}: {why}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Content {
        /// The source.
        name: String,
        /// Where.
        line: Option<usize>,
        /// What is wrong.
        why: String,
    },
}

/// Several documents as one, in their order.
#[derive(Debug, Default)]
pub struct Sources {
    documents: Vec<Document>,
}

impl Sources {
    /// Reads all of them; standard input when there are none.
    pub async fn read(names: &[String], session: &mut Session<'_>) -> Result<Self, Failure> {
        let mut sources = Self::default();
        let stdin = ["-".to_owned()];
        for name in if names.is_empty() { &stdin } else { names } {
            let fetched = fetch::fetch(name, session).await?;
            sources.documents.push(Document::parse(fetched.name, &fetched.bytes)?);
        }
        Ok(sources)
    }

    /// What they say together: tables merge, everything else is replaced by the later one.
    pub fn merged(&self) -> Value {
        let mut all = Map::new();
        for document in &self.documents {
            merge(&mut all, document.settings.clone());
        }
        Value::Object(all)
    }

    /// Where the value at a path was written: the last source that says something about it, or about what is closest above it.
    pub fn place(&self, path: &str) -> Option<String> {
        let path = place::segments(path);
        let found =
            self.documents.iter().filter_map(|document| Some((document, document.places.find(&path)?)));
        // Of equally close ones the last: it is the one that counts.
        let (document, (_, line)) = found.max_by_key(|(_, (depth, _))| *depth)?;
        Some(format!("{}, line {line}", document.name))
    }
}

/// The bytes of one source that is no settings document.
pub async fn plain(name: &str, session: &mut Session<'_>) -> Result<Vec<u8>, Failure> {
    Ok(fetch::fetch(name, session).await?.bytes)
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(into)), Value::Object(from)) => merge(into, from),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sources(texts: &[&str]) -> Sources {
        let names = ["a.toml", "b.json", "c.toml"].iter();
        let parse = |(text, name): (&&str, &&str)| Document::parse((*name).into(), text.as_bytes()).unwrap();
        Sources { documents: texts.iter().zip(names).map(parse).collect() }
    }

    #[test]
    fn later_sources_win_and_tables_merge() {
        let sources = sources(&[
            "[settings]\nmotd = \"a\"\n[settings.ntp]\ntime-servers = [\"x\", \"y\"]\n",
            "{\"settings\": {\"ntp\": {\"time-servers\": [\"z\"]}, \"kernel\": {\"lockdown\": \"none\"}}}",
            "settings.kernel.lockdown = \"integrity\"\n",
        ]);
        assert_eq!(
            sources.merged(),
            json!({"motd": "a", "ntp": {"time-servers": ["z"]}, "kernel": {"lockdown": "integrity"}})
        );
    }

    #[test]
    fn a_problem_leads_to_the_line_that_counts() {
        let sources = sources(&[
            "[settings]\nmotd = 1\n\n[settings.kernel.sysctl]\n\"vm.swappiness\" = 5\n",
            "{\n \"settings\": {\n  \"motd\": 2,\n  \"ntp\": {\n   \"time-servers\": [\n\"a\",\n\"b c\"]}}}",
        ]);
        for (path, place) in [
            ("settings.motd", Some("b.json, line 3")),
            ("settings.kernel.sysctl.\"vm.swappiness\"", Some("a.toml, line 5")),
            ("settings.ntp.time-servers[1]", Some("b.json, line 7")),
            ("settings.ntp.time-servers[9]", Some("b.json, line 5")),
            ("settings.kernel.lockdown", Some("a.toml, line 4")),
            ("elsewhere", None),
            ("", None),
        ] {
            assert_eq!(sources.place(path).as_deref(), place, "{path}");
        }
    }
}
