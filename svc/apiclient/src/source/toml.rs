//! TOML, with the line of every key.

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::document::Wrong;
use super::place::Places;

/// Reads a document.
pub fn read(text: &str, places: &mut Places) -> Result<Map<String, Value>, Wrong> {
    let lines = Lines::of(text);
    let parsed = DeTable::parse(text).map_err(|err| Wrong {
        line: err.span().map(|span| lines.line(span.start)),
        // The words alone: the full message quotes the line, which may hold a secret.
        why: err.message().to_owned(),
    })?;
    Reader { lines, places, path: Vec::new() }.table(parsed.get_ref())
}

/// Where lines end: looked up for every key, so not counted each time.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    fn line(&self, at: usize) -> usize {
        1 + self.0.partition_point(|end| *end < at)
    }
}

struct Reader<'r> {
    lines: Lines,
    places: &'r mut Places,
    path: Vec<String>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Result<Map<String, Value>, Wrong> {
        let mut map = Map::new();
        for (key, value) in table.iter() {
            let entry = self.at(key.get_ref().to_string(), key.span().start, value.get_ref())?;
            map.insert(key.get_ref().to_string(), entry);
        }
        Ok(map)
    }

    fn at(&mut self, segment: String, at: usize, value: &DeValue<'_>) -> Result<Value, Wrong> {
        let line = self.lines.line(at);
        self.path.push(segment);
        self.places.note(&self.path, line);
        let value = self.value(value, line);
        self.path.pop();
        value
    }

    fn value(&mut self, value: &DeValue<'_>, line: usize) -> Result<Value, Wrong> {
        let wrong = |why: &str| Wrong { line: Some(line), why: why.into() };
        Ok(match value {
            DeValue::String(text) => Value::from(text.as_ref()),
            DeValue::Boolean(truth) => Value::from(*truth),
            // No setting is a date; as text it is what its author sees.
            DeValue::Datetime(date) => Value::from(date.to_string()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map(Value::from)
                .map_err(|_| wrong("an integer of more than 64 bits"))?,
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map(Value::from)
                .ok_or_else(|| wrong("a float that is not a number, or too large"))?,
            DeValue::Array(list) => {
                let entries = list.iter().enumerate();
                let entries = entries
                    .map(|(index, entry)| self.at(format!("[{index}]"), entry.span().start, entry.get_ref()));
                Value::Array(entries.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Value::Object(self.table(table)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_documents_of_any_length() {
        let text = format!("[settings]\nx = [\n{}]\ny = 1\n", "1,\n".repeat(300_000));
        let mut places = Places::default();
        read(&text, &mut places).unwrap();
        let line = |path: &[&str]| places.line(&path.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(line(&["settings", "x"]), Some(2));
        assert_eq!(line(&["settings", "x", "[299999]"]), Some(300_002));
        assert_eq!(line(&["settings", "y"]), Some(300_004));
    }
}
