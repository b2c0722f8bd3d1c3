//! Which set boots, and everything that is decided between the firmware and the kernel.
//!
//! [`run`] is the whole of it, over a [`Machine`]: read both copies of the partition table and repair them, choose a
//! set by the rules of `pure/slots`, spend its try, have the firmware verify its image, hold it against the security
//! floor, start it; if it is refused or gives up, the next set in the same run.
//!
//! Holds always:
//! - Nothing of an image is read before the try that pays for it is durable in both copies of the table, or known not to be
//!   writable ([`run`] says what happens then).
//! - Nothing is started that the firmware has not accepted, and nothing is believed about an image but what its
//!   verified copy in memory says.
//! - Every decision is one line of the trace (docs/formats/boot-variables.md).
//!
//! Left to others: the rules over the attribute bits (`pure/slots`), the bytes of a table (`pure/partition`) and of an
//! image (`pure/pe`), the firmware's protocols (`firmware/`, in the program).

#![no_std]
extern crate alloc;

mod floor;
mod flow;
mod image;
mod machine;
pub mod path;
mod signpost;
mod trace;

pub use flow::{Outcome, run};
pub use machine::{Handover, Machine, SecureBoot, StoredFloor, Watchdog};

/// How long the message that nothing is left stands before the machine is reset: long enough to be read or photographed,
/// short enough that a machine whose disk was away for a moment comes back.
pub const PAUSE_S: u32 = 10;
