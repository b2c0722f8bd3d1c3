//! What an exit or a missed deadline means for a unit.

use alloc::vec::Vec;

use super::{Action, Cause, End, Exit, Failure, Goal, Hold, KILL_GRACE_MS, Machine, Run, State, Step};
use crate::time::Instant;
use crate::unit::{FailureAction, KillScope, Kind, Restart, UnitId};

impl Machine {
    /// The process of `run` is no more (or never was).
    pub(super) fn gone(
        &mut self,
        id: UnitId,
        run: Run,
        status: Exit,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id)) else { return };
        let state = slot.state;
        if state.run() != Some(run) {
            return;
        }
        let cause = match state {
            State::Stopping { cause, .. } | State::Stuck { cause, .. } => Some(cause),
            _ => None,
        };
        slot.last_end = Some(End { status, cause });
        if unit.kill == KillScope::Cgroup && status != Exit::NoSpawn {
            actions.push(Action::Sweep { unit: id });
        }
        if let State::Ready { since, .. } | State::Reloading { since, .. } = state
            && now.since_ms(since) >= unit.backoff.reset_after_ms
        {
            slot.failures = 0;
        }
        let next = match (slot.goal, state) {
            (Goal::Down, _) => State::Stopped,
            (Goal::Cycle, _) => {
                slot.goal = Goal::Up;
                State::Waiting
            }
            (
                Goal::Up,
                State::Stopping { cause: Cause::StartTimeout | Cause::ReloadTimeout, .. }
                | State::Stuck { cause: Cause::StartTimeout | Cause::ReloadTimeout, .. },
            ) => {
                return self.failed(id, now, actions);
            }
            (Goal::Up, State::Stopping { .. } | State::Stuck { .. }) => State::Waiting,
            (Goal::Up, _) if status == Exit::BAD_CONFIGURATION => State::Held(Hold::Configuration),
            (Goal::Up, _) if status == Exit::SUCCESS && unit.kind == Kind::Oneshot => {
                return self.up(id, State::Done, actions);
            }
            (Goal::Up, State::Ready { .. } | State::Reloading { .. })
                if status == Exit::SUCCESS && unit.restart != Restart::Always =>
            {
                State::Done
            }
            (Goal::Up, _) => return self.failed(id, now, actions),
        };
        self.enter(id, next, actions);
    }

    /// Counts a failure and decides when, or whether, to try again.
    fn failed(&mut self, id: UnitId, now: Instant, actions: &mut Vec<Action>) {
        let Some((slot, unit)) = self.slots.get_mut(id.index()).zip(self.set.get(id)) else { return };
        slot.failures = slot.failures.saturating_add(1);
        let next = if unit.restart == Restart::Never {
            State::Failed(Failure::Exit)
        } else if slot.failures >= unit.backoff.ceiling {
            State::Held(Hold::Crashing { retry: now.after_ms(unit.backoff.held_retry_ms) })
        } else {
            State::BackingOff { until: now.after_ms(unit.backoff.delay_ms(slot.failures)) }
        };
        self.enter(id, next, actions);
    }

    /// A unit that is down for good although it is meant to be up, and without which the host is no good. In a shutdown
    /// nothing is meant to be up.
    pub(super) fn given_up(&self) -> Option<UnitId> {
        let lost = |id: &UnitId| {
            let vital = self.set.get(*id).is_some_and(|unit| unit.failure_action == FailureAction::Reboot);
            let down = self.slots.get(id.index()).is_some_and(|slot| {
                slot.goal != Goal::Down
                    && matches!(slot.state, State::Held(_) | State::Failed(_) | State::Stuck { .. })
            });
            vital && down
        };
        self.set.ids().find(lost)
    }

    /// Moves a unit whose deadline has passed.
    pub(super) fn expire(&mut self, id: UnitId, now: Instant, actions: &mut Vec<Action>) {
        let Some(state) = self.state(id) else { return };
        if state.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match state {
            State::Running { run, .. } => self.tell_to_stop(id, run, Cause::StartTimeout, now, actions),
            State::Reloading { run, .. } => self.tell_to_stop(id, run, Cause::ReloadTimeout, now, actions),
            State::Stopping { run, cause, step: Step::Signalled, .. } => {
                actions.push(Action::Kill { unit: id, run });
                let deadline = now.after_ms(KILL_GRACE_MS);
                self.enter(id, State::Stopping { run, cause, step: Step::Killed, deadline }, actions);
            }
            State::Stopping { run, cause, step: Step::Killed, .. } => {
                self.enter(id, State::Stuck { run, cause }, actions);
            }
            State::BackingOff { .. } | State::Held(Hold::Crashing { .. }) => {
                self.enter(id, State::Waiting, actions)
            }
            _ => {}
        }
    }

    /// Sends the stop signal and starts the clock on it.
    pub(super) fn tell_to_stop(
        &mut self,
        id: UnitId,
        run: Run,
        cause: Cause,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let Some(unit) = self.set.get(id) else { return };
        actions.push(Action::Signal { unit: id, run, signal: unit.stop_signal });
        let deadline = now.after_ms(unit.stop_timeout_ms);
        self.enter(id, State::Stopping { run, cause, step: Step::Signalled, deadline }, actions);
    }
}
