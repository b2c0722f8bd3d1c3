//! The diff against the texts it was made of.

use super::unified;

#[test]
fn a_diff_reads_as_diff_u_writes_it() {
    let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n";
    let new = "a\nb\nc\nD\ne\nf\ng\nh\ni\nj\nk\nl\nm";
    let want = "--- /etc/x\n+++ /etc/x\n@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n@@ -10,3 +10,4 @@\n j\n k\n l\n+m\n\\ No newline at end of file\n";
    assert_eq!(unified("/etc/x", old, new), want);
    assert_eq!(unified("/etc/x", "", "one\n"), "--- /etc/x\n+++ /etc/x\n@@ -0,0 +1 @@\n+one\n");
    assert_eq!(unified("/etc/x", "one\n", ""), "--- /etc/x\n+++ /etc/x\n@@ -1 +0,0 @@\n-one\n");
    assert_eq!(unified("/etc/x", old, old), "");
}

#[test]
fn a_diff_applied_to_the_old_text_gives_the_new_one() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for case in 0..2000 {
        let mut text = |lines| -> String {
            let lines = next(lines);
            (0..lines).map(|_| ["a\n", "b\n", "c\n", "\n"][next(4) as usize]).collect()
        };
        let (old, new) = (text(30), text(30));
        assert_eq!(patched(&old, &unified("/f", &old, &new)), new, "case {case}:\n{old:?}\n{new:?}");
    }
}

#[test]
fn texts_too_long_to_compare_are_shown_as_replaced() {
    let (old, new) = ("x\n".repeat(5000), "y\n".repeat(5000));
    assert_eq!(patched(&old, &unified("/f", &old, &new)), new);
}

/// What patch(1) would make of it.
fn patched(old: &str, diff: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let (mut at, mut new) = (0, String::new());
    for line in diff.split_inclusive('\n').skip(2) {
        match line.split_at(1) {
            ("@", header) => {
                let range = header.split(['-', ' ']).nth(2).unwrap();
                let (start, count) = range.split_once(',').unwrap_or((range, "1"));
                let start: usize = start.parse().unwrap();
                let start = if count == "0" { start } else { start - 1 };
                new.extend(old[at..start].iter().copied());
                at = start;
            }
            (" ", same) => {
                assert_eq!(old[at], same);
                new.push_str(same);
                at += 1;
            }
            ("-", gone) => {
                assert_eq!(old[at], gone);
                at += 1;
            }
            ("+", came) => new.push_str(came),
            other => panic!("{other:?}"),
        }
    }
    new.extend(old[at..].iter().copied());
    new
}
