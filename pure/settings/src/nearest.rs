//! Which known key an unknown one was probably meant to be.

use alloc::vec::Vec;

/// The known key that is closest to `key`, if one is close enough to suggest: one change per three letters.
pub(crate) fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    // Keys have at most a few dozen letters; a longer one is no typing error, and the table below is quadratic.
    if key.len() > 64 {
        return None;
    }
    let spelled = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let key = spelled(key);
    let closest = known.iter().map(|known| (distance(&key, &spelled(known)), *known)).min()?;
    let (changes, name) = closest;
    (changes <= (name.len() / 3).max(1)).then_some(name)
}

/// Insertions, deletions, replacements and swaps of neighbours that make one text of the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = Vec::from([i + 1]);
        for (j, b) in to.iter().enumerate() {
            let mut best = (above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                let two_up: &Vec<usize> = &before;
                best = best.min(two_up[j - 1] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_swaps_as_one() {
        for (from, to, want) in
            [("", "", 0), ("", "ab", 2), ("imge", "image", 1), ("hsots", "hosts", 1), ("abc", "xyz", 3)]
        {
            assert_eq!((distance(from, to), distance(to, from)), (want, want), "{from} {to}");
        }
    }

    #[test]
    fn only_a_likely_meaning_is_suggested() {
        let known = ["image", "command", "env", "read-only", "restart"];
        for (key, want) in [
            ("imge", Some("image")),
            ("read_only", Some("read-only")),
            ("ReadOnly", Some("read-only")),
            ("evn", Some("env")),
            ("volumes", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, &known), want, "{key}");
        }
        assert_eq!(nearest(&"i".repeat(1 << 20), &known), None);
    }
}
