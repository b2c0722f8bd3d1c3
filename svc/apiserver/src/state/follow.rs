//! Generations that other processes commit: `configure`, once the network is there.

use std::sync::Arc;

use log::warn;
use tokio::sync::watch;

use super::{Api, Turn};
use crate::notice::Notice;

impl Api {
    /// Takes over what others commit, until `stop`.
    pub async fn follow(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.store.is_err() {
            return;
        }
        let mut notice = match Notice::of_store(&self.host.store) {
            Ok(notice) => notice,
            Err(err) => {
                // Before every change of ours we look all the same.
                warn!(why:% = err; "commits of other processes are not noticed");
                return;
            }
        };
        loop {
            tokio::select! {
                changed = notice.changed() => if let Err(err) = changed {
                    warn!(why:% = err; "commits of other processes are no longer noticed");
                    return;
                },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let looked = Turn::wait(self, |turn| {
                let looked = turn.look()?;
                Ok(looked.number())
            });
            // A change under way may take minutes; who ends the service has its own patience with it.
            let looked = tokio::select! {
                looked = looked => looked,
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if let Err(refusal) = looked {
                warn!(why:% = refusal.failure.error; "commit of another process not read");
            }
        }
    }
}
