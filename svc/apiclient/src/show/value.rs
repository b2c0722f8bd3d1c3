//! JSON values as text: for people, for programs, for signatures.

use serde_json::Value;

use super::clean;

/// On one line of a table. Text keeps its quotes, so that `true` and `"true"` differ.
pub fn inline(value: &Value) -> String {
    clean(&value.to_string()).into_owned()
}

/// Indented by two, with a newline at the end.
pub fn pretty(value: &Value) -> String {
    // A Value has no map with keys that are not text, nothing else can fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// RFC 8785: no blanks, keys sorted by their UTF-16 units. The numbers here are integers, which have one form only.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (position, (key, value)) in entries.into_iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(list) => {
            text.push('[');
            for (position, value) in list.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write(value, text);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_has_one_form() {
        let value = json!({"b": [1, {"z": null, "a": "\u{1}\n/"}], "a": true, "\u{fb33}": 1, "\u{1f600}": 2});
        assert_eq!(
            canonical(&value),
            "{\"a\":true,\"b\":[1,{\"a\":\"\\u0001\\n/\",\"z\":null}],\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }
}
