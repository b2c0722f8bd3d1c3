//! Requests: what each does to the goals, and its answer. Closing the gap to the goals is `gap`'s.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Answer, Goal, How, Machine, Phase, Request, State};
use crate::graph;
use crate::unit::UnitId;

impl Machine {
    pub(super) fn asked(&mut self, request: Request) -> Answer {
        match (request, self.phase) {
            (Request::Shutdown(how), _) => self.end(how),
            (_, Phase::Cold) => Answer::NotBooted,
            (_, Phase::Ending(_) | Phase::Ended) => Answer::ShuttingDown,
            (Request::Start(id), Phase::Up) => self.start(id),
            (Request::Stop(id), Phase::Up) => self.stop(id),
            (Request::Restart(id), Phase::Up) => self.restart(id),
            (Request::Reload(id), Phase::Up) => self.reload(id),
            (Request::Renew(id), Phase::Up) => self.renew(id),
        }
    }

    /// `root` and all that comes up with it.
    pub(super) fn pulled_in_by(&self, root: UnitId) -> Vec<UnitId> {
        graph::closure(self.set.units(), root, |unit| {
            Box::new(unit.requires.iter().chain(&unit.wants).copied())
        })
    }

    pub(super) fn end(&mut self, how: How) -> Answer {
        match self.phase {
            Phase::Ending(current) if current == how => return Answer::Already,
            Phase::Ended => return Answer::ShuttingDown,
            Phase::Cold | Phase::Up | Phase::Ending(_) => self.phase = Phase::Ending(how),
        }
        for slot in &mut self.slots {
            slot.goal = Goal::Down;
        }
        Answer::Accepted
    }

    fn start(&mut self, id: UnitId) -> Answer {
        let Some(slot) = self.slots.get(id.index()) else { return Answer::Unknown };
        let under_way = matches!(slot.state, State::Waiting | State::Done) || slot.state.has_process();
        if slot.goal != Goal::Down && under_way {
            return Answer::Already;
        }
        for pulled in self.pulled_in_by(id) {
            self.lift(pulled);
        }
        if self.state(id) == Some(State::Skipped) {
            self.aim(id, Goal::Cycle);
        }
        Answer::Accepted
    }

    fn stop(&mut self, id: UnitId) -> Answer {
        match self.slots.get(id.index()).map(|slot| slot.goal) {
            None => Answer::Unknown,
            Some(Goal::Down) => Answer::Already,
            Some(Goal::Up | Goal::Cycle) => {
                self.aim(id, Goal::Down);
                Answer::Accepted
            }
        }
    }

    fn restart(&mut self, id: UnitId) -> Answer {
        if self.set.get(id).is_none() {
            return Answer::Unknown;
        }
        for pulled in self.pulled_in_by(id) {
            self.lift(pulled);
        }
        self.cycle_afresh(id);
        Answer::Accepted
    }

    /// Aims a unit up; one that is down for its failures gets a fresh chance.
    fn lift(&mut self, id: UnitId) {
        let Some(slot) = self.slots.get_mut(id.index()) else { return };
        match slot.state {
            State::Failed(_) | State::Held(_) | State::BackingOff { .. } => {
                slot.failures = 0;
                slot.goal = Goal::Cycle;
            }
            _ if slot.goal == Goal::Down => slot.goal = Goal::Up,
            _ => {}
        }
    }

    pub(super) fn aim(&mut self, id: UnitId, goal: Goal) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.goal = goal;
        }
    }
}
