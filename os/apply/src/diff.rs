//! A unified diff of two texts, for people.

use std::fmt::Write;
use std::ops::Range;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// Beyond so many pairs of lines to be compared, the differing middle is shown as replaced whole. Both sides of a
/// configuration file of a thousand lines are within it.
const PAIRS: usize = 1 << 20;

/// The diff, as `diff -u` would put it; empty when the texts are equal.
pub(crate) fn unified(path: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let edits = edits(&old, &new);
    let mut text = String::new();
    for hunk in hunks(&edits, old.len()) {
        if text.is_empty() {
            // Writing to a String does not fail, here and below.
            let _ = writeln!(text, "--- {path}\n+++ {path}");
        }
        write_hunk(&mut text, &edits[hunk], &old, &new);
    }
    text
}

/// Old lines that are replaced by new ones.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Edit {
    old: Range<usize>,
    new: Range<usize>,
}

/// Every difference, in order, with at least one common line between two of them.
fn edits(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let tail =
        old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(old, new)| old == new).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let (a, b) = (&old[head..old_end], &new[head..new_end]);
    if a.is_empty() && b.is_empty() {
        return Vec::new();
    }
    if a.len().saturating_mul(b.len()) > PAIRS {
        return vec![Edit { old: head..old_end, new: head..new_end }];
    }
    let common = common(a, b);
    let ends = [(a.len(), b.len())];
    let mut at = (0, 0);
    let mut edits = Vec::new();
    for (i, j) in common.into_iter().chain(ends) {
        if (i, j) != at {
            edits.push(Edit { old: head + at.0..head + i, new: head + at.1..head + j });
        }
        at = (i + 1, j + 1);
    }
    edits
}

/// The longest common subsequence, as pairs of places.
fn common(a: &[&str], b: &[&str]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    // lengths[i * width + j]: how long it is for a[i..] and b[j..].
    let mut lengths = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            lengths[i * width + j] = if a[i] == b[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

/// Edits whose contexts touch, together.
fn hunks(edits: &[Edit], lines: usize) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (index, edit) in edits.iter().enumerate() {
        match hunks.last_mut() {
            Some(hunk) if edit.old.start - edits[index - 1].old.end <= 2 * CONTEXT => hunk.end = index + 1,
            _ => hunks.push(index..index + 1),
        }
    }
    debug_assert!(edits.iter().all(|edit| edit.old.end <= lines));
    hunks
}

fn write_hunk(text: &mut String, edits: &[Edit], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (edits.first(), edits.last()) else { return };
    let before = first.old.start.min(CONTEXT);
    let after = (old.len() - last.old.end).min(CONTEXT);
    let range = |start: usize, end: usize| {
        // diff(1): an empty range names the line before it.
        let start_line = if start == end { start } else { start + 1 };
        match end - start {
            1 => start_line.to_string(),
            count => format!("{start_line},{count}"),
        }
    };
    let olds = range(first.old.start - before, last.old.end + after);
    let news = range(first.new.start - before, last.new.end + after);
    let _ = writeln!(text, "@@ -{olds} +{news} @@");
    let mut at = first.old.start - before;
    for edit in edits {
        old[at..edit.old.start].iter().for_each(|line| write_line(text, ' ', line));
        old[edit.old.clone()].iter().for_each(|line| write_line(text, '-', line));
        new[edit.new.clone()].iter().for_each(|line| write_line(text, '+', line));
        at = edit.old.end;
    }
    old[at..at + after].iter().for_each(|line| write_line(text, ' ', line));
}

fn write_line(text: &mut String, mark: char, line: &str) {
    text.push(mark);
    text.push_str(line);
    if !line.ends_with('\n') {
        text.push_str("\n\\ No newline at end of file\n");
    }
}

#[cfg(test)]
mod tests;
