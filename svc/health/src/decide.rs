//! What to do about a root that is damaged, and at the deadline. Events in, actions out; nothing is done here.
//!
//! | event | actions |
//! |---|---|
//! | the kernel repaired something | count it |
//! | a block is suspect | read it back, once for all reports of a batch |
//! | messages were left out | read everything back |
//! | no more messages will come | read everything back, now and at every tick |
//! | a block read back well | say so; what the kernel said meanwhile is about our own reading: count repairs, read back only suspects that have not been |
//! | everything read back well | as above; nothing is suspect |
//! | a block is beyond repair | ask whether another set can boot |
//! | another can, or nobody knows | condemn the set and restart, whatever else goes on |
//! | no other can | say so: after a restart it would be the same, and as long as it runs, the other set can be written |
//! | deadline, set confirmed | settle it |
//! | deadline, set on trial | ask for a restart; if the machine still runs after as long again, force it |
//! | deadline, set on trial, and no other can boot | say so: a restart would start the same set again, for ever |
//! | deadline, set neither confirmed nor ever armed | say so: no boot manager chose it, so a restart would come to the same |
//! | deadline, started UKI and mounted root are of different sets | say so; a trial is restarted |
//! | deadline, and the table cannot be read or changed | look again later: whoever starts next needs the same table, so a restart helps nobody |
//!
//! Holds always: reading back ends. A batch of reports makes each block be read at most once, however the kernel comments
//! on our own reading.

use std::collections::{BTreeSet, VecDeque};

use slots::Set;

use crate::reports::Report;

/// More than any machine has processors that read at once, and few enough that a repair of old is not taken for a new one.
const RECENT: usize = 32;

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The kernel said something, and we did not cause it.
    Reported(Vec<Report>),
    /// A block was read back.
    ReadBack {
        /// Which.
        block: u64,
        /// Whether its bytes came.
        fine: bool,
        /// What the kernel said while we read.
        meanwhile: Vec<Report>,
    },
    /// Every block was read back.
    AllReadBack {
        /// The first that did not come.
        bad: Option<u64>,
        /// What the kernel said while we read.
        meanwhile: Vec<Report>,
    },
    /// Whether another set can boot than the one whose root is beyond repair.
    Other {
        /// The block that is.
        block: u64,
        /// True also when it cannot be told.
        can_boot: bool,
    },
    /// The deadline is over, and this is how things are.
    Deadline(Standing),
    /// The deadline is over, and how things are cannot be told, or not be written down.
    Undecided,
    /// As long again is over after we asked for a restart.
    Overdue,
    /// Some minutes are over.
    Tick,
}

/// How the running set stands at the deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is confirmed.
    Confirmed {
        /// Which.
        set: Set,
        /// Starts that nobody has settled, this one among them.
        failures: u8,
    },
    /// It is on trial, and nobody has confirmed it.
    Trial {
        /// Which.
        set: Set,
    },
    /// As `Trial`, but nothing else can boot.
    Alone {
        /// Which.
        set: Set,
    },
    /// It is not confirmed, but no boot manager started it for a trial.
    Unmanaged {
        /// Which.
        set: Set,
    },
    /// The boot manager started one set, and the root is the other one's.
    Mixed {
        /// The one whose UKI was started.
        booted: Set,
        /// It is on trial.
        trial: bool,
    },
}

/// Something to do, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Say and keep the count of repairs.
    Count {
        /// All of this boot.
        repaired: u64,
    },
    /// Read a block back, past every cache.
    ReadBack {
        /// Which.
        block: u64,
    },
    /// Read all of it back.
    ReadAllBack,
    /// Say that a suspect was repaired.
    Fine {
        /// Which.
        block: u64,
    },
    /// Find out whether another set can boot.
    AskOther {
        /// The block that is beyond repair.
        block: u64,
    },
    /// Say that a block is beyond repair, and that nothing can be done about it.
    Endure {
        /// Which block.
        block: u64,
    },
    /// Say it, condemn the set, restart the machine at once.
    Condemn {
        /// Which block.
        block: u64,
    },
    /// The set lives.
    Settle {
        /// Which.
        set: Set,
    },
    /// Say it, and ask PID 1 to restart the machine.
    Restart {
        /// The set that failed.
        set: Set,
    },
    /// Decide about the set later.
    Postpone,
    /// Restart the machine without PID 1.
    ForceRestart,
    /// Say that the set is no good, and that a restart would not help.
    Stay {
        /// The set that runs.
        set: Set,
    },
    /// Say that the set can be neither confirmed nor settled.
    Mixed {
        /// The set whose UKI was started.
        booted: Set,
    },
}

/// What is known so far.
#[derive(Debug, Default)]
pub struct Machine {
    repaired: u64,
    /// Of the repairs counted last: the kernel may take them back, and several processors speak at once.
    recent: VecDeque<u64>,
    /// Asked for since the last report that we did not cause.
    asked: BTreeSet<u64>,
    /// The kernel reports no more.
    deaf: bool,
}

impl Machine {
    /// Advances on one event. Returns what to do, in order.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Reported(reports) => {
                self.asked.clear();
                self.reported(&reports)
            }
            Event::ReadBack { block, fine: false, meanwhile }
            | Event::AllReadBack { bad: Some(block), meanwhile } => {
                self.deaf |= meanwhile.contains(&Report::Deaf);
                vec![Action::AskOther { block }]
            }
            Event::Other { block, can_boot: true } => vec![Action::Condemn { block }],
            Event::Other { block, can_boot: false } => vec![Action::Endure { block }],
            Event::ReadBack { block, fine: true, meanwhile } => {
                let mut actions = vec![Action::Fine { block }];
                actions.extend(self.reported(&meanwhile));
                actions
            }
            Event::AllReadBack { bad: None, meanwhile } => {
                let old = |report: &Report| matches!(report, Report::Suspect { .. } | Report::Missed);
                let news: Vec<_> = meanwhile.into_iter().filter(|report| !old(report)).collect();
                let mut actions = self.reported(&news);
                actions.retain(|action| *action != Action::ReadAllBack);
                actions
            }
            Event::Tick if self.deaf => vec![Action::ReadAllBack],
            Event::Tick => Vec::new(),
            Event::Deadline(standing) => at_deadline(standing),
            Event::Undecided => vec![Action::Postpone],
            Event::Overdue => vec![Action::ForceRestart],
        }
    }

    fn reported(&mut self, reports: &[Report]) -> Vec<Action> {
        let (before, mut suspects, mut all) = (self.repaired, BTreeSet::new(), false);
        for report in reports {
            match *report {
                Report::Repaired { offset } => {
                    self.repaired = self.repaired.saturating_add(1);
                    self.recent.push_front(offset);
                    self.recent.truncate(RECENT);
                }
                Report::NotRepaired { offset } => {
                    if let Some(at) = self.recent.iter().position(|known| *known == offset) {
                        self.recent.remove(at);
                        self.repaired = self.repaired.saturating_sub(1);
                    }
                }
                Report::Suspect { block } => {
                    if self.asked.insert(block) {
                        suspects.insert(block);
                    }
                }
                Report::Missed => all = true,
                Report::Deaf => {
                    all |= !self.deaf;
                    self.deaf = true;
                }
            }
        }
        let count = (self.repaired != before).then_some(Action::Count { repaired: self.repaired });
        let one_by_one = suspects.into_iter().filter(|_| !all).map(|block| Action::ReadBack { block });
        count.into_iter().chain(one_by_one).chain(all.then_some(Action::ReadAllBack)).collect()
    }
}

fn at_deadline(standing: Standing) -> Vec<Action> {
    match standing {
        Standing::Confirmed { failures: 0, .. } => Vec::new(),
        Standing::Confirmed { set, .. } => vec![Action::Settle { set }],
        Standing::Trial { set } => vec![Action::Restart { set }],
        Standing::Alone { set } | Standing::Unmanaged { set } => vec![Action::Stay { set }],
        Standing::Mixed { booted, trial: true } => {
            vec![Action::Mixed { booted }, Action::Restart { set: booted }]
        }
        Standing::Mixed { booted, trial: false } => vec![Action::Mixed { booted }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn suspect(block: u64) -> Report {
        Report::Suspect { block }
    }

    const fn repaired(offset: u64) -> Report {
        Report::Repaired { offset }
    }

    fn read_back(block: u64, fine: bool, meanwhile: &[Report]) -> Event {
        Event::ReadBack { block, fine, meanwhile: meanwhile.to_vec() }
    }

    #[test]
    fn the_table_of_events_holds() {
        let count = |repaired| Action::Count { repaired };
        let not = |offset| Report::NotRepaired { offset };
        let read = |block| Action::ReadBack { block };
        let reported = |reports: &[Report]| Event::Reported(reports.to_vec());
        let all_read = |bad, meanwhile: &[Report]| Event::AllReadBack { bad, meanwhile: meanwhile.to_vec() };
        let (a, b) = (Set::A, Set::B);
        for (event, want) in [
            (reported(&[]), vec![]),
            (reported(&[repaired(8), repaired(16)]), vec![count(2)]),
            (reported(&[repaired(8), not(8), repaired(8), repaired(16), not(16)]), vec![count(1)]),
            (reported(&[not(8), repaired(8), not(8)]), vec![]),
            (reported(&[repaired(8), repaired(16), not(8), not(8)]), vec![count(1)]),
            (reported(&[suspect(7), suspect(7), suspect(3)]), vec![read(3), read(7)]),
            (reported(&[suspect(7), Report::Missed]), vec![Action::ReadAllBack]),
            (reported(&[Report::Deaf, Report::Deaf]), vec![Action::ReadAllBack]),
            (read_back(7, true, &[]), vec![Action::Fine { block: 7 }]),
            (read_back(7, true, &[repaired(9)]), vec![Action::Fine { block: 7 }, count(1)]),
            (read_back(7, true, &[suspect(8)]), vec![Action::Fine { block: 7 }, read(8)]),
            (read_back(7, false, &[repaired(9), suspect(8)]), vec![Action::AskOther { block: 7 }]),
            (Event::Other { block: 7, can_boot: true }, vec![Action::Condemn { block: 7 }]),
            (Event::Other { block: 7, can_boot: false }, vec![Action::Endure { block: 7 }]),
            (all_read(None, &[suspect(7), Report::Missed, repaired(9)]), vec![count(1)]),
            (all_read(None, &[Report::Deaf]), vec![]),
            (all_read(Some(4), &[repaired(9)]), vec![Action::AskOther { block: 4 }]),
            (Event::Tick, vec![]),
            (Event::Overdue, vec![Action::ForceRestart]),
            (Event::Undecided, vec![Action::Postpone]),
            (Event::Deadline(Standing::Confirmed { set: a, failures: 0 }), vec![]),
            (Event::Deadline(Standing::Confirmed { set: a, failures: 1 }), vec![Action::Settle { set: a }]),
            (Event::Deadline(Standing::Trial { set: b }), vec![Action::Restart { set: b }]),
            (Event::Deadline(Standing::Alone { set: b }), vec![Action::Stay { set: b }]),
            (Event::Deadline(Standing::Unmanaged { set: a }), vec![Action::Stay { set: a }]),
            (Event::Deadline(Standing::Mixed { booted: b, trial: false }), vec![Action::Mixed { booted: b }]),
            (
                Event::Deadline(Standing::Mixed { booted: b, trial: true }),
                vec![Action::Mixed { booted: b }, Action::Restart { set: b }],
            ),
        ] {
            assert_eq!(Machine::default().step(event.clone()), want, "{event:?}");
        }
    }

    #[test]
    fn a_kernel_that_reports_no_more_is_asked_at_every_tick() {
        let mut machine = Machine::default();
        assert_eq!(machine.step(Event::Reported(vec![Report::Deaf])), [Action::ReadAllBack]);
        assert_eq!(machine.step(Event::AllReadBack { bad: None, meanwhile: vec![Report::Deaf] }), []);
        assert_eq!(machine.step(Event::Tick), [Action::ReadAllBack]);
        assert_eq!(machine.step(Event::Tick), [Action::ReadAllBack]);
        // Our own reading of a lost block may be what was one report too many.
        let mut machine = Machine::default();
        machine.step(read_back(7, false, &[Report::Deaf]));
        assert_eq!(machine.step(Event::Tick), [Action::ReadAllBack]);
    }

    #[test]
    fn reading_back_ends_whatever_the_kernel_says_of_it() {
        // A kernel that calls every block suspect at each reading.
        let always = [suspect(1), suspect(2), suspect(3)];
        for batch in [&always[..1], &always[..]] {
            let mut machine = Machine::default();
            let mut todo = machine.step(Event::Reported(batch.to_vec()));
            let mut read = Vec::new();
            while let Some(action) = todo.pop() {
                if let Action::ReadBack { block } = action {
                    assert!(!read.contains(&block), "{block} again after {read:?}");
                    read.push(block);
                    todo.extend(machine.step(read_back(block, true, &always)));
                }
            }
            assert_eq!(read.len(), 3);
        }
    }

    #[test]
    fn a_repair_that_is_taken_back_is_not_counted() {
        let mut machine = Machine::default();
        assert_eq!(machine.step(Event::Reported(vec![repaired(8)])), [Action::Count { repaired: 1 }]);
        let taken_back = vec![Report::NotRepaired { offset: 8 }];
        assert_eq!(machine.step(Event::Reported(taken_back.clone())), [Action::Count { repaired: 0 }]);
        assert_eq!(machine.step(Event::Reported(taken_back)), []);
    }

    #[test]
    fn a_block_that_fails_later_is_read_again() {
        let mut machine = Machine::default();
        assert_eq!(machine.step(Event::Reported(vec![suspect(5)])), [Action::ReadBack { block: 5 }]);
        machine.step(read_back(5, true, &[]));
        assert_eq!(machine.step(Event::Reported(vec![suspect(5)])), [Action::ReadBack { block: 5 }]);
    }
}
