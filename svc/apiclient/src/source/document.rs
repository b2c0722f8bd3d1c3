//! One source, read: its settings, and where each was written.

use serde_json::{Map, Value};

use super::SourceError;
use super::place::Places;

/// One source.
#[derive(Debug)]
pub struct Document {
    /// How its user calls it.
    pub name: String,
    /// What is below its `settings`.
    pub settings: Map<String, Value>,
    /// Lines, by paths from the top.
    pub places: Places,
}

/// What is wrong, and in which line.
#[derive(Debug)]
pub struct Wrong {
    pub line: Option<usize>,
    pub why: String,
}

impl Document {
    /// JSON when it starts with a brace, for no TOML does; else TOML.
    pub fn parse(name: String, bytes: &[u8]) -> Result<Self, SourceError> {
        match Self::read(bytes) {
            Ok((settings, places)) => Ok(Self { name, settings, places }),
            Err(Wrong { line, why }) => Err(SourceError::Content { name, line, why }),
        }
    }

    fn read(bytes: &[u8]) -> Result<(Map<String, Value>, Places), Wrong> {
        let text = std::str::from_utf8(bytes).map_err(|err| Wrong {
            line: Some(1 + bytes[..err.valid_up_to()].iter().filter(|byte| **byte == b'\n').count()),
            why: "not UTF-8 text".into(),
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut places = Places::default();
        let mut top = match text.trim_start().starts_with('{') {
            true => super::json::read(text, &mut places)?,
            false => super::toml::read(text, &mut places)?,
        };
        let settings = top.remove("settings");
        if let Some(other) = top.keys().next() {
            let line = places.line(std::slice::from_ref(other));
            let why = format!("the top of the document is `settings` and nothing else; found {other:?}");
            return Err(Wrong { line, why });
        }
        match settings {
            Some(Value::Object(settings)) => Ok((settings, places)),
            Some(_) => Err(Wrong {
                line: places.line(&["settings".into()]),
                why: "`settings` is not a table".into(),
            }),
            None => Err(Wrong { line: None, why: "it has no `settings`, so it would change nothing".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_settings_document_is_named_with_its_line() {
        for (text, message) in [
            ("", "it has no `settings`"),
            ("{}", "it has no `settings`"),
            ("settings = 1", "line 1: `settings` is not a table"),
            ("[settings]\n[kubernetes]\n", "line 2: the top of the document is `settings`"),
            ("{\"settings\": {},\n \"motd\": 1}", "line 2: the top of the document is `settings`"),
            ("[settings]\nmotd = \n", "line 2: "),
            ("[settings]\nmotd = 1\nmotd = 2\n", "line 3: "),
            ("{\n\"settings\": {\"motd\": 1,\n\"motd\": 2}}", "line 3: `motd` is written twice"),
            ("{\n\"settings\": nul}", "line 2: "),
            ("{\"settings\": {}} x", "line 1: "),
            ("{\"settings\": {\"a\": null}}", "line 1: null"),
            ("[settings]\na = 1e400\n", "line 2: "),
            ("[settings]\na = nan\n", "line 2: "),
            ("[settings]\na = 99999999999999999999\n", "line 2: "),
        ] {
            let message_is = Document::parse("x".into(), text.as_bytes()).unwrap_err().to_string();
            assert!(message_is.contains(message), "{text:?}: {message_is}");
            assert!(message_is.starts_with('x'), "{message_is}");
        }
        let err = Document::parse("x".into(), b"[settings]\n\xff").unwrap_err().to_string();
        assert_eq!(err, "x, line 2: not UTF-8 text");
    }

    #[test]
    fn a_syntax_error_shows_no_secret() {
        for text in ["[settings]\nkey = \"hunter2\" x\n", "{\"settings\": {\"key\": \"hunter2\" x}}"] {
            let message = Document::parse("x".into(), text.as_bytes()).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn toml_and_json_say_the_same() {
        let toml = Document::parse(
            "t".into(),
            b"[settings]\na = 0x10\nb = [true, \"x\"]\nc = {d = -1}\ne = 1979-05-27\n[[settings.f]]\ng = 1.5\n",
        );
        let json = Document::parse(
            "j".into(),
            b"{\"settings\": {\"a\": 16, \"b\": [true, \"x\"], \"c\": {\"d\": -1}, \"e\": \"1979-05-27\", \"f\": [{\"g\": 1.5}]}}",
        );
        assert_eq!(toml.unwrap().settings, json.unwrap().settings);
    }
}
