//! The first turn of a server: what the one before it left unfinished.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::{Api, Turn};
use crate::answer::Refusal;

/// Who begins, in generations.
const SERVER: &str = "apiserver";

impl Api {
    /// The first turn, to be taken before anybody is listened to.
    pub async fn begins(self: &Arc<Self>) -> Turn {
        Turn::next(self).await
    }

    /// Undoes what nobody confirmed, and applies what is committed and not in effect.
    pub async fn begin(self: &Arc<Self>, turn: Turn) {
        if self.store.is_err() {
            return;
        }
        let begun = turn.work(Turn::begin).await;
        if let Err(refusal) = begun {
            warn!(why:% = refusal.failure.error; "began with trouble");
        }
    }
}

impl Turn {
    fn begin(&self) -> Result<(), Refusal> {
        let current = self.look()?;
        let provisional = current.generation.as_ref().filter(|generation| generation.provisional.is_some());
        if let Some(generation) = provisional {
            warn!(generation = generation.number; "nobody confirmed the settings before the server ended");
            let undone = self.undo_provisional(generation.number);
            if !matches!(undone, Ok(true)) {
                // A change on top of it would make it last: nobody gets to, until it is undone.
                self.await_confirmation(generation.number, Duration::ZERO);
            }
            return undone.map(drop);
        }
        if self.stands_for(current.number()) {
            info!(generation = current.number(); "settings in effect that there was no room to store");
            return Ok(());
        }
        if self.api.applied() != Some(current.number()) {
            info!(generation = current.number(); "settings are committed and not in effect");
            self.apply_current(SERVER)?;
        }
        Ok(())
    }

    /// Whether `configure` put in effect, in place of this generation, what it could not store. It may not be in effect whole, for
    /// want of a unit; what is stored is older than it all the same.
    fn stands_for(&self, generation: u64) -> bool {
        let unstored = self.api.configured().is_some_and(|configured| configured.generation == 0);
        unstored
            && self.api.not_in_effect() != Some(generation)
            && self.api.last_report().is_some_and(|report| report.generation == generation)
    }
}
