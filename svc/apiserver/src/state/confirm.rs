//! Timed confirmation: a generation that is undone at its deadline unless somebody confirms it.
//!
//! The deadline is kept on the monotonic clock, for a change may be one of the time. What the store says (provisional)
//! outlives this process: after a restart the generation is undone at once, for nobody knows how long ago it was made.

use std::sync::Arc;
use std::time::Duration;

use generation::{Generation, Why};
use hyper::StatusCode;
use log::{error, info};
use settings::Layers;
use store::CommitError;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};
use wire::types::{GenerationSummary, Pending};

use super::change::settled;
use super::owed::AGAIN;
use super::{Api, Turn, lock, summary};
use crate::answer::Refusal;

/// Who undoes, in generations.
const SERVER: &str = "apiserver";

/// A generation that awaits confirmation.
#[derive(Debug)]
pub struct Provisional {
    /// Its number.
    pub generation: u64,
    until: Instant,
    alarm: AbortHandle,
    /// Why it is not undone, though its time has come.
    unstored: Option<String>,
}

impl Provisional {
    /// How long is left.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    pub(super) fn pending(&self) -> Pending {
        Pending {
            generation: self.generation,
            left_ms: u64::try_from(self.left().as_millis()).unwrap_or(u64::MAX),
            undo: self.unstored.clone(),
        }
    }
}

impl Turn {
    pub(super) fn await_confirmation(&self, generation: u64, within: Duration) {
        let until = Instant::now() + within;
        let api = self.api.clone();
        let alarm = tokio::spawn(async move {
            sleep_until(until).await;
            while !undone(&api, generation).await {
                sleep(AGAIN).await;
            }
        });
        info!(generation, within_s = within.as_secs(); "awaiting confirmation");
        let alarm = alarm.abort_handle();
        *lock(&self.api.provisional) = Some(Provisional { generation, until, alarm, unstored: None });
    }

    /// Keeps a generation that awaits confirmation.
    pub fn confirm(&self, number: u64) -> Result<GenerationSummary, Refusal> {
        let store = self.api.store()?;
        let current = self.look()?;
        // Past its deadline it is being undone, also if that takes several tries.
        let awaited = lock(&self.api.provisional)
            .as_ref()
            .is_some_and(|one| one.generation == number && !one.left().is_zero());
        if !awaited {
            store.read(number).map_err(|err| Refusal::missing(files::chain(&err)))?;
            let error = format!("generation {number} does not await confirmation");
            let remedy = format!(
                "generation {} is in effect; GET /v1/generations tells what became of {number}",
                current.number()
            );
            return Err(Refusal::conflict(error).remedy(remedy).current(current.number()));
        }
        let confirmed = settled(store, store.confirm(number)).map_err(|err| match err {
            CommitError::NotCurrent { .. } => Refusal::conflict(files::chain(&err)).current(current.number()),
            CommitError::Full { .. } => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, files::chain(&err)),
            _ => Refusal::host("the generation cannot be confirmed", &err),
        })?;
        if let Some(provisional) = lock(&self.api.provisional).take() {
            provisional.alarm.abort();
        }
        info!(generation = number; "settings confirmed");
        let told = summary(&confirmed.as_ref().into(), number);
        self.publish(confirmed, None);
        Ok(told)
    }

    /// Undoes a provisional generation that is current. True: there is nothing left to undo.
    pub(super) fn undo_provisional(&self, number: u64) -> Result<bool, Refusal> {
        let current = self.look()?;
        let mine =
            current.generation.as_ref().is_some_and(|one| one.number == number && one.provisional.is_some());
        let Some(generation) = current.generation.as_ref().filter(|_| mine) else {
            self.forget_provisional(|one| one == number);
            return Ok(true);
        };
        let base =
            self.api.store()?.standing().map_err(|err| Refusal::host("no settings to go back to", &err))?;
        // The first settings of all give way to the image's.
        let base = base.map_or_else(|| nothing_like(generation), Arc::unwrap_or_clone);
        let undone = self.return_to(&base, generation, Why::NotConfirmed { of: number }, SERVER);
        if let (Some(err), Some(provisional)) = (&undone.unstored, lock(&self.api.provisional).as_mut()) {
            provisional.unstored = Some(files::chain(err));
        }
        Ok(undone.unstored.is_none())
    }

    /// What awaited confirmation does not any more, if it is one of `which`. Its alarm will find nothing to undo.
    pub(super) fn forget_provisional(&self, which: impl FnOnce(u64) -> bool) {
        lock(&self.api.provisional).take_if(|one| which(one.generation));
    }
}

/// What is before the first generation: nobody has said anything.
fn nothing_like(generation: &Generation) -> Generation {
    Generation { number: 0, layers: Layers::default(), user_data: Default::default(), ..generation.clone() }
}

async fn undone(api: &Arc<Api>, generation: u64) -> bool {
    match Turn::wait(api, move |turn| turn.undo_provisional(generation)).await {
        Ok(undone) => undone,
        Err(refusal) => {
            error!(generation, why:% = refusal.failure.error; "settings not undone");
            false
        }
    }
}
