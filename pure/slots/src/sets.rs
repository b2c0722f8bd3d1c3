//! Two sets, and everything that may happen to them.

use core::fmt::{self, Write as _};

use crate::attributes::{Attributes, FAILURES_TO_LOSE_STANDING, TRIAL_TRIES};
use crate::refusal::Refusal;
use crate::written::Written;

/// Priority of the set that should boot, and of the one behind it.
const FIRST: u8 = 2;
const SECOND: u8 = 1;

/// One of the two installations on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// `BOOT-A` and `ROOT-A`.
    A,
    /// `BOOT-B` and `ROOT-B`.
    B,
}

impl Set {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Name of its UKI's partition.
    pub const fn boot_name(self) -> &'static str {
        match self {
            Self::A => "BOOT-A",
            Self::B => "BOOT-B",
        }
    }

    /// Name of its root's partition.
    pub const fn root_name(self) -> &'static str {
        match self {
            Self::A => "ROOT-A",
            Self::B => "ROOT-B",
        }
    }

    /// What people and variables call it.
    pub const fn letter(self) -> char {
        match self {
            Self::A => 'A',
            Self::B => 'B',
        }
    }

    /// Reads what `Display` writes; the variable `BootedSet` holds it.
    pub fn from_letter(letter: &[u8]) -> Option<Self> {
        match letter {
            b"A" => Some(Self::A),
            b"B" => Some(Self::B),
            _ => None,
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(self.letter())
    }
}

/// The attributes of both sets. Operations return what they should become; nothing is written here.
///
/// Operations of the boot manager name the set they start. Those of the host name the set that *runs*, and those that change
/// the other one do so to `running.other()`, "the inactive set".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[must_use = "operations return what the table should say; write it"]
pub struct Sets {
    a: Attributes,
    b: Attributes,
}

impl Sets {
    /// Both.
    pub const fn new(a: Attributes, b: Attributes) -> Self {
        Self { a, b }
    }

    /// One of them.
    pub const fn get(self, set: Set) -> Attributes {
        match set {
            Set::A => self.a,
            Set::B => self.b,
        }
    }

    fn with(self, set: Set, change: impl FnOnce(&mut Attributes)) -> Self {
        let mut sets = self;
        change(match set {
            Set::A => &mut sets.a,
            Set::B => &mut sets.b,
        });
        sets
    }

    // ---- the boot manager's ----

    /// Counts a start of `set`, before anything of its image is read. Flush it before going on, so that whatever happens
    /// from there on is counted.
    ///
    /// A trial loses a try; but never its last one while nothing else can boot, for a machine that refuses to start the
    /// only set it has helps nobody. A confirmed set counts a failure, until it says that it lives. When everything that can
    /// boot has lost its standing, all counts begin anew, so that failing sets take turns.
    pub fn spend(self, set: Set) -> Self {
        let chosen = self.get(set);
        if !chosen.can_boot() {
            return self;
        }
        if !chosen.successful {
            let last_of_all = chosen.tries == 1 && !self.get(set.other()).can_boot();
            return self.with(set, |it| it.tries -= u8::from(!last_of_all));
        }
        let nothing_stands = Set::BOTH.iter().all(|set| !self.get(*set).stands());
        let round = if nothing_stands { self.fresh_round() } else { self };
        round.with(set, |it| it.failures = (it.failures + 1).min(FAILURES_TO_LOSE_STANDING))
    }

    fn fresh_round(self) -> Self {
        Set::BOTH
            .into_iter()
            .filter(|set| self.get(*set).can_boot())
            .fold(self, |sets, set| sets.with(set, |it| it.failures = 0))
    }

    /// The firmware or the boot manager will not start `set`'s image. A trial is quarantined: not chosen again before it is
    /// staged anew. A confirmed set keeps its mark, since a disk that cannot be read now may be readable tomorrow; its failure stays
    /// counted. Also a trial stays when nothing else can boot.
    pub fn refused(self, set: Set) -> Self {
        let it = self.get(set);
        if !it.can_boot() || it.successful || !self.get(set.other()).can_boot() {
            return self;
        }
        self.with(set, |it| *it = Attributes::EMPTY)
    }

    // ---- the host's, about the set that runs ----

    /// The running set lives: a confirmed set that became healthy, or that is alive at the deadline. Confirms nothing.
    pub fn settle(self, running: Set) -> Self {
        self.with(running, |it| it.failures = 0)
    }

    /// The running set is good. It can boot from now on, whatever its attributes said.
    pub fn confirm(self, running: Set) -> Self {
        self.with(running, |it| {
            *it = Attributes { priority: it.priority.max(SECOND), tries: 0, successful: true, failures: 0 };
        })
    }

    /// The running set's root cannot be read any more, beyond repair: it must not be started again while another can boot.
    /// Without this, damage that only shows after the set said that it lives would make the machine restart into it for ever.
    pub fn condemn(self, running: Set) -> Self {
        if self.get(running).successful {
            self.with(running, |it| it.failures = FAILURES_TO_LOSE_STANDING)
        } else {
            self.refused(running)
        }
    }

    // ---- the host's, about the set that does not run ----

    /// Empties the inactive set, so that it can be overwritten. Overwrite only when this is durable in both copies of the table.
    ///
    /// Refused while the running set may not be good: unconfirmed, or not yet settled in this boot.
    pub fn clear(self, running: Set) -> Result<Self, Refusal> {
        let failures = self.confirmed(running)?.failures;
        if failures > 0 {
            return Err(Refusal::Unsettled { running, failures });
        }
        if self.get(running).priority == 0 {
            return Err(Refusal::Parked { running });
        }
        Ok(self.with(running.other(), |it| *it = Attributes::EMPTY))
    }

    /// The inactive set is written and read back: gives it its tries, but does not arm it.
    pub fn mark_valid(self, running: Set, written: Written) -> Result<Self, Refusal> {
        let inactive = self.proved(running, &written)?;
        let priority = self.get(inactive).priority;
        if priority > 0 {
            return Err(Refusal::NotStaged { set: inactive, priority });
        }
        Ok(self.with(inactive, |it| *it = Attributes { tries: TRIAL_TRIES, ..Attributes::EMPTY }))
    }

    /// Makes the inactive set next, on trial. Asking again changes nothing.
    pub fn arm(self, running: Set, written: Written) -> Result<Self, Refusal> {
        let inactive = self.proved(running, &written)?;
        let Attributes { priority, tries, .. } = self.get(inactive);
        if tries == 0 {
            return Err(Refusal::NotValid { set: inactive });
        }
        let armed = self.with(inactive, |it| it.priority = FIRST).with(running, |it| it.priority = SECOND);
        if priority > 0 && armed != self {
            return Err(Refusal::NotStaged { set: inactive, priority });
        }
        Ok(armed)
    }

    /// Stays with the running set: undoes `arm` (the inactive set is staged again) and `rollback` (a confirmed inactive set
    /// stays behind the running one, as its way back).
    pub fn cancel(self, running: Set) -> Result<Self, Refusal> {
        self.confirmed(running)?;
        Ok(self
            .with(running.other(), |it| it.priority = if it.successful { it.priority.min(SECOND) } else { 0 })
            .with(running, |it| it.priority = FIRST))
    }

    /// Makes the inactive set next, which was confirmed before: the way back also from a running set on trial. It begins with a clean count.
    pub fn rollback(self, running: Set) -> Result<Self, Refusal> {
        let inactive = running.other();
        if !self.get(inactive).successful {
            return Err(Refusal::NeverConfirmed { set: inactive });
        }
        Ok(self
            .with(inactive, |it| *it = Attributes { priority: FIRST, failures: 0, ..*it })
            .with(running, |it| it.priority = SECOND))
    }

    /// The running set's attributes, if it is confirmed.
    fn confirmed(self, running: Set) -> Result<Attributes, Refusal> {
        let it = self.get(running);
        if it.successful { Ok(it) } else { Err(Refusal::Unconfirmed { running }) }
    }

    /// The inactive set, if the rules let what is in it become next. `mark_valid` and `arm` ask it again; ask before a set is
    /// read back, which takes a while.
    pub fn staging(self, running: Set) -> Result<Set, Refusal> {
        let inactive = running.other();
        self.confirmed(running)?;
        if self.get(inactive).successful {
            return Err(Refusal::Confirmed { set: inactive });
        }
        Ok(inactive)
    }

    fn proved(self, running: Set, written: &Written) -> Result<Set, Refusal> {
        let inactive = self.staging(running)?;
        if written.set() != inactive {
            return Err(Refusal::WrongProof { proved: written.set(), inactive });
        }
        Ok(inactive)
    }
}
