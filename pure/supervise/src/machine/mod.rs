//! The machine that brings units up, keeps them up and takes them down.
//!
//! `step(event, now)` is all there is: events and time in, actions out, no clock and no failure. Each unit has a goal (up,
//! down, or once down and up again) and a state; after every event the machine closes the gap as far as it can, so
//! nothing depends on a message that was seen or missed earlier.
//!
//! What each event makes of each state, for a service that is always restarted (`failed` and `done` are rows of one
//! that never is, its only way there). `.` = stays; `due` = the state's own deadline passes. Events of an earlier
//! run of the unit change nothing in any state. The unit can reload; `reloading*` is `reloading` once the unit has said that
//! it has begun. The last column: what reaching the state means for the host when the unit says
//! `failure_action = "reboot"`. `tests/cells.rs` walks every cell.
//!
//! | state      | spawned | no-spawn   | skipped | ready | reloading  | not-taken | exit-0     | exit-1     | exit-64 | start    | stop     | restart  | reload    | renew     | shutdown | due      | failure_action |
//! |------------|---------|------------|---------|-------|------------|-----------|------------|------------|---------|----------|----------|----------|-----------|-----------|----------|----------|----------------|
//! | stopped    | .       | .          | .       | .     | .          | .         | .          | .          | .       | starting | .        | starting | .         | .         | .        | .        | .              |
//! | waiting    | .       | .          | .       | .     | .          | .         | .          | .          | .       | .        | stopped  | .        | .         | .         | stopped  | .        | .              |
//! | starting   | running | restarting | skipped | .     | .          | .         | restarting | restarting | held    | .        | .        | .        | .         | .         | .        | .        | .              |
//! | running    | .       | restarting | .       | ready | .          | .         | restarting | restarting | held    | .        | stopping | stopping | .         | .         | stopping | stopping | .              |
//! | ready      | .       | restarting | .       | .     | .          | .         | restarting | restarting | held    | .        | stopping | stopping | reloading | reloading | stopping | .        | .              |
//! | reloading  | .       | restarting | .       | .     | reloading* | .         | restarting | restarting | held    | .        | stopping | stopping | .         | .         | stopping | stopping | .              |
//! | reloading* | .       | restarting | .       | ready | .          | ready     | restarting | restarting | held    | .        | stopping | stopping | .         | .         | stopping | stopping | .              |
//! | stopping   | .       | stopped    | .       | .     | .          | .         | stopped    | stopped    | stopped | .        | .        | .        | .         | .         | .        | .        | .              |
//! | stuck      | .       | stopped    | .       | .     | .          | .         | stopped    | stopped    | stopped | .        | .        | .        | .         | .         | .        | .        | .              |
//! | restarting | .       | .          | .       | .     | .          | .         | .          | .          | .       | starting | stopped  | starting | .         | starting  | stopped  | starting | .              |
//! | held       | .       | .          | .       | .     | .          | .         | .          | .          | .       | starting | stopped  | starting | .         | starting  | stopped  | .        | reboot         |
//! | failed     | .       | .          | .       | .     | .          | .         | .          | .          | .       | starting | stopped  | starting | .         | starting  | stopped  | .        | reboot         |
//! | skipped    | .       | .          | .       | .     | .          | .         | .          | .          | .       | starting | stopped  | starting | .         | starting  | stopped  | .        | .              |
//! | done       | .       | .          | .       | .     | .          | .         | .          | .          | .       | .        | stopped  | starting | .         | starting  | stopped  | .        | .              |
//!
//! The rules behind it:
//!
//! - A unit starts when everything it is `after` has settled and everything it `requires` is up. What it requires must
//!   be up at each start, not in between: a runtime may restart under its clients. `binds` asks for more: the unit is
//!   stopped when what it binds to goes, and started when that is back.
//! - A requirement that is down for good (failed, held, stopped) fails the unit; once the requirement moves again, so does
//!   the unit.
//! - An exit with 64 means the configuration is wrong: held until somebody asks. Any other unwanted exit restarts with a
//!   doubling delay; at `ceiling` failures in a row the unit is held and tried once every `held_retry_ms`, for as long
//!   as the host runs. Being up for `reset_after_ms` forgives all earlier failures.
//! - Stopping is the unit's signal, after `stop_timeout_ms` SIGKILL, after [`KILL_GRACE_MS`] more `stuck`: a process that the
//!   kernel does not let go. A stuck unit is never started a second time, and a shutdown does not wait for it.
//! - A reload is the unit's signal once it is up; it ends with the unit's `READY=1`, which counts only after its `RELOADING=1`.
//!   Asked again meanwhile, it is told again afterwards: it may have read the older files. A unit that does not answer in
//!   `start_timeout_ms` is restarted, which takes the files as well. While it reloads a unit counts as up. One that says that it
//!   cannot take the files stays up with what it had, and who asked is told so.
//! - A renewal is a reload where the unit can, else a restart; it starts what is down for its own failures, and leaves down
//!   what somebody stopped.
//! - A unit with `failure_action = "reboot"` that is held, failed or stuck although it is meant to be up ends the host: an
//!   orderly shutdown with all its deadlines. Whether it would heal later is not waited for.
//! - A shutdown stops units in the reverse of their order. It cannot be taken back: other requests are refused. A second
//!   shutdown request of the other kind changes how it ends, not when.

mod asks;
mod gap;
mod judge;
mod messages;
mod renew;
mod state;
#[cfg(test)]
mod tests;
mod view;

use alloc::vec::Vec;

pub use messages::{Action, Answer, Asker, Event, How, Renewal, Request};
pub use state::{Cause, Exit, Failure, Hold, Run, State, Step};
pub use view::FAILURES_THAT_TELL;

use crate::graph;
use crate::set::UnitSet;
use crate::time::Instant;
use crate::unit::{Readiness, UnitId};

/// From SIGKILL to giving a process up as stuck: the kernel frees even a large one in less.
pub const KILL_GRACE_MS: u64 = 5_000;

/// Where the host is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Cold,
    Up,
    Ending(How),
    Ended,
}

/// What a unit is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goal {
    Down,
    Up,
    /// Down, then up.
    Cycle,
}

/// One unit's part of the machine.
#[derive(Debug, Clone)]
struct Slot {
    goal: Goal,
    state: State,
    /// In a row.
    failures: u32,
    /// Files changed that its process may have read before: it is told once it is up. A new process pays the debt as well.
    owes_reload: bool,
    /// Its process was told last to take files that it could not take.
    not_taken: bool,
    /// When it entered its state.
    since: Instant,
    starts: u64,
    last_end: Option<End>,
    first_ready: Option<Instant>,
}

/// How a process ended, and what it was told to end for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    status: Exit,
    cause: Option<Cause>,
}

/// See the module's page.
#[derive(Debug, Clone)]
pub struct Machine {
    set: UnitSet,
    slots: Vec<Slot>,
    /// For each unit, those that come after it: they stop before it.
    later: Vec<Vec<UnitId>>,
    /// For each unit, those that bind to it.
    binders: Vec<Vec<UnitId>>,
    phase: Phase,
    runs: u64,
    /// Of the latest step.
    now: Instant,
}

impl Machine {
    /// A machine with everything down, waiting for [`Event::Boot`].
    pub fn new(set: UnitSet) -> Self {
        let down = Slot {
            goal: Goal::Down,
            state: State::Stopped,
            failures: 0,
            owes_reload: false,
            not_taken: false,
            since: Instant::default(),
            starts: 0,
            last_end: None,
            first_ready: None,
        };
        Self {
            slots: alloc::vec![down; set.units().len()],
            later: graph::reversed(set.units(), |unit| &unit.after),
            binders: graph::reversed(set.units(), |unit| &unit.binds),
            set,
            phase: Phase::Cold,
            runs: 0,
            now: Instant::default(),
        }
    }

    /// Advances on one event. Returns the actions to perform, in order. Never blocks, never fails.
    pub fn step(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        self.now = now;
        if self.phase == Phase::Ended {
            if let Event::Asked { by, .. } = event {
                actions.push(Action::Reply { to: by, answer: Answer::ShuttingDown });
            }
            return actions;
        }
        match event {
            Event::Boot => self.boot(),
            Event::Spawned { unit, run } => self.spawned(unit, run, now, &mut actions),
            Event::SpawnFailed { unit, run } => self.gone(unit, run, Exit::NoSpawn, now, &mut actions),
            Event::Skipped { unit, run } => {
                if self.state(unit) == Some(State::Starting { run }) {
                    self.enter(unit, State::Skipped, &mut actions);
                }
            }
            Event::Ready { unit, run } => self.ready(unit, run, now, &mut actions),
            Event::Reloading { unit, run } => self.reload_begun(unit, run, &mut actions),
            Event::NotTaken { unit, run } => self.not_taken(unit, run, &mut actions),
            Event::Exited { unit, run, status } => self.gone(unit, run, status, now, &mut actions),
            Event::Asked { by, request } => {
                let answer = self.asked(request);
                actions.push(Action::Reply { to: by, answer });
            }
            Event::Tick => {}
        }
        for id in self.set.ids() {
            self.expire(id, now, &mut actions);
        }
        self.close_gaps(now, &mut actions);
        if let Some(unit) = self.given_up() {
            actions.push(Action::GiveUp { unit });
            self.end(How::Reboot);
            self.close_gaps(now, &mut actions);
        }
        if let Phase::Ending(how) = self.phase
            && !self.slots.iter().any(|slot| slot.state.has_process())
        {
            self.phase = Phase::Ended;
            actions.push(Action::Finish(how));
            return actions;
        }
        actions.extend(self.slots.iter().filter_map(|slot| slot.state.deadline()).min().map(Action::WakeAt));
        actions
    }

    /// The units it was made of.
    pub fn set(&self) -> &UnitSet {
        &self.set
    }

    /// What a unit is at present; none when the id is of another set.
    pub fn state(&self, id: UnitId) -> Option<State> {
        self.slots.get(id.index()).map(|slot| slot.state)
    }

    fn boot(&mut self) {
        if self.phase == Phase::Cold {
            self.phase = Phase::Up;
            for id in self.pulled_in_by(self.set.goal()) {
                self.aim(id, Goal::Up);
            }
        }
    }

    fn spawned(&mut self, id: UnitId, run: Run, now: Instant, actions: &mut Vec<Action>) {
        let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id)) else { return };
        if slot.state != (State::Starting { run }) {
            return;
        }
        if slot.starts == 0 {
            actions.extend(unit.milestone_at_start.clone().map(Action::Stamp));
        }
        slot.starts = slot.starts.saturating_add(1);
        let at_once = unit.ready == Readiness::Started;
        let deadline = now.after_ms(unit.start_timeout_ms);
        self.enter(id, State::Running { run, deadline }, actions);
        if at_once {
            self.up(id, State::Ready { run, since: now }, actions);
        }
    }

    fn ready(&mut self, id: UnitId, run: Run, now: Instant, actions: &mut Vec<Action>) {
        let waited_for = self.set.get(id).is_some_and(|unit| unit.ready == Readiness::Notify);
        match self.state(id) {
            Some(State::Running { run: current, .. }) if current == run && waited_for => {
                self.up(id, State::Ready { run, since: now }, actions);
            }
            Some(State::Reloading { run: current, since, begun: true, .. }) if current == run => {
                self.enter(id, State::Ready { run, since }, actions);
            }
            _ => {}
        }
    }

    fn not_taken(&mut self, id: UnitId, run: Run, actions: &mut Vec<Action>) {
        if let Some(State::Reloading { run: current, since, begun: true, .. }) = self.state(id)
            && current == run
        {
            if let Some(slot) = self.slots.get_mut(id.index()) {
                slot.not_taken = true;
            }
            self.enter(id, State::Ready { run, since }, actions);
        }
    }

    fn reload_begun(&mut self, id: UnitId, run: Run, actions: &mut Vec<Action>) {
        if let Some(State::Reloading { run: current, since, begun: false, deadline }) = self.state(id)
            && current == run
        {
            self.enter(id, State::Reloading { run, since, begun: true, deadline }, actions);
        }
    }
}
