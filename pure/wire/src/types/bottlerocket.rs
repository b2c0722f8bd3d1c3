//! Messages of Bottlerocket's paths.

use alloc::string::String;
use alloc::vec::Vec;

use crate::message::message;

message! {
    /// The body of `PATCH /settings/keypair`.
    #[derive(Default)]
    pub struct KeyPairs {
        /// `key=value` texts.
        pub request_payload: Vec<String>,
    }

    /// A report that a host can make.
    pub struct ReportKind {
        /// Its name in paths.
        pub name: String,
        /// What it is.
        pub description: String,
    }
}

impl KeyPairs {
    /// Reads a body.
    pub fn from_bytes(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// Each key with its value, which begins behind the first `=`; or the places of those that have none.
    pub fn split(&self) -> Result<Vec<(&str, &str)>, Vec<usize>> {
        let (mut pairs, mut without) = (Vec::new(), Vec::new());
        for (index, pair) in self.request_payload.iter().enumerate() {
            match pair.split_once('=') {
                Some(pair) => pairs.push(pair),
                None => without.push(index),
            }
        }
        if without.is_empty() { Ok(pairs) } else { Err(without) }
    }
}
