//! Cutting tables with syntax errors out of a text, so that one slip does not void a whole document.
//!
//! Holds always: what is cut out is whole tables, from a header's line to the next one, and what is left is
//! TOML as its author wrote it: no key changes its table, and nothing inside a text becomes a key. Headers are
//! told by their line starting with `[`. A line inside a list may look like that too: a cut there leaves
//! something that does not parse, and the next round goes on there. A line inside a text of several lines may be
//! a header to the letter: so a cut ends only where every such text that opens in it is closed, or at the end.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::Range;

use toml::de::{DeTable, DeValue, Error};

/// A table that was cut out.
pub(crate) struct SyntaxError {
    /// Keys of its header; none for what stands before the first header.
    pub(crate) table: Vec<String>,
    /// What is wrong, with line and column.
    pub(crate) why: String,
    entry_of_list: bool,
}

impl SyntaxError {
    /// The table that lacks something now: the one cut out, or for an entry of a list the one that holds the list.
    pub(crate) fn torn_path(&self) -> &[String] {
        &self.table[..self.table.len().saturating_sub(usize::from(self.entry_of_list))]
    }
}

/// The text with bad tables blanked (so that lines keep their numbers), and what was bad in them. No text when it
/// cannot be saved within a budget of so many bytes read.
pub(crate) fn without_bad_tables(
    text: &str,
    budget_bytes: usize,
) -> (Option<Cow<'_, str>>, Vec<SyntaxError>) {
    let mut text = Cow::Borrowed(text);
    let mut errors = Vec::new();
    let mut budget = Budget(budget_bytes.saturating_add(text.len()));
    let mut last_cut_end = None;
    loop {
        let err = match budget.parse(&text) {
            Some(Ok(())) => return (Some(text), errors),
            Some(Err(err)) => err,
            None => return (None, errors),
        };
        let Some(section) = culprit(&text, start_of(&err), &mut budget) else {
            let why = describe(&text, &err);
            errors.push(SyntaxError { table: Vec::new(), why, entry_of_list: false });
            return (None, errors);
        };
        let header =
            text[section.clone()].lines().next().filter(|line| is_header_like(line)).unwrap_or_default();
        let parsed = parsed_header(header);
        // A piece without a proper header right behind a cut is the rest of the same table.
        if parsed.is_some() || last_cut_end != Some(section.start) {
            let table = parsed.unwrap_or_else(|| guessed_header(header));
            let entry_of_list = header.trim_start().starts_with("[[");
            // The text up to the cut's end says more about it than the whole: nothing behind it confuses the
            // parser.
            let nearer = match budget.parse(&text[..section.end]) {
                Some(Err(nearer)) => nearer,
                _ => err,
            };
            errors.push(SyntaxError { table, why: describe(&text, &nearer), entry_of_list });
        }
        last_cut_end = Some(section.end);
        let blanks: String =
            text[section.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        text.to_mut().replace_range(section, &blanks);
    }
}

/// How many bytes may still be parsed.
struct Budget(usize);

impl Budget {
    fn parse(&mut self, text: &str) -> Option<Result<(), Error>> {
        self.0 = self.0.checked_sub(text.len())?;
        Some(DeTable::parse(text).map(drop))
    }
}

/// The table to blame for an error noticed at `at`: the first one behind the longest good beginning of the text.
///
/// The parser may notice an unclosed list only tables later, so going by where it noticed would blame the innocent.
fn culprit(text: &str, at: usize, budget: &mut Budget) -> Option<Range<usize>> {
    let mut end = text.len();
    for start in header_lines(text).into_iter().rev() {
        if start <= at && budget.parse(&text[..start])?.is_ok() {
            let found = start..end_outside_texts(text, start, end);
            return (!text[found.clone()].trim().is_empty()).then_some(found);
        }
        end = start;
    }
    None
}

/// The first header from `end` on that does not lie inside a text of several lines opened since `start`.
fn end_outside_texts(text: &str, start: usize, end: usize) -> usize {
    let balanced = |end: usize| {
        let even = |quotes| text[start..end].matches(quotes).count().is_multiple_of(2);
        even("\"\"\"") && even("'''")
    };
    let ends = header_lines(text).into_iter().filter(|line| *line >= end);
    // A hostile text has many lines and many quotes; looking at a few headers is enough for an honest one.
    [end].into_iter().chain(ends).take(64).find(|end| balanced(*end)).unwrap_or(text.len())
}

/// Where lines that look like headers start, and the text's own start.
fn header_lines(text: &str) -> Vec<usize> {
    let mut offset = 0;
    let mut starts = Vec::from([0]);
    for line in text.split_inclusive('\n') {
        if offset > 0 && is_header_like(line) {
            starts.push(offset);
        }
        offset += line.len();
    }
    starts
}

fn is_header_like(line: &str) -> bool {
    line.trim_start_matches([' ', '\t']).starts_with('[')
}

/// The keys of a header, if it is one.
fn parsed_header(header: &str) -> Option<Vec<String>> {
    let parsed = DeTable::parse(header).ok()?;
    let mut keys = Vec::new();
    let mut table = parsed.get_ref();
    while let Some((key, value)) = table.iter().next() {
        keys.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    (!keys.is_empty()).then_some(keys)
}

/// The keys that a misspelled header was meant to have, so that the table it is part of can be called torn.
fn guessed_header(header: &str) -> Vec<String> {
    let inside = header.trim_start().trim_start_matches('[');
    let inside = inside.split([']', '#', '=']).next().unwrap_or_default();
    // Names of containers and keys hold no dot. The bound is far above any header's depth.
    let keys = inside.split('.').map(|key| key.trim().trim_matches(['"', '\'']));
    keys.filter(|key| !key.is_empty()).take(8).map(ToString::to_string).collect()
}

fn start_of(err: &Error) -> usize {
    err.span().map_or(0, |span| span.start)
}

/// The error in one line, with line and column from 1. The parser's words name no values.
fn describe(text: &str, err: &Error) -> String {
    let before = &text.as_bytes()[..start_of(err).min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + String::from_utf8_lossy(&before[line_start..]).chars().count();
    let message = err.message().lines().collect::<Vec<_>>().join(", ");
    format!("line {line}, column {column}: {message}")
}
