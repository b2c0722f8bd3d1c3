//! What the machine tells those who ask: a unit as it is, and whether it has come to rest.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use super::{Cause, End, Failure, Goal, Hold, Machine, Slot, State};
use crate::control::{Outcome, UnitStatus};
use crate::unit::{Unit, UnitId};

/// Failures in a row after which a unit that is asked for counts as failed, though it is tried again: one may be another's
/// fault, three are its own. With the usual delays that is a second.
pub const FAILURES_THAT_TELL: u32 = 3;

impl Machine {
    /// A unit as it is now; none when the id is of another set. Its process's number is the shell's to add.
    pub fn status(&self, id: UnitId) -> Option<UnitStatus> {
        let (slot, unit) = self.slots.get(id.index()).zip(self.set.get(id))?;
        Some(UnitStatus {
            name: unit.name.clone(),
            description: unit.description.clone(),
            kind: unit.kind,
            state: slot.state.into(),
            why: self.why(slot, unit),
            since_ms: slot.since.as_ms(),
            wanted: slot.goal != Goal::Down,
            pid: None,
            starts: slot.starts,
            failures: slot.failures,
            last_end: slot.last_end.map(|end| end.status.to_string()),
            first_ready_ms: slot.first_ready.map(|at| at.as_ms()),
            milestone: unit.milestone.clone(),
            can_reload: unit.reload.is_some(),
            requires: unit.requires.iter().map(|other| self.name(*other)).collect(),
        })
    }

    /// What all that was asked of a unit so far came to; none while that is open.
    pub fn outcome(&self, id: UnitId) -> Option<Outcome> {
        let (slot, unit) = self.slots.get(id.index()).zip(self.set.get(id))?;
        let failed = || {
            let why = self.why(slot, unit).unwrap_or_else(|| "it is down".to_owned());
            Some(Outcome::Failed { why })
        };
        let not_in_time = matches!(slot.last_end, Some(End { cause: Some(Cause::StartTimeout), .. }));
        match (slot.goal, slot.state) {
            (Goal::Down, _) => Some(Outcome::Failed { why: "it was asked to stop".to_owned() }),
            (_, State::Stuck { .. }) => failed(),
            (Goal::Cycle, _) => None,
            (_, State::Held(_) | State::Failed(_)) => failed(),
            (_, State::BackingOff { .. }) if slot.failures >= FAILURES_THAT_TELL || not_in_time => failed(),
            (_, State::Ready { .. }) if slot.not_taken => failed(),
            (_, State::Ready { .. } | State::Done | State::Skipped) => Some(Outcome::Ready),
            _ => None,
        }
    }

    /// What its state alone does not say.
    fn why(&self, slot: &Slot, unit: &Unit) -> Option<String> {
        let end = |end: Option<End>| end.map_or_else(|| "nothing".to_owned(), |end| self.ending(end));
        match slot.state {
            State::Waiting => self.waits_for(unit).map(|other| format!("waits for {other}")),
            State::Stopping { cause, .. } => Some(self.cause(cause)),
            State::Stuck { .. } => Some("its process survived SIGKILL".to_owned()),
            State::Held(Hold::Configuration) => {
                Some("it says that its configuration is wrong (code-64); its log says what".to_owned())
            }
            State::BackingOff { .. } | State::Held(Hold::Crashing { .. }) => Some(format!(
                "failures in a row: {}, the last one by {}; its log may say why",
                slot.failures,
                end(slot.last_end)
            )),
            State::Failed(Failure::Exit) => {
                Some(format!("ended by {}; its log may say why", end(slot.last_end)))
            }
            State::Failed(Failure::Dependency(on)) => {
                let state = self.state(on).map_or("unknown", State::name);
                Some(format!("requires {}, which is {state}", self.name(on)))
            }
            State::Skipped => Some("its condition does not hold".to_owned()),
            State::Ready { .. } if slot.not_taken => {
                Some("it could not take its files, and goes on with what it had; its log says why".to_owned())
            }
            _ => None,
        }
    }

    /// What a unit that waits waits for.
    fn waits_for(&self, unit: &Unit) -> Option<String> {
        let open = |other: &&UnitId| !self.has_settled(**other);
        let down = |other: &&UnitId| !self.is_up(**other);
        let other = unit.after.iter().find(open).or_else(|| unit.requires.iter().find(down))?;
        Some(self.name(*other))
    }

    fn ending(&self, end: End) -> String {
        match end.cause {
            Some(cause) => format!("{} ({})", end.status, self.cause(cause)),
            None => end.status.to_string(),
        }
    }

    fn cause(&self, cause: Cause) -> String {
        match cause {
            Cause::Asked => "asked to stop".to_owned(),
            Cause::StartTimeout => "it was not up in time".to_owned(),
            Cause::ReloadTimeout => "it did not say in time that it took its files again".to_owned(),
            Cause::BindLost(to) => format!("{} went away", self.name(to)),
        }
    }

    fn name(&self, id: UnitId) -> String {
        self.set.get(id).map(|unit| unit.name.clone()).unwrap_or_default()
    }
}
