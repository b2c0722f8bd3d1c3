//! The connection to containerd, kept up: found, watched, found again.

use std::sync::Arc;

use log::{info, warn};
use tokio::sync::mpsc::UnboundedSender;

use crate::containerd::{self, Containerd};
use crate::notify;
use crate::works::{Seen, Works};

/// containerd's namespace of the containers in the settings.
const NAMESPACE: &str = "gantry";

/// What happened to the connection.
#[derive(Debug)]
pub enum Report {
    /// It is up, and this is what containerd has.
    Up(Containerd, Seen),
    /// It is gone.
    Down,
    /// The kernel killed a process of this container for want of memory.
    OutOfMemory(String),
}

/// Keeps the connection up and reports, until nobody listens.
pub async fn keep(works: Arc<Works>, to: UnboundedSender<Report>) {
    let mut known = false;
    loop {
        let (channel, version) = containerd::connect(&works.host().socket).await;
        if !known {
            known = true;
            notify::ready("MILESTONE=containerd");
        }
        info!(version:% = version; "containerd answers");
        let containerd = Containerd::new(channel, NAMESPACE, &works.host().snapshotter);
        // Watching begins before looking, so that the loss of what was looked at is noticed.
        let mut events = containerd.watch();
        match works.look(&containerd).await {
            Ok(seen) => {
                if to.send(Report::Up(containerd, seen)).is_err() {
                    return;
                }
                while let Some(container) = events.recv().await {
                    // The receiver is gone only when the service ends.
                    let _ = to.send(Report::OutOfMemory(container));
                }
                warn!("containerd gone");
                if to.send(Report::Down).is_err() {
                    return;
                }
            }
            Err(error) => {
                warn!(why:% = files::chain(&error); "containerd answers, but does not list what it has")
            }
        }
        tokio::time::sleep(containerd::PAUSE).await;
    }
}
