//! The trace: every decision on one line, on the console and, in a variable, for the system that starts.

use alloc::string::String;
use core::error::Error;
use core::fmt;

use platform::Chain;
use slots::variables::TRACE_MAX_BYTES;

use crate::machine::Machine;

/// Of one quoted text. A chain of errors is about 100 bytes.
const MAX_TEXT_CHARS: usize = 240;

/// What has been printed so far.
#[derive(Default)]
pub(crate) struct Trace(String);

impl Trace {
    /// Prints one line and keeps it. A line that would pass the variable's limit is printed and not kept.
    pub fn line<M: Machine>(&mut self, machine: &mut M, text: fmt::Arguments<'_>) {
        let line = alloc::format!("bootmgr: {text}");
        machine.say(&line);
        if self.0.len() + line.len() < TRACE_MAX_BYTES {
            self.0.push_str(&line);
            self.0.push('\n');
        }
    }

    pub fn text(&self) -> &str {
        &self.0
    }
}

/// An error with its causes, as one harmless piece of a line.
pub(crate) fn because(err: &dyn Error) -> String {
    harmless(&alloc::format!("{}", Chain(err)))
}

/// Text from outside: no quote, line end or escape sequence of it reaches the console.
pub(crate) fn harmless(text: &str) -> String {
    let plain = |c| match c {
        '"' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    text.chars().take(MAX_TEXT_CHARS).map(plain).collect()
}

/// A value that stands without quotes: one word.
pub(crate) fn word(text: Option<&str>) -> String {
    match text {
        None | Some("") => "unknown".into(),
        Some(text) => harmless(text).replace([' ', '\'', '='], "?"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_forge_the_trace() {
        assert_eq!(harmless("a\nbootmgr: starting\x1b[2J \"x\""), "a?bootmgr: starting?[2J 'x'");
        assert_eq!(harmless(&"x".repeat(1000)).len(), MAX_TEXT_CHARS);
        assert_eq!(word(Some("0.1.0 security_version=9")), "0.1.0?security_version?9");
        assert_eq!((word(None), word(Some(""))), ("unknown".into(), "unknown".into()));
    }
}
