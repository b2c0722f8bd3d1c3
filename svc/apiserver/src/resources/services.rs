//! Units of PID 1: what they do, how the boot went, restarting one.

use std::sync::Arc;
use std::time::Duration;

use control::{Control, ControlError, Outcome, Refusal as InitRefusal, UnitState, UnitStatus};
use hyper::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use wire::types::{Boot, Milestone, Renewal, ServiceStatus, UnitOutcome, UnitRenewal};

use crate::answer::{Answer, Refusal, json};
use crate::serve::{Ask, shown};
use crate::state::Api;

/// containerd's own start has 60 s, and what requires it follows.
const RESTART_WITHIN: Duration = Duration::from_secs(120);

/// `GET /v1/services`
pub async fn list(api: &Arc<Api>) -> Answer {
    let units = ask_init(api, Control::list).await?;
    Ok(json(&units.into_iter().map(sent).collect::<Vec<_>>()))
}

/// `GET /v1/services/{name}`
pub async fn show(api: &Arc<Api>, ask: Ask) -> Answer {
    let name = unit(&ask);
    Ok(json(&sent(ask_init(api, move |init| init.status(&name)).await?)))
}

/// `POST /v1/services/{name}/restart`
pub async fn restart(api: &Arc<Api>, ask: Ask) -> Answer {
    let place = api.restarts().try_acquire_owned().map_err(|_| {
        let error = format!("{} restarts are waited for already", api.limits().restarts);
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, error).remedy("try again when one of them is done")
    })?;
    let name = unit(&ask);
    let of = name.clone();
    let outcome = asked(api, place, move |init| {
        init.restart(&of)?;
        init.wait(&of, RESTART_WITHIN)
    });
    let why = match outcome.await? {
        Outcome::Ready => {
            let (how, outcome) = (Renewal::Restarted, UnitOutcome::Ready);
            return Ok(json(&UnitRenewal { unit: name, how, outcome, why: None }));
        }
        Outcome::Failed { why } => why,
        Outcome::TimedOut => format!("not ready within {} s", RESTART_WITHIN.as_secs()),
    };
    let error = format!("{name} was restarted and is not ready: {why}");
    let remedy = format!("GET /v1/logs?unit={name} has its own words");
    Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error).remedy(remedy))
}

/// `GET /v1/boot`
pub async fn boot(api: &Arc<Api>) -> Answer {
    let (milestones, units) = ask_init(api, |init| Ok((init.timeline()?, init.list()?))).await?;
    let milestones =
        milestones.into_iter().map(|one| Milestone { name: one.name, at_ms: one.at_ms }).collect();
    Ok(json(&Boot { milestones, units: units.into_iter().map(sent).collect() }))
}

/// Asks PID 1, which answers soon or never, when it is our turn.
pub async fn ask_init<T: Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&mut Control) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, Refusal> {
    let place = api.init_callers().acquire_owned().await;
    let place = place.map_err(|err| Refusal::host("PID 1 was not asked", &err))?;
    asked(api, place, work).await
}

/// Asks PID 1, on a thread that may wait; the place is taken as long as it does, also when the caller is gone.
async fn asked<T: Send + 'static>(
    api: &Arc<Api>,
    place: OwnedSemaphorePermit,
    work: impl FnOnce(&mut Control) -> Result<T, ControlError> + Send + 'static,
) -> Result<T, Refusal> {
    let init = api.init().clone();
    let waited = move || {
        let _place = place;
        work(&mut init.connect()?)
    };
    let done = spawn_blocking(waited).await;
    let answered = done.map_err(|err| Refusal::host("the call ended early", &err))?;
    answered.map_err(|err| match &err {
        ControlError::Refused { refusal: InitRefusal::Unknown, .. } => {
            Refusal::missing(err.to_string()).remedy("GET /v1/services lists them")
        }
        ControlError::Refused { refusal: InitRefusal::Busy, .. } => {
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, err.to_string()).remedy("try again")
        }
        ControlError::Refused { .. } => Refusal::conflict(err.to_string()),
        _ => Refusal::host("PID 1 did not do it", &err),
    })
}

/// Whether a unit is not as it should be.
pub fn is_failing(unit: &UnitStatus) -> bool {
    matches!(unit.state, UnitState::Held | UnitState::Failed | UnitState::Stuck | UnitState::Restarting)
}

fn unit(ask: &Ask) -> String {
    // PID 1 knows its names; a long one is no name, and would be no line.
    shown(ask.names.first().map_or("", String::as_str))
}

fn sent(unit: UnitStatus) -> ServiceStatus {
    ServiceStatus {
        kind: unit.kind.to_string(),
        state: unit.state.to_string(),
        name: unit.name,
        description: unit.description,
        why: unit.why,
        wanted: unit.wanted,
        since_ms: unit.since_ms,
        pid: unit.pid,
        starts: unit.starts,
        failures: unit.failures,
        last_end: unit.last_end,
        first_ready_ms: unit.first_ready_ms,
        can_reload: unit.can_reload,
    }
}
