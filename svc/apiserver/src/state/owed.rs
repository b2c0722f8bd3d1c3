//! An undo that is owed: what could not be applied is to give way to what was before it, and the store would not take that.
//!
//! The host runs by the former settings meanwhile, under the number of the generation that could not be applied, for the store
//! still names that one. Holds always: nothing is changed or applied on top of it before the undo is stored; every writer tries
//! that first, and so do we, again and again. A file outlives this process (STATE may be full, `/run` is not): whoever begins
//! finds the generation not in effect, applies it, and undoes it again if it still cannot be applied. So does the next boot.

use std::time::Duration;

use generation::{Generation, Why};
use hyper::StatusCode;
use log::{error, info, warn};
use tokio::time::sleep;
use wire::types::Pending;

use super::{Api, Turn, lock};
use crate::answer::Refusal;

/// Between tries to undo, where the store refuses.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

/// Longest number in the file.
const DIGITS: usize = 32;

/// See the module.
#[derive(Debug, Clone)]
pub struct Owed {
    /// What to go back to.
    pub base: Generation,
    /// What could not be applied.
    pub of: Generation,
    /// What the undo's generation says of itself.
    pub why: Why,
    /// Whose change it was.
    pub by: String,
    /// Why it was not stored, at the last try.
    pub unstored: String,
}

impl Owed {
    pub(super) fn pending(&self) -> Pending {
        Pending { generation: self.of.number, left_ms: 0, undo: Some(self.unstored.clone()) }
    }

    fn refusal(&self) -> Refusal {
        let Owed { of, base, unstored, .. } = self;
        let error = format!(
            "generation {} could not be applied, and that those of {} are in effect again could not be stored: {unstored}",
            of.number, base.number
        );
        Refusal::new(StatusCode::CONFLICT, error)
            .remedy(
                "free space on STATE; nothing can be changed before it is stored, which is tried every 10 s",
            )
            .current(of.number)
    }
}

impl Api {
    /// The generation that the store names and that is not in effect, by this process or the one before it.
    pub(super) fn not_in_effect(&self) -> Option<u64> {
        files::read_text(&self.host.owed, DIGITS).ok()?.trim().parse().ok()
    }

    /// Forgets what [`Api::not_in_effect`] says.
    pub(super) fn in_effect(&self) {
        if let Err(err) = std::fs::remove_file(&self.host.owed)
            && err.kind() != std::io::ErrorKind::NotFound
        {
            warn!(path:% = self.host.owed.display(), why:% = err; "not removed");
        }
    }
}

impl Turn {
    /// Owes this undo, until it is stored.
    pub(super) fn owe(&self, owed: Owed) {
        let number = owed.of.number;
        if let Err(err) = files::replace(&self.api.host.owed, format!("{number}\n").as_bytes(), 0o600) {
            warn!(generation = number, why:% = files::chain(&err); "undo is forgotten if the server ends");
        }
        if lock(&self.api.owed).replace(owed).is_some() {
            return;
        }
        let api = self.api.clone();
        tokio::spawn(async move {
            loop {
                sleep(AGAIN).await;
                match Turn::wait(&api, Turn::repay).await {
                    Ok(()) => return,
                    Err(refusal) => error!(why:% = refusal.failure.error; "settings not undone"),
                }
            }
        });
    }

    /// Stores an undo that is owed, if one is.
    pub(super) fn repay(&self) -> Result<(), Refusal> {
        let Some(Owed { base, of, why, by, .. }) = lock(&self.api.owed).clone() else { return Ok(()) };
        let undone = self.return_to(&base, &of, why, &by);
        let mut slot = lock(&self.api.owed);
        match (undone.unstored, slot.as_mut()) {
            (Some(err), Some(owed)) => {
                owed.unstored = files::chain(&err);
                Err(owed.refusal())
            }
            _ => {
                *slot = None;
                self.api.in_effect();
                info!(generation = undone.snapshot.number(), of = of.number; "undo stored at last");
                Ok(())
            }
        }
    }
}
