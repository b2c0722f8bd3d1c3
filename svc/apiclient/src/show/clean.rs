//! Text from outside, made safe for a terminal.
//!
//! A log line or a setting may hold what moves the cursor, recolours the screen or turns the direction of writing; a
//! terminal would obey. Everything that is shown to people goes through here.

use std::borrow::Cow;

/// `text` with control characters and marks of writing direction written as escapes. Tabs and newlines, too.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_active) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_active(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe.into()
}

/// [`clean`] of text that may have several lines: they stay lines, tabs stay tabs.
pub fn clean_lines(text: &str) -> Cow<'_, str> {
    let plain = |c: char| matches!(c, '\n' | '\t');
    if !text.chars().any(|c| is_active(c) && !plain(c)) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if is_active(c) && !plain(c) => safe.extend(c.escape_unicode()),
            c => safe.push(c),
        }
    }
    safe.into()
}

/// A terminal would act on it rather than show it.
fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        for (text, shown) in [
            ("plain ünïcode ✓", "plain ünïcode ✓"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("abc\u{202e}cba", "abc\\u{202e}cba"),
            ("\u{7f}\0", "\\u{7f}\\u{0}"),
        ] {
            assert_eq!(clean(text), shown);
        }
        assert_eq!(clean_lines("a\n\tb\u{1b}c\r\n"), "a\n\tb\\u{1b}c\\u{d}\n");
    }
}
