//! The attribute bits of one `BOOT` partition.

use core::fmt;

/// Starts that a newly armed set gets. One would let a single power cut undo an update; more delay the way back.
pub const TRIAL_TRIES: u8 = 3;

/// Starts in a row, with nobody saying that the set lives, after which a confirmed set stands behind the other.
/// Power cuts during start-up count like panics, nobody can tell them apart: so not one, not two.
pub const FAILURES_TO_LOSE_STANDING: u8 = FAILURES.max;

const PRIORITY: Field = Field { shift: 48, max: 15 };
const TRIES: Field = Field { shift: 52, max: 15 };
const SUCCESSFUL: Field = Field { shift: 56, max: 1 };
const FAILURES: Field = Field { shift: 57, max: 3 };

/// Neighbouring bits that make a number.
struct Field {
    shift: u32,
    max: u8,
}

impl Field {
    const fn get(&self, bits: u64) -> u8 {
        (bits >> self.shift) as u8 & self.max
    }

    const fn put(&self, bits: u64, value: u8) -> u64 {
        bits & !((self.max as u64) << self.shift) | (value as u64) << self.shift
    }
}

/// What the attribute bits of one set say. Every value fits its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Attributes {
    pub(crate) priority: u8,
    pub(crate) tries: u8,
    pub(crate) successful: bool,
    pub(crate) failures: u8,
}

impl Attributes {
    /// Nothing there: never chosen.
    pub const EMPTY: Self = Self { priority: 0, tries: 0, successful: false, failures: 0 };
    /// A set that an image comes with. It is confirmed from the start: were it on trial with nothing behind it, a few
    /// power cuts during the first boot would leave nothing to boot.
    pub const FACTORY: Self = Self { priority: 1, tries: 0, successful: true, failures: 0 };

    /// `None` where a value does not fit its bits.
    pub const fn new(priority: u8, tries: u8, successful: bool, failures: u8) -> Option<Self> {
        if priority > PRIORITY.max || tries > TRIES.max || failures > FAILURES.max {
            return None;
        }
        Some(Self { priority, tries, successful, failures })
    }

    /// Reads a partition's attribute field. Every field has a meaning.
    pub const fn from_bits(bits: u64) -> Self {
        Self {
            priority: PRIORITY.get(bits),
            tries: TRIES.get(bits),
            successful: SUCCESSFUL.get(bits) == 1,
            failures: FAILURES.get(bits),
        }
    }

    /// The field `bits` with ours replaced and all others kept.
    pub const fn apply(self, bits: u64) -> u64 {
        let bits = PRIORITY.put(bits, self.priority);
        let bits = TRIES.put(bits, self.tries);
        let bits = SUCCESSFUL.put(bits, self.successful as u8);
        FAILURES.put(bits, self.failures)
    }

    /// Higher is preferred; 0 never boots.
    pub const fn priority(self) -> u8 {
        self.priority
    }

    /// Starts that a set on trial has left.
    pub const fn tries(self) -> u8 {
        self.tries
    }

    /// Some start of this set was confirmed since it was written.
    pub const fn successful(self) -> bool {
        self.successful
    }

    /// Starts in a row of a confirmed set after which nobody said that it lives. The running one's own start counts
    /// until it is settled.
    pub const fn failures(self) -> u8 {
        self.failures
    }

    /// The boot manager may choose it.
    pub const fn can_boot(self) -> bool {
        self.priority > 0 && (self.successful || self.tries > 0)
    }

    /// It can boot, and comes before sets that lost their standing. A trial always stands: its tries bound it.
    pub const fn stands(self) -> bool {
        self.can_boot() && !(self.successful && self.failures >= FAILURES_TO_LOSE_STANDING)
    }

    /// What all of it amounts to.
    pub const fn state(self) -> State {
        match (self.priority > 0, self.successful, self.tries > 0) {
            (true, true, _) if self.stands() => State::Confirmed,
            (true, true, _) => State::Failing,
            (true, false, true) => State::Trial,
            (true, false, false) => State::Exhausted,
            (false, true, _) => State::Parked,
            (false, false, true) => State::Staged,
            (false, false, false) => State::Empty,
        }
    }
}

/// Where a set stands in its life. The table is in the crate's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Never written, cleared, or refused while on trial.
    Empty,
    /// Written and read back, not armed.
    Staged,
    /// Armed, and not confirmed yet.
    Trial,
    /// Its tries ran out with nobody confirming it.
    Exhausted,
    /// Confirmed once, but priority 0 keeps it from booting.
    Parked,
    /// Confirmed and standing.
    Confirmed,
    /// Confirmed, but its last starts failed: it boots when nothing that stands can.
    Failing,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Staged => "staged",
            Self::Trial => "trial",
            Self::Exhausted => "exhausted",
            Self::Parked => "parked",
            Self::Confirmed => "confirmed",
            Self::Failing => "failing",
        })
    }
}
