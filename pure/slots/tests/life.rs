//! The life of a disk: every state that a machine can reach from the factory, whatever its images do, whatever its
//! operator asks for and whenever its power is cut.
//!
//! The reachable space is small, so it is walked to closure rather than to a depth.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{HashMap, VecDeque};

use common::proof;
use slots::{Attributes, Set, Sets, State};

/// What the machine is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// No power, or in the firmware.
    Off,
    /// The boot manager, with the set it has yet to try in this run.
    Choosing(Set),
    /// The boot manager, after the set's start was counted; the other one is still to be tried.
    Starting { set: Set, other: bool },
    /// The set's operating system, which may write the inactive set only when it cleared it.
    Running(Set),
}

/// A machine: its table, what it is doing, and what really happened to its sets (which no table says).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Machine {
    sets: Sets,
    phase: Phase,
    /// Confirmed at some time since it was last cleared.
    good: [bool; 2],
    /// Completely written and read back since it was last cleared.
    written: [bool; 2],
}

fn index(set: Set) -> usize {
    usize::from(set == Set::B)
}

impl Machine {
    fn factory() -> Self {
        let sets = Sets::new(Attributes::FACTORY, Attributes::EMPTY);
        Self { sets, phase: Phase::Off, good: [true, false], written: [true, false] }
    }

    fn at(self, phase: Phase) -> Self {
        Self { phase, ..self }
    }

    fn saying(self, sets: Sets) -> Self {
        Self { sets, ..self }
    }

    /// Everything that can happen next. An edit of the table that a cut undoes is a cut before it: old table or new, never
    /// anything else, so `Off` from every state covers the cuts.
    fn successors(self) -> Vec<(&'static str, Self)> {
        let mut next = vec![("power cut", self.at(Phase::Off))];
        match self.phase {
            Phase::Off => {
                let choice = self.sets.next().expect("something must boot");
                next.push(("power on", self.at(Phase::Choosing(choice.set))));
            }
            Phase::Choosing(set) => {
                let other = self.sets.get(set.other()).can_boot();
                let spent = self.saying(self.sets.spend(set));
                next.push(("spend", spent.at(Phase::Starting { set, other })));
                // The last one of this run.
                next.push(("spend, alone", spent.at(Phase::Starting { set, other: false })));
            }
            Phase::Starting { set, other } => {
                next.push(("dies early", self.at(Phase::Off)));
                next.push(("starts", self.at(Phase::Running(set))));
                let after = self.saying(self.sets.refused(set));
                let then = if other { Phase::Choosing(set.other()) } else { Phase::Off };
                next.push(("refused", after.at(then)));
            }
            Phase::Running(running) => self.operate(running, &mut next),
        }
        next
    }

    fn operate(self, running: Set, next: &mut Vec<(&'static str, Self)>) {
        let inactive = running.other();
        next.push(("settle", self.saying(self.sets.settle(running))));
        next.push(("condemn", self.saying(self.sets.condemn(running)).at(Phase::Off)));
        let mut confirmed = self.saying(self.sets.confirm(running));
        confirmed.good[index(running)] = true;
        next.push(("confirm", confirmed));
        if let Ok(sets) = self.sets.clear(running) {
            let mut cleared = self.saying(sets);
            (cleared.good[index(inactive)], cleared.written[index(inactive)]) = (false, false);
            next.push(("clear", cleared));
        }
        if self.sets.get(inactive) == Attributes::EMPTY {
            let mut whole = self;
            whole.written[index(inactive)] = true;
            next.push(("write", whole));
            // Begun and not finished.
            let mut torn = self;
            (torn.good[index(inactive)], torn.written[index(inactive)]) = (false, false);
            next.push(("write in part", torn));
        }
        if self.written[index(inactive)] {
            for (name, result) in [
                ("mark valid", self.sets.mark_valid(running, proof(inactive))),
                ("arm", self.sets.arm(running, proof(inactive))),
            ] {
                next.extend(result.ok().map(|sets| (name, self.saying(sets))));
            }
        }
        for (name, result) in
            [("cancel", self.sets.cancel(running)), ("rollback", self.sets.rollback(running))]
        {
            next.extend(result.ok().map(|sets| (name, self.saying(sets))));
        }
    }
}

/// Every reachable state, with the one it was first reached from and how.
fn reachable() -> HashMap<Machine, Option<(&'static str, Machine)>> {
    let start = Machine::factory();
    let mut found = HashMap::from([(start, None)]);
    let mut queue = VecDeque::from([start]);
    while let Some(machine) = queue.pop_front() {
        for (how, next) in machine.successors() {
            if let std::collections::hash_map::Entry::Vacant(free) = found.entry(next) {
                free.insert(Some((how, machine)));
                queue.push_back(next);
            }
        }
    }
    found
}

/// How the state was reached, for the one who reads a failure.
fn story(found: &HashMap<Machine, Option<(&'static str, Machine)>>, end: Machine) -> String {
    let mut steps = vec![format!("{end:?}")];
    let mut at = end;
    while let Some((how, before)) = found[&at] {
        steps.push(how.into());
        at = before;
    }
    steps.reverse();
    steps.join(", ")
}

#[test]
fn no_life_leads_to_a_machine_without_a_good_set_that_boots() {
    let found = reachable();
    println!("life: {} states", found.len());
    assert!(found.len() > 500, "the walk covers too little");
    for machine in found.keys() {
        let story = || story(&found, *machine);
        assert!(machine.good.contains(&true), "no set was ever good: {}", story());
        for set in Set::BOTH {
            let attributes = machine.sets.get(set);
            let good = machine.good[index(set)];
            assert_eq!(attributes.successful(), good, "the table lies about {set}: {}", story());
            assert!(!good || attributes.can_boot(), "{set} is good and cannot boot: {}", story());
            let whole = machine.written[index(set)];
            assert!(whole || !attributes.can_boot(), "{set} is half written and may boot: {}", story());
        }
    }
}

#[test]
fn every_state_of_a_set_but_parked_is_reached() {
    let found = reachable();
    let states =
        [State::Empty, State::Staged, State::Trial, State::Exhausted, State::Confirmed, State::Failing];
    for state in states {
        assert!(found.keys().any(|machine| machine.sets.get(Set::A).state() == state), "{state}");
    }
    assert!(found.keys().all(|machine| machine.sets.get(Set::A).state() != State::Parked));
}

/// What an image does whenever it is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// Becomes healthy.
    Healthy,
    /// Starts, never becomes healthy: settled at the deadline when confirmed, restarted when on trial.
    Unhealthy,
    /// Panics, hangs or resets before anyone says that it lives.
    DiesEarly,
    /// Says that it lives, then finds its root beyond repair.
    Rots,
    /// The firmware will not have it, or it cannot be read.
    Refused,
}

const HABITS: [Habit; 5] = [Habit::Healthy, Habit::Unhealthy, Habit::DiesEarly, Habit::Rots, Habit::Refused];

/// Starts the machine once; says which set stays up.
fn boot(sets: &mut Sets, habits: [Habit; 2]) -> Option<Set> {
    for choice in sets.order() {
        let set = choice.set;
        *sets = sets.spend(set);
        match habits[index(set)] {
            Habit::Refused => *sets = sets.refused(set),
            Habit::DiesEarly => return None,
            Habit::Rots => {
                *sets = if sets.get(set).successful() { sets.settle(set) } else { sets.confirm(set) };
                *sets = sets.condemn(set);
                return None;
            }
            Habit::Unhealthy if !sets.get(set).successful() => return None,
            Habit::Unhealthy => *sets = sets.settle(set),
            Habit::Healthy => *sets = sets.confirm(set),
        }
        if matches!(habits[index(set)], Habit::Healthy | Habit::Unhealthy) {
            return Some(set);
        }
    }
    None
}

#[test]
fn from_every_state_a_good_set_is_soon_up_whatever_the_other_does() {
    // A trial of three, a round of three of a failing set, and the good one.
    const SOON: usize = 7;
    let found = reachable();
    for machine in found.keys().filter(|machine| machine.phase == Phase::Off) {
        for good in Set::BOTH.into_iter().filter(|set| machine.good[index(*set)]) {
            for habit in HABITS {
                let mut habits = [habit; 2];
                habits[index(good)] = Habit::Healthy;
                let mut sets = machine.sets;
                let up = (0..SOON).find_map(|_| boot(&mut sets, habits));
                let story = || story(&found, *machine);
                assert!(up.is_some(), "{good} is good, the other {habit:?}, and none is up: {}", story());
                let sick = matches!(habit, Habit::DiesEarly | Habit::Rots | Habit::Refused);
                assert!(!sick || up == Some(good));
                // And it stays so: once the sick set has yielded, restarts do not go back to it for long.
                let later = (0..12).filter_map(|_| boot(&mut sets, habits)).count();
                assert!(
                    later >= 12 - 3,
                    "{good} is good, the other {habit:?}, only {later} of 12: {}",
                    story()
                );
            }
        }
    }
}
