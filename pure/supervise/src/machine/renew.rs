//! Having a unit take its files again.
//!
//! Whoever changed files asks once and need not know how far the unit is: the debt stays until a process that may have read
//! the old files was told, or is gone. A unit is told only once it is up, for before that it may not listen yet.

use alloc::vec::Vec;

use super::{Action, Answer, Goal, Machine, Renewal, State};
use crate::time::Instant;
use crate::unit::{Kind, UnitId};

impl Machine {
    pub(super) fn reload(&mut self, id: UnitId) -> Answer {
        let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id)) else {
            return Answer::Unknown;
        };
        if unit.reload.is_none() {
            return Answer::CannotReload;
        }
        match (slot.goal, slot.state) {
            (Goal::Down, _) => Answer::NotUp,
            (Goal::Up, state) if may_have_read(state) => {
                slot.failures = 0;
                if core::mem::replace(&mut slot.owes_reload, true) {
                    Answer::Already
                } else {
                    Answer::Accepted
                }
            }
            (_, State::Stuck { .. } | State::Held(_) | State::Failed(_) | State::Skipped | State::Done) => {
                Answer::NotUp
            }
            // It is on its way to a new process.
            _ => Answer::Already,
        }
    }

    pub(super) fn renew(&mut self, id: UnitId) -> Answer {
        let Some((slot, unit)) = self.slots.get(id.index()).zip(self.set.get(id)) else {
            return Answer::Unknown;
        };
        let how = match (slot.goal, slot.state) {
            (Goal::Down, _) => Renewal::Skipped,
            _ if unit.kind == Kind::Target => Renewal::Skipped,
            (Goal::Up, state) if may_have_read(state) && unit.reload.is_some() => {
                self.reload(id);
                Renewal::Reloaded
            }
            (_, State::Waiting) => Renewal::Started,
            (_, state) => {
                self.cycle_afresh(id);
                if state.run().is_some() { Renewal::Restarted } else { Renewal::Started }
            }
        };
        Answer::Renewing(how)
    }

    /// Aims a unit down and up again; what failed earlier is no reason against it.
    pub(super) fn cycle_afresh(&mut self, id: UnitId) {
        if let Some(slot) = self.slots.get_mut(id.index()) {
            slot.failures = 0;
        }
        self.aim(id, Goal::Cycle);
    }

    /// Tells a unit that is up to take its files again, if it owes that. Says whether it was told.
    pub(super) fn pay_reload(&mut self, id: UnitId, now: Instant, actions: &mut Vec<Action>) -> bool {
        let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id)) else { return false };
        let (State::Ready { run, since }, true, Some(signal)) = (slot.state, slot.owes_reload, unit.reload)
        else {
            return false;
        };
        slot.owes_reload = false;
        slot.not_taken = false;
        let deadline = now.after_ms(unit.start_timeout_ms);
        actions.push(Action::Signal { unit: id, run, signal });
        self.enter(id, State::Reloading { run, since, begun: false, deadline }, actions);
        true
    }
}

/// Whether it has a process that goes on, and may have read its files already.
fn may_have_read(state: State) -> bool {
    matches!(
        state,
        State::Starting { .. } | State::Running { .. } | State::Ready { .. } | State::Reloading { .. }
    )
}
