//! The record of calls: its lines, the chain that holds them together, and finding where it does not.
//!
//! A record is one line of JSON. Its last member, `hash`, is the SHA-256 of every byte before `,"hash"`; its member `previous`
//! is the hash of the record before. So nothing between two records can change without a trace. Whoever can write the file
//! can still cut its end off, or write everything anew from some record on: against that stands a [`Head`] which was
//! noted elsewhere, and which [`verify()`] is given to compare with. See docs/formats/audit-log.md.
//!
//! Holds always: [`Record::to_line`] is read back by [`Line::read`]; reading is total. Left to others: files, time and
//! flushing (`svc/apiserver`).

mod chain;
mod record;
mod verify;

pub use chain::{Hash, Head, Line, Unreadable};
pub use record::{Event, LINE_BYTES, Record};
pub use verify::{Break, Findings, Scope, Verifier, Why, verify};
