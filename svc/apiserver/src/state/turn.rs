//! A writer's turn: one at a time, on a thread that may block.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::sync::OwnedMutexGuard;

use super::Api;
use crate::answer::Refusal;
use crate::caller::Caller;

/// The right to change what is in effect. Whoever holds it is the only one.
pub struct Turn {
    pub(super) api: Arc<Api>,
    _alone: OwnedMutexGuard<()>,
}

impl Api {
    /// Ends when whoever has a turn has done its work; nobody gets another.
    pub async fn last_turn(&self) {
        std::mem::forget(self.turn.clone().lock_owned().await);
    }
}

impl Turn {
    /// Whose turn it is to change.
    pub fn api(&self) -> &Arc<Api> {
        &self.api
    }

    /// Waits for a turn and does `work` in it, also when the caller who wanted it is gone by then.
    pub async fn take<T: Send + 'static>(
        api: &Arc<Api>,
        caller: &Caller,
        work: impl FnOnce(&Turn) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let too_many = |error| Refusal::new(StatusCode::TOO_MANY_REQUESTS, error).remedy("try again");
        let _seat = match caller {
            Caller::Local { .. } => None,
            Caller::Remote { serial, .. } => {
                let limits = api.remote().limits();
                let error = || {
                    too_many(format!(
                        "{} changes with this certificate, or {} over the network, are waiting for their turn",
                        limits.writers_each, limits.writers
                    ))
                };
                Some(api.remote().writers_seat(serial).ok_or_else(error)?)
            }
        };
        let Ok(_place) = api.waiting.try_acquire() else {
            let error = format!("{} changes are waiting for their turn", api.limits.writers);
            return Err(too_many(error));
        };
        Turn::wait(api, work).await
    }

    /// The same for the service's own work, which is never turned away.
    pub(super) async fn wait<T: Send + 'static>(
        api: &Arc<Api>,
        work: impl FnOnce(&Turn) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        Turn::next(api).await.work(work).await
    }

    /// The next turn there is.
    pub(super) async fn next(api: &Arc<Api>) -> Turn {
        Turn { api: api.clone(), _alone: api.turn.clone().lock_owned().await }
    }

    /// Does `work` in this turn, which ends with it.
    pub(super) async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&Turn) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let done = tokio::task::spawn_blocking(move || work(&self)).await;
        done.unwrap_or_else(|err| Err(Refusal::host("the change ended early", &err)))
    }
}
