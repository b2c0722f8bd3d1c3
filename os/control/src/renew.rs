//! Having several units take their files again, each up before the next is touched.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use supervise::control::{Answer, Outcome, Refusal, Renewal, Request};

use crate::{Control, ControlError, stray};

/// What became of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// Its name.
    pub unit: String,
    /// By what it took its files. A skipped unit is as good as ready: nothing of it is out of date.
    pub how: Renewal,
    /// Whether it is up.
    pub outcome: Outcome,
    /// How long that took, in milliseconds.
    pub took_ms: u64,
}

pub fn all(control: &mut Control, units: &[&str], deadline: Duration) -> Result<Vec<Renewed>, ControlError> {
    let until = Instant::now() + deadline;
    let order = control.list()?;
    let place = |unit: &str| order.iter().position(|status| status.name == unit);
    let mut units: Vec<&str> = units.to_vec();
    units.sort_by_key(|unit| (place(unit), *unit));
    units.dedup();
    units.into_iter().map(|unit| one(control, unit, until)).collect()
}

fn one(control: &mut Control, unit: &str, until: Instant) -> Result<Renewed, ControlError> {
    let began = Instant::now();
    let renewed = |how, outcome| {
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Renewed { unit: unit.to_owned(), how, outcome, took_ms })
    };
    if began >= until {
        return renewed(Renewal::Skipped, Outcome::TimedOut);
    }
    let request = Request::Renew { unit: unit.to_owned() };
    let how = match control.ask(&request, &format!("renew {unit}")) {
        Ok(Answer::Renewing { how }) => how,
        Ok(other) => return Err(stray(&other)),
        // A variant without this unit has nothing that could be out of date.
        Err(ControlError::Refused { refusal: Refusal::Unknown, .. }) => Renewal::Skipped,
        Err(err) => return Err(err),
    };
    if how == Renewal::Skipped {
        return renewed(how, Outcome::Ready);
    }
    let outcome = control.wait(unit, until.saturating_duration_since(Instant::now()))?;
    renewed(how, outcome)
}
