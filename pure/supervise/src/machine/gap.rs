//! Closing the gap between what units are meant to be and what they are.
//!
//! One pass looks at every unit in start order and moves it by at most one transition; passes repeat until nothing moves.
//! That ends: within one instant a unit can only go down -> waiting -> (starting | done | failed) or live -> stopping, and
//! back from failed to waiting only after one of its requirements moved, which the graph (no cycles) bounds; a debt of a reload is
//! paid once.

use alloc::vec::Vec;

use super::{Action, Cause, Failure, Goal, Machine, Phase, Run, State};
use crate::time::Instant;
use crate::unit::{Kind, UnitId};

impl Machine {
    pub(super) fn close_gaps(&mut self, now: Instant, actions: &mut Vec<Action>) {
        // The bound is a belt beside the argument above: a host must not spin, whatever we overlooked.
        let most = self.slots.len().saturating_mul(4).saturating_add(4);
        for _ in 0..most {
            let order = self.set.start_order().to_vec();
            let moved = order.into_iter().filter(|id| self.close_gap(*id, now, actions)).count();
            if moved == 0 {
                return;
            }
        }
    }

    /// Moves one unit if something can be done for it now. Says whether it moved.
    fn close_gap(&mut self, id: UnitId, now: Instant, actions: &mut Vec<Action>) -> bool {
        let Some(slot) = self.slots.get(id.index()) else { return false };
        match (slot.goal, slot.state) {
            (Goal::Up, State::Stopped) => self.enter(id, State::Waiting, actions),
            (Goal::Up, State::Waiting) => return self.try_start(id, actions),
            (Goal::Up, State::Failed(Failure::Dependency(_))) if self.dead_requirement(id).is_none() => {
                self.enter(id, State::Waiting, actions);
            }
            (
                Goal::Up,
                State::Running { run, .. } | State::Ready { run, .. } | State::Reloading { run, .. },
            ) => {
                let Some(lost) = self.lost_bind(id) else { return self.pay_reload(id, now, actions) };
                self.tell_to_stop(id, run, Cause::BindLost(lost), now, actions);
            }
            (
                Goal::Down | Goal::Cycle,
                State::Running { run, .. } | State::Ready { run, .. } | State::Reloading { run, .. },
            ) => {
                if self.blocks_its_stop(id) {
                    return false;
                }
                self.tell_to_stop(id, run, Cause::Asked, now, actions);
            }
            (Goal::Down, state) if state != State::Stopped && state.run().is_none() => {
                self.enter(id, State::Stopped, actions);
            }
            (Goal::Cycle, state) if state.run().is_none() => {
                self.aim(id, Goal::Up);
                self.enter(id, State::Waiting, actions);
            }
            _ => return false,
        }
        true
    }

    /// Starts a waiting unit if it may, fails it if it never will.
    fn try_start(&mut self, id: UnitId, actions: &mut Vec<Action>) -> bool {
        if let Some(dead) = self.dead_requirement(id) {
            self.enter(id, State::Failed(Failure::Dependency(dead)), actions);
            return true;
        }
        let Some(unit) = self.set.get(id) else { return false };
        let in_order = unit.after.iter().all(|other| self.has_settled(*other));
        if !in_order || !unit.requires.iter().all(|other| self.is_up(*other)) {
            return false;
        }
        if unit.kind == Kind::Target {
            self.up(id, State::Done, actions);
        } else {
            self.runs = self.runs.saturating_add(1);
            let run = Run(self.runs);
            if let Some(slot) = self.slots.get_mut(id.index()) {
                slot.owes_reload = false;
                slot.not_taken = false;
            }
            self.enter(id, State::Starting { run }, actions);
            actions.push(Action::Spawn { unit: id, run });
        }
        true
    }

    /// A requirement that nothing but a change of its own will bring up.
    fn dead_requirement(&self, id: UnitId) -> Option<UnitId> {
        let requires = self.set.get(id).map(|unit| unit.requires.as_slice()).unwrap_or_default();
        let dead = |other: &&UnitId| {
            let slot = self.slots.get(other.index());
            slot.is_none_or(|slot| {
                // A goal of up moves a stopped unit in this very pass.
                slot.state.is_down_for_good() && !(slot.state == State::Stopped && slot.goal != Goal::Down)
            })
        };
        requires.iter().find(dead).copied()
    }

    /// Whether what comes after this unit need not wait for it any longer: it is up, or will not be soon.
    pub(super) fn has_settled(&self, id: UnitId) -> bool {
        self.slots.get(id.index()).is_none_or(|slot| match slot.state {
            State::Waiting | State::Starting { .. } | State::Running { .. } => false,
            State::Stopped | State::Stopping { .. } => slot.goal == Goal::Down,
            _ => true,
        })
    }

    pub(super) fn is_up(&self, id: UnitId) -> bool {
        self.slots.get(id.index()).is_some_and(|slot| slot.state.satisfies() && slot.goal == Goal::Up)
    }

    fn lost_bind(&self, id: UnitId) -> Option<UnitId> {
        let binds = self.set.get(id).map(|unit| unit.binds.as_slice()).unwrap_or_default();
        binds.iter().find(|other| !self.is_up(**other)).copied()
    }

    /// Whether another unit must be down before this one may stop.
    fn blocks_its_stop(&self, id: UnitId) -> bool {
        let has_process = |other: &UnitId| self.state(*other).is_some_and(State::has_process);
        if !matches!(self.phase, Phase::Ending(_)) {
            return self.binders.get(id.index()).is_some_and(|binders| binders.iter().any(has_process));
        }
        // The last ones wait for all others; the others never wait for them, whatever their order, or both would wait.
        let is_last = |id: UnitId| self.set.get(id).is_some_and(|unit| unit.stop_last);
        if is_last(id) && self.set.ids().any(|other| !is_last(other) && has_process(&other)) {
            return true;
        }
        let later = self.later.get(id.index()).map(Vec::as_slice).unwrap_or_default();
        later.iter().any(|other| has_process(other) && is_last(*other) == is_last(id))
    }

    /// Enters a state that counts as up, and stamps the unit's milestone the first time.
    pub(super) fn up(&mut self, id: UnitId, state: State, actions: &mut Vec<Action>) {
        self.enter(id, state, actions);
        if let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id))
            && slot.first_ready.is_none()
        {
            slot.first_ready = Some(self.now);
            actions.extend(unit.milestone.clone().map(Action::Stamp));
        }
    }

    /// Every transition goes through here, so every transition is reported.
    pub(super) fn enter(&mut self, id: UnitId, state: State, actions: &mut Vec<Action>) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.state = state;
            slot.since = self.now;
            actions.push(Action::Report { unit: id, state });
        }
    }
}
