//! What the log is told of units.

use supervise::machine::{Cause, Failure, Hold, State};
use supervise::{Instant, UnitId};

use super::{Host, now};

impl Host {
    pub(super) fn report(&self, id: UnitId, state: State) {
        let Some(unit) = self.machine.set().get(id) else { return };
        let (name, state_name) = (&unit.name, state.name());
        let in_ms = |at: Instant| at.since_ms(now());
        match state {
            State::Waiting
            | State::Starting { .. }
            | State::Running { .. }
            | State::Reloading { begun: true, .. } => {
                self.journal.debug(&format_args!("unit {name} state={state_name}"));
            }
            State::BackingOff { until } => {
                self.journal.warn(&format_args!("unit {name} state={state_name} in_ms={}", in_ms(until)));
            }
            State::Held(Hold::Crashing { retry }) => self.journal.error(&format_args!(
                "unit {name} state={state_name} why=crashing retry_in_ms={}",
                in_ms(retry)
            )),
            State::Held(Hold::Configuration) => {
                self.journal.error(&format_args!("unit {name} state={state_name} why=configuration"));
            }
            State::Failed(why) => {
                self.journal.error(&format_args!("unit {name} state={state_name} why={}", self.failure(why)));
            }
            State::Stopping { cause, .. } => {
                self.journal.note(&format_args!("unit {name} state={state_name} why={}", self.cause(cause)));
            }
            _ => self.journal.note(&format_args!("unit {name} state={state_name}")),
        }
    }

    fn failure(&self, why: Failure) -> String {
        match why {
            Failure::Exit => "exit".to_owned(),
            Failure::Dependency(on) => format!("requires-{}", self.name(on)),
        }
    }

    fn cause(&self, cause: Cause) -> String {
        match cause {
            Cause::Asked => "asked".to_owned(),
            Cause::StartTimeout => "start-timeout".to_owned(),
            Cause::ReloadTimeout => "reload-timeout".to_owned(),
            Cause::BindLost(to) => format!("bound-to-{}", self.name(to)),
        }
    }

    pub(super) fn name(&self, id: UnitId) -> &str {
        self.machine.set().get(id).map_or("?", |unit| &unit.name)
    }
}
