//! Alias patterns: `*`, `?` and `[a-z]`, as in fnmatch(3) without escapes, which depmod never writes.

use crate::name::same;

/// Whether all of `text` fits `pattern`. `-` and `_` are one letter outside of brackets.
///
/// Takes at most length times length steps: on a mismatch only the last `*` is reconsidered, which is enough as
/// what stood before it has matched already.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where to resume after a mismatch: behind the last star, one byte further on in the text.
    let mut retry: Option<(usize, usize)> = None;
    while seen < text.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            retry = Some((at, seen));
            continue;
        }
        if let Some(next) = one(pattern, at, text[seen]) {
            at = next;
            seen += 1;
            continue;
        }
        match retry {
            Some((behind, from)) => {
                at = behind;
                seen = from + 1;
                retry = Some((behind, seen));
            }
            None => return false,
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the pattern's element at `at`; returns where the next element starts.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    match *pattern.get(at)? {
        b'?' => Some(at + 1),
        b'[' => {
            let length = pattern[at + 1..].iter().position(|&byte| byte == b']')?;
            let inside = &pattern[at + 1..at + 1 + length];
            in_set(inside, byte).then_some(at + length + 2)
        }
        wanted => (same(wanted) == same(byte)).then_some(at + 1),
    }
}

fn in_set(mut set: &[u8], byte: u8) -> bool {
    loop {
        match set {
            [low, b'-', high, rest @ ..] => {
                if (*low..=*high).contains(&byte) {
                    return true;
                }
                set = rest;
            }
            [one, rest @ ..] => {
                if *one == byte {
                    return true;
                }
                set = rest;
            }
            [] => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn device_aliases_match_as_depmod_means_them() {
        let yes = [
            ("virtio:d00000002v*", "virtio:d00000002v00001AF4"),
            ("pci:v*d*sv*sd*bc0Csc03i30*", "pci:v00001B36d0000000Dsv00001AF4sd00001100bc0Csc03i30"),
            (
                "cpu:type:x86,ven*fam*mod*:feature:*0099*",
                "cpu:type:x86,ven0002fam000Fmod006B:feature:,0000,0099,00A0",
            ),
            ("input:b*v*p*e*-e*k*r*", "input:b0011v0001p0001eAB41-e0,1,k71,ram4"),
            ("fs-vfat", "fs_vfat"),
            ("of:N*T*Cfoo[0-9a]", "of:NxTyCfooa"),
            ("a*b*c", "axxbyybzzc"),
            ("*", ""),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        let no = [
            ("virtio:d00000002v*", "virtio:d00000001v00001AF4"),
            ("fs-vfat", "fs-vfat2"),
            ("[0-9", "5"),
            ("", "a"),
        ];
        for (pattern, text) in no {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    /// The definition, exponential and obviously right.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => naive(rest, text) || (!text.is_empty() && naive(pattern, &text[1..])),
            ([b'?', rest @ ..], [_, more @ ..]) => naive(rest, more),
            ([a, rest @ ..], [b, more @ ..]) => a == b && naive(rest, more),
            _ => false,
        }
    }

    #[test]
    fn agrees_with_the_definition_on_every_small_case() {
        fn words(letters: &[u8], longest: usize) -> Vec<Vec<u8>> {
            let mut all = vec![vec![]];
            let mut from = 0;
            for _ in 0..longest {
                let until = all.len();
                for index in from..until {
                    for &letter in letters {
                        let mut word: Vec<u8> = all[index].clone();
                        word.push(letter);
                        all.push(word);
                    }
                }
                from = until;
            }
            all
        }
        for pattern in words(b"ab*?", 5) {
            for text in words(b"ab", 5) {
                let (p, t) =
                    (String::from_utf8(pattern.clone()).unwrap(), String::from_utf8(text.clone()).unwrap());
                assert_eq!(matches(&p, &t), naive(&pattern, &text), "{p} {t}");
            }
        }
    }
}
