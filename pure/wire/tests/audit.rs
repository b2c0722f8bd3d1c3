//! Tampering with the record of calls: every kind, at every place of random logs, is found where it was done; and what
//! only a head from elsewhere can show is shown by it, and by nothing else.
#![allow(clippy::unwrap_used)]

use wire::audit::{Event, Findings, Hash, Head, LINE_BYTES, Line, Record, Scope, Verifier, Why, verify};

/// xorshift: the same logs in every run of the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn event(dice: &mut Dice) -> Event {
    let texts = ["", "ada (admin, certificate 4f)", "\"hash\":\"", "uid 0 (pid 1)", "é\u{1}\n\\", "{}"];
    let text = texts[dice.below(texts.len())].to_owned();
    match dice.below(6) {
        0 => Event::Started,
        1 => Event::Refused { peer: text, why: "expired".into(), more: dice.below(9) as u64 },
        2 => Event::Repaired { bytes: 7 },
        3 => Event::Lost { count: 2 },
        _ => Event::Call {
            caller: text,
            method: "PATCH".into(),
            path: "/v1/settings".into(),
            status: 200,
            before: 1,
            after: 2,
        },
    }
}

struct Log {
    lines: Vec<String>,
    heads: Vec<Head>,
}

impl Log {
    fn of(name: &str, length: usize, dice: &mut Dice) -> Self {
        let mut log = Log { lines: Vec::new(), heads: Vec::new() };
        log.push(Event::Begun { log: name.into() });
        while log.lines.len() < length {
            let event = event(dice);
            log.push(event);
        }
        log
    }

    fn push(&mut self, event: Event) {
        let (seq, previous) = self.heads.last().map_or((1, Hash::NONE), |head| (head.seq + 1, head.hash));
        let (line, head) = Record { seq, unix_s: 1_795_132_800 + seq, event, previous }.to_line();
        self.lines.push(line);
        self.heads.push(head);
    }
}

fn look(lines: &[String], expected: &[Head]) -> Findings {
    verify(lines.iter().map(String::as_str), Scope::Whole, expected)
}

/// The logs that every test takes: short ones, where first and last are next to each other, and some longer ones.
fn logs() -> impl Iterator<Item = (Dice, Log)> {
    (1..=40_u64).map(|seed| {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let log = Log::of("one", 2 + seed as usize % 13, &mut dice);
        (dice, log)
    })
}

#[test]
fn what_was_written_is_whole_and_every_head_of_it_is_known() {
    for (_, log) in logs() {
        let findings = look(&log.lines, &log.heads);
        assert!(findings.is_whole(), "{:?}", findings.breaks);
        assert_eq!(findings.head, log.heads.last().copied());
        assert_eq!((findings.first, findings.log.as_deref()), (Some(1), Some("one")));
        assert!(log.lines.iter().all(|line| line.len() < LINE_BYTES && !line.contains('\n')));
    }
}

#[test]
fn a_record_is_read_back_as_it_was_written() {
    for (_, log) in logs() {
        for (line, head) in log.lines.iter().zip(&log.heads) {
            let read = Line::read(line).unwrap();
            assert!(read.genuine);
            assert_eq!(read.head(), *head);
            assert_eq!(read.record.to_line(), (line.clone(), *head));
        }
    }
}

#[test]
fn any_byte_that_changes_is_found_at_its_line() {
    for (mut dice, log) in logs() {
        let at = dice.below(log.lines.len());
        for byte in 0..log.lines[at].len() {
            let mut bytes = log.lines[at].clone().into_bytes();
            bytes[byte] = match bytes[byte] {
                b'0' => b'1',
                b'x' => b'y',
                old => {
                    if old.is_ascii() {
                        b'0'
                    } else {
                        old ^ 1
                    }
                }
            };
            let mut lines = log.lines.clone();
            lines[at] = String::from_utf8_lossy(&bytes).into_owned();
            let breaks = look(&lines, &[]).breaks;
            let found = breaks.iter().any(|one| [at as u64 + 1, at as u64 + 2].contains(&one.line));
            assert!(found, "byte {byte} of line {at}: {breaks:?}\n{}", lines[at]);
        }
    }
}

#[test]
fn an_edit_with_a_new_hash_is_found_at_the_next_record() {
    for (mut dice, log) in logs() {
        let at = 1 + dice.below(log.lines.len() - 1);
        let mut record = Line::read(&log.lines[at]).unwrap().record;
        record.unix_s += 1;
        let mut lines = log.lines.clone();
        lines[at] = record.to_line().0;
        let breaks = look(&lines, &[]).breaks;
        if at + 1 == lines.len() {
            assert!(breaks.is_empty(), "the last record can be written anew: only a head shows it");
            assert!(matches!(look(&lines, &log.heads[at..]).breaks[0].why, Why::Rewritten { .. }));
        } else {
            assert_eq!((breaks.len(), breaks[0].line), (1, at as u64 + 2), "{breaks:?}");
            assert!(matches!(breaks[0].why, Why::Unlinked { .. }));
        }
    }
}

#[test]
fn a_deletion_is_found_where_it_was_done() {
    for (mut dice, log) in logs() {
        let count = log.lines.len();
        let from = dice.below(count - 1);
        let to = from + 1 + dice.below(count - 1 - from);
        let mut lines = log.lines.clone();
        lines.drain(from..to);
        let breaks = look(&lines, &[]).breaks;
        assert!(!breaks.is_empty(), "{from}..{to} of {count}");
        if from == 0 {
            assert!(matches!(breaks[0].why, Why::FrontMissing { from: 1, .. }), "{breaks:?}");
        } else {
            assert_eq!(breaks[0].why, Why::Unlinked { after: from as u64, seq: to as u64 + 1 });
            assert_eq!(breaks[0].line, from as u64 + 1);
        }
    }
}

#[test]
fn another_order_is_found() {
    for (mut dice, log) in logs() {
        let (one, other) = (dice.below(log.lines.len()), dice.below(log.lines.len()));
        let mut lines = log.lines.clone();
        lines.swap(one, other);
        assert_eq!(look(&lines, &[]).is_whole(), one == other, "{one} and {other}");
        let mut lines = log.lines.clone();
        let taken = lines.remove(one);
        lines.insert(other, taken);
        assert_eq!(look(&lines, &[]).is_whole(), one == other, "{one} to {other}");
    }
}

#[test]
fn a_record_that_is_put_in_or_doubled_is_found() {
    for (mut dice, log) in logs() {
        let at = dice.below(log.lines.len());
        let mut lines = log.lines.clone();
        lines.insert(at, log.lines[at].clone());
        assert!(!look(&lines, &[]).is_whole());
        // One that is made to fit what stands before it does not fit what stands behind it.
        let before = log.heads[at];
        let made = Record { seq: before.seq + 1, unix_s: 0, event: Event::Started, previous: before.hash };
        let mut lines = log.lines.clone();
        lines.insert(at + 1, made.to_line().0);
        assert_eq!(look(&lines, &[]).is_whole(), at + 1 == log.lines.len());
    }
}

#[test]
fn a_cut_end_is_shown_by_a_head_from_elsewhere_and_by_nothing_else() {
    for (mut dice, log) in logs() {
        let keep = dice.below(log.lines.len());
        let lines = &log.lines[..keep];
        assert!(look(lines, &[]).is_whole(), "the chain alone cannot know");
        let findings = look(lines, &log.heads);
        assert_eq!(findings.breaks.len(), log.lines.len() - keep);
        for (one, expected) in findings.breaks.iter().zip(&log.heads[keep..]) {
            assert_eq!((one.line, one.why), (keep as u64 + 1, Why::TailMissing { expected: *expected }));
        }
    }
}

#[test]
fn two_logs_joined_are_found_at_the_joint() {
    for (mut dice, log) in logs() {
        let other = Log::of("other", log.lines.len() + 3, &mut dice);
        let (keep, from) = (1 + dice.below(log.lines.len()), dice.below(other.lines.len()));
        let lines: Vec<_> = log.lines[..keep].iter().chain(&other.lines[from..]).cloned().collect();
        let findings = look(&lines, &[]);
        assert!(findings.breaks.iter().any(|one| one.line == keep as u64 + 1), "{:?}", findings.breaks);
        // The other log whole in this one's place: only its name, and a head, show it.
        let findings = look(&other.lines, &[]);
        assert!(findings.is_whole() && findings.log.as_deref() == Some("other"));
        assert!(!look(&other.lines, &log.heads).is_whole());
    }
}

#[test]
fn only_a_rotation_may_drop_the_front() {
    let mut dice = Dice(7);
    let mut log = Log::of("one", 9, &mut dice);
    log.push(Event::Rotated { kept_from: 5 });
    for first in 1..=10_usize {
        let lines = &log.lines[first - 1..];
        let breaks = look(lines, &[]).breaks;
        // Before 5: a cut came between saying it and doing it.
        assert_eq!(breaks.is_empty(), first <= 5, "from {first}: {breaks:?}");
        assert!(
            verify(lines.iter().map(String::as_str), Scope::Part, &[]).is_whole(),
            "a part was asked for"
        );
    }
    let findings = look(&log.lines[4..], &log.heads[..1]);
    assert_eq!(findings.unchecked, log.heads[..1], "too old to say anything about");
}

#[test]
fn a_head_survives_its_text() {
    let (_, log) = logs().next().unwrap();
    for head in &log.heads {
        assert_eq!(head.to_string().parse::<Head>().unwrap(), *head);
    }
    let hash = log.heads[0].hash.to_string();
    let wrong = [
        "".into(),
        hash.clone(),
        format!(":{hash}"),
        format!("+1:{hash}"),
        format!("1:{}", hash.to_uppercase()),
    ];
    for wrong in wrong.iter().filter(|text| !text.chars().all(char::is_numeric) || text.is_empty()) {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}

#[test]
fn anything_at_all_is_judged_without_a_panic() {
    let mut dice = Dice(99);
    let (_, log) = logs().nth(9).unwrap();
    for _ in 0..20_000 {
        let mut bytes = log.lines[dice.below(log.lines.len())].clone().into_bytes();
        for _ in 0..1 + dice.below(4) {
            match dice.below(3) {
                0 => drop(bytes.pop()),
                1 => bytes.insert(dice.below(bytes.len() + 1), dice.below(256) as u8),
                _ => {
                    let at = dice.below(bytes.len());
                    bytes[at] = dice.below(256) as u8;
                }
            }
        }
        let mut verifier = Verifier::new(Scope::Whole, &[]);
        verifier.take(&String::from_utf8_lossy(&bytes));
        verifier.take("");
        verifier.take(&"é".repeat(80));
        verifier.take(&format!("{{\"seq\":{},\"hash\":\"{}\"}}", u64::MAX, Hash::NONE));
        assert!(!verifier.finish().is_whole());
    }
}
