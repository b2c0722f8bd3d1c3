//! JSON, with the line of every key and entry, and without keys written twice, which a plain parser would let pass.

use std::iter::Peekable;
use std::str::CharIndices;

use serde_json::{Map, Value};

use super::document::Wrong;
use super::place::Places;

/// Reads a document whose top is an object.
pub fn read(text: &str, places: &mut Places) -> Result<Map<String, Value>, Wrong> {
    let value: Value = serde_json::from_str(text).map_err(|err| {
        let words = err.to_string();
        // The parser names line and column behind its words; the line is shown elsewhere.
        let why = words.split(" at line ").next().unwrap_or_default();
        Wrong { line: Some(err.line()), why: why.to_owned() }
    })?;
    let mut scan = Scan { text, rest: text.char_indices().peekable(), line: 1, places, path: Vec::new() };
    scan.value()?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(Wrong { line: Some(1), why: "not an object".into() }),
    }
}

/// Walks text that is known to be JSON, nested no deeper than the parser allows (128).
struct Scan<'s> {
    text: &'s str,
    rest: Peekable<CharIndices<'s>>,
    line: usize,
    places: &'s mut Places,
    path: Vec<String>,
}

impl Scan<'_> {
    fn value(&mut self) -> Result<(), Wrong> {
        self.blanks();
        match self.rest.peek().map(|(_, c)| *c) {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => {
                self.string();
                Ok(())
            }
            Some('n') => Err(Wrong {
                line: Some(self.line),
                why: "null is no value; `apiclient delete` removes keys".into(),
            }),
            _ => {
                while self.rest.next_if(|(_, c)| c.is_ascii_alphanumeric() || "+-.".contains(*c)).is_some() {}
                Ok(())
            }
        }
    }

    fn object(&mut self) -> Result<(), Wrong> {
        self.rest.next();
        while self.more('}') {
            let line = self.line;
            let key = self.string();
            self.path.push(key);
            if self.places.knows(&self.path) {
                let key = self.path.last().map(String::as_str).unwrap_or_default();
                return Err(Wrong { line: Some(line), why: format!("`{key}` is written twice") });
            }
            self.places.note(&self.path, line);
            self.blanks();
            // The colon.
            self.rest.next();
            self.value()?;
            self.path.pop();
        }
        Ok(())
    }

    fn array(&mut self) -> Result<(), Wrong> {
        self.rest.next();
        let mut index = 0;
        while self.more(']') {
            self.path.push(format!("[{index}]"));
            self.places.note(&self.path, self.line);
            self.value()?;
            self.path.pop();
            index += 1;
        }
        Ok(())
    }

    /// Goes to the next entry; false, and past the end, when there is none.
    fn more(&mut self, end: char) -> bool {
        self.blanks();
        self.rest.next_if(|(_, c)| *c == ',');
        self.blanks();
        self.rest.next_if(|(_, c)| *c == end).is_none() && self.rest.peek().is_some()
    }

    fn blanks(&mut self) {
        while let Some((_, c)) = self.rest.next_if(|(_, c)| c.is_ascii_whitespace()) {
            self.line += usize::from(c == '\n');
        }
    }

    /// Past a string. Returns what it says.
    fn string(&mut self) -> String {
        let start = self.rest.next().map_or(0, |(at, _)| at);
        let mut end = self.text.len();
        while let Some((at, c)) = self.rest.next() {
            match c {
                '\\' => {
                    self.rest.next();
                }
                '"' => {
                    end = at + 1;
                    break;
                }
                _ => {}
            }
        }
        serde_json::from_str(&self.text[start..end]).unwrap_or_default()
    }
}
