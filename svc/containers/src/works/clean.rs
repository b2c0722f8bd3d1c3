//! Removing what a container leaves, in the reverse order of making it.

use std::time::Duration;

use log::warn;
use tokio::time::timeout;

use super::look::ENDED;
use super::{Error, Works, lock};
use crate::containerd::Containerd;
use crate::lifecycle::Keep;

const SIGKILL: u32 = 9;

/// A task that does not end when killed is stuck in the kernel; clean-up is tried again later.
const KILLED: Duration = Duration::from_secs(10);

impl Works {
    /// Removes the task, network, snapshot and record of a container whose process is gone. When it returns
    /// `Ok`, every line that the container wrote is in its log, and nothing is left but the mark, if that was
    /// asked for.
    pub async fn clean(&self, containerd: &Containerd, name: &str, keep: Keep) -> Result<(), Error> {
        end_task(containerd, name).await?;
        let pump = lock(&self.pumps).remove(name);
        if let Some(pump) = pump
            && !pump.drained().await
        {
            warn!(name; "output still open after the end, not waited for");
        }
        self.detach(name).await?;
        containerd.remove_snapshot(name).await?;
        match keep {
            Keep::Mark(code) => match containerd.label_record(name, ENDED, code.to_string()).await {
                Err(error) if !error.is_absent() => Err(error.into()),
                _ => Ok(()),
            },
            Keep::Nothing => {
                containerd.remove_record(name).await?;
                // Pipes and copies of files; in memory, and made anew by the next start.
                let _ = std::fs::remove_dir_all(self.host.run_of(name));
                Ok(())
            }
        }
    }

    async fn detach(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        let mut network = self.network.clone().lock_owned().await;
        let detached = tokio::task::spawn_blocking(move || match network.as_mut() {
            Some(network) => Ok(network.detach(&name)?),
            None => Ok(()),
        });
        detached.await.unwrap_or(Err(Error::NoNetwork))
    }
}

/// Removes a task, killing what should be dead: a task that was made and never started, or one whose exit we
/// were told of by a failure.
async fn end_task(containerd: &Containerd, name: &str) -> Result<(), Error> {
    match containerd.remove_task(name).await {
        Err(error) if error.is_wrong_state() => {
            containerd.signal_task(name, SIGKILL, true).await?;
            // An answer, whatever it is, or none in time: removing says what is the matter.
            let _ = timeout(KILLED, containerd.wait_task(name)).await;
            Ok(containerd.remove_task(name).await?)
        }
        answer => Ok(answer?),
    }
}
