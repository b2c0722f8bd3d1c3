//! Differences that the server made, painted.

use super::clean_lines;
use super::style::{Paint, Style};

/// A unified diff, indented by two.
pub fn unified(diff: &str, style: Style) -> String {
    let mut text = String::new();
    for line in clean_lines(diff).lines() {
        let paint = match line.as_bytes().first() {
            _ if line.starts_with("---") || line.starts_with("+++") => Paint::Faint,
            Some(b'+') => Paint::Good,
            Some(b'-') => Paint::Bad,
            Some(b'@') => Paint::Faint,
            _ => Paint::Plain,
        };
        text.push_str("  ");
        text.push_str(&style.paint(line, paint));
        text.push('\n');
    }
    text
}
