//! Random units under random weather. Each storm prints its seed; `STORM=seed` runs that one alone.
//!
//! The simulated host keeps its own books of processes, so that the machine's belief is checked against something. Fault
//! model: a spawn may fail or be skipped, answers and exits come late and in any order, stale events are repeated,
//! processes exit with any code at any time, ignore their stop signal, answer a reload late or never, and now and then
//! survive SIGKILL.

use std::collections::{BTreeMap, BTreeSet};

use super::dice::{Dice, units};
use super::*;
use crate::unit::{FailureAction, Kind, UnitId};
use crate::watchdog::{Feeding, wake};

const STORMS: u64 = 3_000;
const STEPS: usize = 120;

/// What the host knows of a run.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Process {
    Asked,
    Alive,
    Doomed,
    Immortal,
}

struct Storm {
    dice: Dice,
    machine: Machine,
    now: Instant,
    processes: BTreeMap<(UnitId, Run), Process>,
    /// Runs that were told to take their files again, and whether they said that they have begun.
    reloads: BTreeMap<(UnitId, Run), bool>,
    /// Units whose files changed since they were told, or started.
    stale: BTreeSet<UnitId>,
    renewed: usize,
    /// Units that were up at least once.
    been_up: Vec<UnitId>,
    stamps: Vec<String>,
    wake: Option<Instant>,
    finished: bool,
    given_up: usize,
    feeding: Feeding,
    past: Vec<Event>,
}

impl Storm {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let machine = Machine::new(units(&mut dice));
        Self {
            dice,
            machine,
            now: Instant::from_ms(5),
            processes: BTreeMap::new(),
            reloads: BTreeMap::new(),
            stale: BTreeSet::new(),
            renewed: 0,
            been_up: Vec::new(),
            stamps: Vec::new(),
            wake: None,
            finished: false,
            given_up: 0,
            feeding: Feeding::new(1, Instant::from_ms(5)),
            past: Vec::new(),
        }
    }

    fn feed(&mut self, event: Event) {
        if !matches!(event, Event::Boot | Event::Asked { .. }) {
            self.past.push(event.clone());
        }
        if let Event::Exited { unit, run, .. }
        | Event::SpawnFailed { unit, run }
        | Event::Skipped { unit, run } = event
        {
            self.processes.remove(&(unit, run));
            self.reloads.remove(&(unit, run));
        }
        if let Event::Reloading { unit, run } = event {
            self.reloads.entry((unit, run)).and_modify(|begun| *begun = true);
        }
        let answers = matches!(event, Event::Ready { unit, run } | Event::NotTaken { unit, run }
            if self.reloads.get(&(unit, run)) == Some(&true));
        if let Event::Ready { unit, run } | Event::NotTaken { unit, run } = event
            && answers
        {
            self.reloads.remove(&(unit, run));
        }
        let asked = matches!(event, Event::Asked { .. });
        let wanted = match event {
            Event::Asked { request: Request::Reload(unit) | Request::Renew(unit), .. } => Some(unit),
            _ => None,
        };
        let actions = self.machine.step(event, self.now);
        let replies = actions.iter().filter(|action| matches!(action, Action::Reply { .. })).count();
        assert_eq!(replies, usize::from(asked), "each request has one answer");
        self.wake = None;
        // From here on the unit's process may have read older files, unless what follows makes up for it.
        if let Some(unit) = wanted
            && actions.iter().any(|action| {
                matches!(
                    action,
                    Action::Reply {
                        answer: Answer::Accepted | Answer::Renewing(Renewal::Reloaded | Renewal::Restarted),
                        ..
                    }
                )
            })
        {
            self.stale.insert(unit);
            self.renewed += 1;
        }
        for action in actions {
            self.perform(action);
        }
        self.check();
    }

    fn perform(&mut self, action: Action) {
        assert!(!self.finished, "nothing happens after the end, not {action:?}");
        match action {
            Action::Spawn { unit, run } => {
                let twice = self.processes.keys().find(|(other, _)| *other == unit);
                assert_eq!(twice, None, "never two live processes of a unit");
                let requires = &self.machine.set().get(unit).unwrap().requires;
                let missing = requires.iter().find(|other| !self.been_up.contains(other));
                assert_eq!(missing, None, "a unit never runs before what it requires was up");
                self.processes.insert((unit, run), Process::Asked);
                self.stale.remove(&unit);
            }
            Action::Signal { unit, run, signal: Signal::Hup } => {
                assert_eq!(
                    self.processes.get(&(unit, run)),
                    Some(&Process::Alive),
                    "only what lives reloads"
                );
                assert_eq!(self.reloads.insert((unit, run), false), None, "one reload at a time");
                self.stale.remove(&unit);
            }
            Action::Signal { unit, run, .. } => {
                let process = self.processes.get_mut(&(unit, run)).expect("signals go to live processes");
                if *process == Process::Alive && !self.dice.one_in(3) {
                    *process = Process::Doomed;
                }
            }
            Action::Kill { unit, run } => {
                let process = self.processes.get_mut(&(unit, run)).expect("signals go to live processes");
                *process = if self.dice.one_in(12) { Process::Immortal } else { Process::Doomed };
            }
            Action::Report { unit, state } => {
                if state.satisfies() {
                    self.been_up.push(unit);
                }
            }
            Action::WakeAt(at) => self.wake = Some(at),
            Action::Stamp(name) => {
                assert!(!self.stamps.contains(&name), "{name} is stamped once");
                self.stamps.push(name);
            }
            Action::Finish(_) => self.finished = true,
            Action::GiveUp { .. } => {
                self.given_up += 1;
                assert_eq!(self.given_up, 1, "a host gives up once");
            }
            Action::Sweep { .. } | Action::Reply { .. } => {}
        }
    }

    fn check(&mut self) {
        let set = self.machine.set().clone();
        let mut earliest: Option<Instant> = None;
        for id in set.ids() {
            let state = self.machine.state(id).unwrap();
            let live: Vec<Run> =
                self.processes.keys().filter(|(unit, _)| *unit == id).map(|(_, run)| *run).collect();
            assert_eq!(
                state.run().into_iter().collect::<Vec<_>>(),
                live,
                "{} believes what is",
                set.get(id).unwrap().name
            );
            if let Some(deadline) = state.deadline() {
                assert!(deadline > self.now, "no deadline is left behind");
                earliest = Some(earliest.map_or(deadline, |other| other.min(deadline)));
            }
            let goal = self.machine.slots[id.index()].goal;
            match state {
                State::Ready { run, .. } => {
                    assert!(
                        !(goal == Goal::Up && self.stale.contains(&id)),
                        "nothing stays up with files it was to take again"
                    );
                    assert!(!self.reloads.contains_key(&(id, run)), "no reload ends without its answer");
                    assert_eq!(
                        self.machine.outcome(id).is_none(),
                        goal == Goal::Cycle,
                        "up, and no open question"
                    );
                }
                State::Reloading { run, begun, .. } => {
                    assert_eq!(self.reloads.get(&(id, run)), Some(&begun), "it knows how far the unit is");
                }
                _ => {}
            }
            let vital = set.get(id).unwrap().failure_action == FailureAction::Reboot;
            let lost = matches!(state, State::Held(_) | State::Failed(_));
            assert!(!(vital && lost) || self.given_up == 1, "no host lives on without what it cannot miss");
            if state == State::Waiting {
                let blockers = &set.get(id).unwrap().after;
                let moves = |other: &UnitId| {
                    let state = self.machine.state(*other).unwrap();
                    state == State::Waiting || state.run().is_some() || state.deadline().is_some()
                };
                assert!(
                    blockers.iter().any(moves),
                    "{} waits for something that can move",
                    set.get(id).unwrap().name
                );
            }
        }
        if !self.finished {
            assert_eq!(self.wake, earliest, "the earliest deadline has its wake");
            let idle = self.machine.clone().step(Event::Tick, self.now);
            assert!(
                idle.iter().all(|action| matches!(action, Action::WakeAt(_))),
                "a step leaves nothing undone: {idle:?}"
            );
        }
    }

    fn weather(&mut self) {
        let ids: Vec<UnitId> = self.machine.set().ids().collect();
        match self.dice.roll(10) {
            0..=4 => self.something_happens(),
            5 => {
                let unit = self.dice.pick(&ids).unwrap();
                let request = match self.dice.roll(6) {
                    0 => Request::Start(unit),
                    1 => Request::Stop(unit),
                    2 => Request::Restart(unit),
                    3 => Request::Reload(unit),
                    _ => Request::Renew(unit),
                };
                self.feed(Event::Asked { by: Asker(1), request });
            }
            6 => {
                if let Some(stale) = self.dice.pick(&self.past.clone()) {
                    self.feed_if_stale(stale);
                }
            }
            7 => {
                self.now = self.now.after_ms(self.dice.roll(300));
                self.feed(Event::Tick);
            }
            _ => {
                self.now = self.wake.unwrap_or(self.now).max(self.now);
                self.feed(Event::Tick);
            }
        }
    }

    /// A past event again, unless its run still lives: then it would be true.
    fn feed_if_stale(&mut self, event: Event) {
        let (Event::Spawned { unit, run }
        | Event::SpawnFailed { unit, run }
        | Event::Skipped { unit, run }
        | Event::Ready { unit, run }
        | Event::Reloading { unit, run }
        | Event::NotTaken { unit, run }
        | Event::Exited { unit, run, .. }) = event
        else {
            return;
        };
        if !self.processes.contains_key(&(unit, run)) {
            self.feed(event);
        }
    }

    fn something_happens(&mut self) {
        let all: Vec<_> = self.processes.iter().map(|(key, process)| (*key, *process)).collect();
        let Some(((unit, run), process)) = self.dice.pick(&all) else { return };
        let oneshot = self.machine.set().get(unit).unwrap().kind == Kind::Oneshot;
        let status = match self.dice.roll(6) {
            0 => Exit::Code(64),
            1 => Exit::Code(75),
            2 => Exit::Signal(11),
            _ => Exit::Code(0),
        };
        match process {
            Process::Asked => match self.dice.roll(8) {
                0 => self.feed(Event::SpawnFailed { unit, run }),
                1 => self.feed(Event::Skipped { unit, run }),
                _ => {
                    self.processes.insert((unit, run), Process::Alive);
                    self.feed(Event::Spawned { unit, run });
                }
            },
            Process::Doomed => self.feed(Event::Exited { unit, run, status: Exit::Signal(15) }),
            Process::Immortal if self.dice.one_in(10) => {
                self.feed(Event::Exited { unit, run, status: Exit::Signal(9) })
            }
            Process::Immortal => {}
            Process::Alive if oneshot || self.dice.one_in(3) => {
                self.feed(Event::Exited { unit, run, status })
            }
            Process::Alive if self.dice.one_in(3) => self.feed(Event::Reloading { unit, run }),
            Process::Alive if self.dice.one_in(4) => self.feed(Event::NotTaken { unit, run }),
            Process::Alive => self.feed(Event::Ready { unit, run }),
        }
    }

    /// Sleeps as the shell does, and feeds the watchdog when that is due. Its timeout is short here, so that a
    /// shutdown of seconds takes many meals.
    fn sleep(&mut self) {
        let machine = self.wake.expect("a shutdown always has something to wait for");
        while self.now < machine {
            let next = wake(Some(machine), Some(&self.feeding)).expect("both have a time");
            assert!(next > self.now, "the shell does not spin");
            self.now = next;
            assert!(self.now <= self.feeding.due(), "the shell never sleeps past a meal");
            if self.feeding.is_due(self.now) {
                self.feeding.fed(self.now);
            }
        }
    }

    /// From here processes only do what they are told, at once or never; the end must come within the sum of all deadlines.
    fn shut_down(&mut self) {
        let began = self.now;
        self.feeding.fed(began);
        self.feed(Event::Asked { by: Asker(1), request: Request::Shutdown(How::PowerOff) });
        let bound: u64 =
            self.machine.set().units().iter().map(|unit| unit.stop_timeout_ms + KILL_GRACE_MS).sum();
        while !self.finished {
            let open: Vec<_> = self.processes.iter().map(|(key, process)| (*key, *process)).collect();
            let asked = open.iter().find(|(_, process)| *process == Process::Asked);
            let doomed = open.iter().find(|(_, process)| *process == Process::Doomed);
            if let Some(((unit, run), _)) = asked {
                self.processes.insert((*unit, *run), Process::Alive);
                self.feed(Event::Spawned { unit: *unit, run: *run });
            } else if let Some(((unit, run), _)) = doomed {
                self.feed(Event::Exited { unit: *unit, run: *run, status: Exit::Signal(15) });
            } else {
                self.sleep();
                self.feed(Event::Tick);
            }
            assert!(self.now.since_ms(began) <= bound, "a shutdown ends within the sum of its deadlines");
        }
        assert!(!self.feeding.is_due(self.now), "the watchdog was fed to the last");
        let stuck = |id: &UnitId| matches!(self.machine.state(*id), Some(State::Stuck { .. }));
        assert!(self.processes.keys().all(|(unit, _)| stuck(unit)), "only what is stuck remains");
    }
}

/// How many events came, how often the host gave up, and how many renewals were under way.
fn storm(seed: u64) -> [usize; 3] {
    std::println!("storm seed {seed}");
    let mut storm = Storm::new(seed);
    storm.feed(Event::Boot);
    for _ in 0..STEPS {
        if !storm.finished {
            storm.weather();
        }
    }
    if !storm.finished {
        storm.shut_down();
    }
    [storm.past.len(), storm.given_up, storm.renewed]
}

#[test]
fn whatever_happens_the_rules_hold_and_a_shutdown_ends() {
    if let Some(seed) = std::env::var("STORM").ok().and_then(|seed| seed.parse().ok()) {
        storm(seed);
        return;
    }
    let mut sums = [0; 3];
    for storm in (0..STORMS).map(storm) {
        sums = std::array::from_fn(|place| sums[place] + storm[place]);
    }
    let [events, given_up, renewed] = sums;
    assert!(events > 100_000, "the storms were storms: {events} events");
    assert!(renewed > 1_000, "units took their files again: {renewed} times");
    assert!(given_up > 100, "and some were too much: {given_up} hosts gave up");
}
