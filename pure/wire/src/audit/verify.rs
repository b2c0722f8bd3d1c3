//! Whether a log is what was written: every place where it is not.
//!
//! What is found: a record changed, deleted, put in, moved; the joint of two logs; records missing at the front that were
//! not rotated away. What is found only with a head known from elsewhere: records missing at the end, and a log that
//! somebody with the host's rights has written anew.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::chain::{Hash, Head, Line};
use super::record::Event;

/// Reading on would tell nothing new.
const MOST_BREAKS: usize = 64;

/// How much of the log is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that the host keeps.
    Whole,
    /// Records from some number on: what came before is not asked for.
    Part,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many records there are.
    pub records: u64,
    /// The number of the first.
    pub first: Option<u64>,
    /// The log's name, where its first record is there.
    pub log: Option<String>,
    /// The last record. Keep it elsewhere, and expect it next time.
    pub head: Option<Head>,
    /// Where the log is not what was written. Empty: it is.
    pub breaks: Vec<Break>,
    /// Expected heads that are older than the first record that is there: nothing can be said about them.
    pub unchecked: Vec<Head>,
    /// Power cuts in the middle of a record.
    pub repairs: u64,
    /// Records that could not be written.
    pub lost: u64,
}

/// One place where it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The line, counted from 1; one more than there are, for what is missing at the end.
    pub line: u64,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Not a record.
    Unreadable,
    /// The record's hash is not that of its text.
    Changed {
        /// Its number.
        seq: u64,
    },
    /// It does not follow the record before it.
    Unlinked {
        /// The number before.
        after: u64,
        /// Its number.
        seq: u64,
    },
    /// It says that a log begins, but is not the first; or it is record 1 and does not say so.
    Joint {
        /// Its number.
        seq: u64,
    },
    /// The log should begin earlier.
    FrontMissing {
        /// With this record.
        from: u64,
        /// But begins with this one.
        first: u64,
    },
    /// A record that is known to have been written is not there any more, nor is anything after it.
    TailMissing {
        /// What was expected.
        expected: Head,
    },
    /// The record of that number is another one than was known.
    Rewritten {
        /// What was expected.
        expected: Head,
    },
}

/// Takes a log line by line.
#[derive(Debug)]
pub struct Verifier {
    scope: Scope,
    expected: Vec<Head>,
    last: Option<Head>,
    line: u64,
    kept_from: u64,
    findings: Findings,
}

impl Verifier {
    /// Will look for `expected`, too.
    pub fn new(scope: Scope, expected: &[Head]) -> Self {
        Verifier {
            scope,
            expected: expected.to_vec(),
            last: None,
            line: 0,
            kept_from: 1,
            findings: Findings::default(),
        }
    }

    /// Takes the next line, without its line feed.
    pub fn take(&mut self, line: &str) {
        self.line += 1;
        let Ok(line) = Line::read(line) else { return self.broken(Why::Unreadable) };
        let seq = line.record.seq;
        self.findings.records += 1;
        if !line.genuine {
            self.broken(Why::Changed { seq });
        }
        match self.last {
            Some(last) if last.hash != line.record.previous || last.seq.checked_add(1) != Some(seq) => {
                self.broken(Why::Unlinked { after: last.seq, seq });
            }
            Some(_) => {}
            None => self.findings.first = Some(seq),
        }
        let begins = matches!(line.record.event, Event::Begun { .. });
        if begins != (seq == 1) || begins && (self.last.is_some() || line.record.previous != Hash::NONE) {
            self.broken(Why::Joint { seq });
        }
        let other = self.expected.iter().find(|head| head.seq == seq && head.hash != line.hash).copied();
        if let Some(expected) = other {
            self.broken(Why::Rewritten { expected });
        }
        self.last = Some(line.head());
        match line.record.event {
            Event::Begun { log } if self.findings.log.is_none() => self.findings.log = Some(log),
            Event::Rotated { kept_from } => self.kept_from = self.kept_from.max(kept_from),
            Event::Repaired { .. } => self.findings.repairs += 1,
            Event::Lost { count } => self.findings.lost = self.findings.lost.saturating_add(count),
            _ => {}
        }
    }

    /// What came out, when there are no more.
    pub fn finish(mut self) -> Findings {
        self.line += 1;
        self.findings.head = self.last;
        let end = self.last.map_or(0, |last| last.seq);
        let first = self.findings.first.unwrap_or(1);
        for expected in core::mem::take(&mut self.expected) {
            if expected.seq > end {
                self.broken(Why::TailMissing { expected });
            } else if expected.seq < first {
                self.findings.unchecked.push(expected);
            }
        }
        if self.scope == Scope::Whole && first > self.kept_from {
            self.line = 1;
            self.broken(Why::FrontMissing { from: self.kept_from, first });
        }
        self.findings
    }

    fn broken(&mut self, why: Why) {
        if self.findings.breaks.len() < MOST_BREAKS {
            self.findings.breaks.push(Break { line: self.line, why });
        }
    }
}

/// Looks at a log, given line by line without line feeds, and for `expected`.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>, scope: Scope, expected: &[Head]) -> Findings {
    let mut verifier = Verifier::new(scope, expected);
    lines.into_iter().for_each(|line| verifier.take(line));
    verifier.finish()
}

impl Findings {
    /// Whether it is what was written, as far as can be seen.
    pub fn is_whole(&self) -> bool {
        self.breaks.is_empty()
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Unreadable => f.write_str("this is not a record"),
            Why::Changed { seq } => {
                write!(f, "record {seq} was changed: its hash is not that of its text")
            }
            Why::Unlinked { after, seq } => write!(
                f,
                "record {seq} does not follow record {after}, which stands before it: records were deleted, put in, moved or written anew"
            ),
            Why::Joint { seq } => {
                write!(f, "at record {seq} another log begins, or this one does not: two logs were joined")
            }
            Why::FrontMissing { from, first } => write!(
                f,
                "the log begins with record {first}, but records from {from} on were not rotated away: they were deleted"
            ),
            Why::TailMissing { expected } => write!(
                f,
                "record {} is known to have been written, but the log ends before it: its end was cut off",
                expected.seq
            ),
            Why::Rewritten { expected } => write!(
                f,
                "record {} is not the one that is known ({}): the log was written anew, or it is another one",
                expected.seq, expected.hash
            ),
        }
    }
}
