//! Which set comes first, and why.

use core::cmp::Reverse;
use core::fmt;

use crate::sets::{Set, Sets};

/// A set to start, and the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The set.
    pub set: Set,
    /// Why it is this one's turn.
    pub why: Why,
}

/// Why a set is chosen. Displays as the word of the boot trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Both can boot and stand alike; this one has the higher priority.
    HighestPriority,
    /// Both can boot and stand alike, at the same priority: A comes first.
    FirstOfEquals,
    /// The other cannot boot.
    OnlyBootable,
    /// The other failed too often in a row.
    OtherLostStanding,
    /// Every set that can boot failed too often in a row: the count begins anew.
    FreshRound,
    /// The better one was refused in this run.
    OtherRefused,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HighestPriority => "highest-priority",
            Self::FirstOfEquals => "first-of-equals",
            Self::OnlyBootable => "only-bootable",
            Self::OtherLostStanding => "other-lost-standing",
            Self::FreshRound => "fresh-round",
            Self::OtherRefused => "other-refused",
        })
    }
}

impl Sets {
    /// The sets to try in this run, best first: spend the first, start it; the second only where the first is refused.
    pub fn order(self) -> impl Iterator<Item = Choice> {
        let first = Set::BOTH
            .into_iter()
            .filter(|set| self.get(*set).can_boot())
            // Of two alike, the first: the smallest key that comes first in A, B.
            .min_by_key(|set| (!self.get(*set).stands(), Reverse(self.get(*set).priority())));
        let second = first.map(Set::other).filter(|set| self.get(*set).can_boot());
        let first = first.map(|set| Choice { set, why: self.why_first(set) });
        let second = second.map(|set| Choice { set, why: Why::OtherRefused });
        first.into_iter().chain(second)
    }

    /// What boots next, as things are.
    pub fn next(self) -> Option<Choice> {
        self.order().next()
    }

    /// Some set can boot.
    pub fn any_can_boot(self) -> bool {
        Set::BOTH.iter().any(|set| self.get(*set).can_boot())
    }

    fn why_first(self, set: Set) -> Why {
        let (chosen, other) = (self.get(set), self.get(set.other()));
        if !chosen.stands() {
            Why::FreshRound
        } else if !other.can_boot() {
            Why::OnlyBootable
        } else if !other.stands() {
            Why::OtherLostStanding
        } else if chosen.priority() == other.priority() {
            Why::FirstOfEquals
        } else {
            Why::HighestPriority
        }
    }
}
