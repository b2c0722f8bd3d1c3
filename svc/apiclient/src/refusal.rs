//! What the server said instead of doing it.
//!
//! Under `/v1` a refusal is JSON with problems, a remedy, and, where a change was undone, what came of either way; on
//! Bottlerocket's paths it is plain text.

use std::fmt;

use wire::types;

use crate::failure::status;
use crate::show::clean;
use crate::transport::Answer;

/// An answer that is no success.
#[derive(Debug)]
pub struct Refusal {
    asked: String,
    status: u16,
    said: types::Failure,
    /// As it came, for `--json`.
    raw: Vec<u8>,
    /// For each problem, the file and line that it comes from.
    places: Vec<Option<String>>,
}

impl Refusal {
    /// Reads what there is to read.
    pub fn new(answer: Answer) -> Self {
        let said = serde_json::from_slice::<types::Failure>(&answer.body).unwrap_or_else(|_| {
            types::Failure { error: answer.text().trim().to_owned(), ..types::Failure::default() }
        });
        let places = vec![None; said.problems.len()];
        Self { asked: answer.asked, status: answer.status, said, raw: answer.body, places }
    }

    /// The same, with what is known about where each problem's path was written.
    pub fn placed(mut self, place: impl Fn(&str) -> Option<String>) -> Self {
        self.places = self.said.problems.iter().map(|problem| place(&problem.path)).collect();
        self
    }

    /// As JSON: the server's own, or its text in an object.
    pub fn json(&self) -> Vec<u8> {
        match serde_json::from_slice::<serde::de::IgnoredAny>(&self.raw) {
            Ok(_) => self.raw.clone(),
            Err(_) => serde_json::json!({ "error": self.said.error }).to_string().into_bytes(),
        }
    }

    /// What became of the change, if there was one and it was undone.
    pub fn undone(&self) -> Option<(&types::Report, Option<&types::Report>)> {
        self.said.apply.as_ref().map(|applied| (applied, self.said.undone.as_ref()))
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self.status {
            409 | 412 | 423 => status::CONFLICT,
            // Busy: the same request may pass later.
            429 | 503 => status::UNREACHABLE,
            501 => status::REFUSED,
            500.. if self.said.undone.as_ref().is_some_and(|undone| undone.ok) => status::UNDONE,
            500.. => status::SERVER,
            _ => status::REFUSED,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, status, said, .. } = self;
        let error = match said.error.as_str() {
            "" => "it gave no reason",
            error => error,
        };
        write!(f, "{} ({status} to {})", clean(error), clean(asked))?;
        for (problem, place) in said.problems.iter().zip(&self.places) {
            write!(f, "\n  {}: {}", clean(&problem.path), clean(&problem.why))?;
            match (place, &problem.layer) {
                (Some(place), _) => write!(f, " [{}]", clean(place))?,
                // What was just sent is the API's layer; another one is news.
                (None, Some(layer)) if layer != "api" => write!(f, " [{}]", clean(layer))?,
                _ => {}
            }
        }
        if let Some(current) = said.current.filter(|_| *status == 409) {
            write!(f, "\n  in effect is generation {current}")?;
        }
        match &said.remedy {
            Some(remedy) => write!(f, "\n  remedy: {}", clean(remedy)),
            None => Ok(()),
        }
    }
}
