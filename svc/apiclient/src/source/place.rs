//! Where things were written.

use std::collections::BTreeMap;

/// Lines of keys and entries. A path's segments are keys, and `[n]` for entries of lists.
#[derive(Debug, Default)]
pub struct Places(BTreeMap<Vec<String>, usize>);

impl Places {
    /// Notes one; a table that is opened twice stays where it was first.
    pub fn note(&mut self, path: &[String], line: usize) {
        self.0.entry(path.to_vec()).or_insert(line);
    }

    /// Whether this path is noted already.
    pub fn knows(&self, path: &[String]) -> bool {
        self.0.contains_key(path)
    }

    /// The line of exactly this path.
    pub fn line(&self, path: &[String]) -> Option<usize> {
        self.0.get(path).copied()
    }

    /// The closest at or above `path`: how many segments it has in common, and its line. Nothing when they share only
    /// the document's `settings`, or not even that.
    pub fn find(&self, path: &[String]) -> Option<(usize, usize)> {
        (2..=path.len()).rev().find_map(|depth| Some((depth, self.line(&path[..depth])?)))
    }
}

/// The segments of a path as a problem shows it: `settings.a."b.c"[0]`. Total: what cannot be read becomes a segment
/// that matches nothing.
pub fn segments(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(quoted) = rest.strip_prefix('"') {
            let (segment, after) = unquote(quoted);
            segments.push(segment);
            rest = after;
        } else if rest.starts_with('[') {
            let end = rest.find(']').map_or(rest.len(), |end| end + 1);
            segments.push(rest[..end].to_owned());
            rest = &rest[end..];
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            segments.push(rest[..end].to_owned());
            rest = &rest[end..];
        }
    }
    segments
}

fn unquote(text: &str) -> (String, &str) {
    let mut segment = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (segment, &text[at + 1..]),
            '\\' => segment.extend(chars.next().map(|(_, c)| c)),
            c => segment.push(c),
        }
    }
    (segment, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        for (path, parts) in [
            ("settings.motd", &["settings", "motd"][..]),
            ("a.\"b.c\\\"d\"[3].e", &["a", "b.c\"d", "[3]", "e"]),
            ("a[0][1]", &["a", "[0]", "[1]"]),
            ("", &[]),
            ("a..b", &["a", "", "b"]),
            ("\"open", &["open"]),
            ("a[9", &["a", "[9"]),
        ] {
            assert_eq!(segments(path), parts, "{path}");
        }
    }
}
