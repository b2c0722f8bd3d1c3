//! The service from its first to its last moment.

use std::sync::Arc;

use log::{info, warn};
use sys::notify;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::error::Error;
use crate::host::Host;
use crate::limits::{LIMITS, Limits};
use crate::state::Api;
use crate::{listen, remote};

/// Serves `host` until SIGTERM.
pub async fn run(host: Host) -> Result<(), Error> {
    let mut terminate = listen_for(SignalKind::terminate())?;
    let end = async move {
        terminate.recv().await;
        tell(notify::STOPPING);
    };
    run_until(host, LIMITS, |_| tell(notify::READY), end).await
}

/// Serves `host` within `limits` until `end`; says when it is `ready` to be asked.
pub async fn run_until(
    host: Host,
    limits: Limits,
    ready: impl FnOnce(&Arc<Api>),
    end: impl Future<Output = ()>,
) -> Result<(), Error> {
    let api = Api::open(host, limits);
    // Before anybody can ask: the first turn is ours.
    let (first, turn) = (api.clone(), api.begins().await);
    let listener = listen::bind(&api)?;
    tokio::spawn(async move { first.begin(turn).await });
    let tasks = [
        tokio::spawn(listen::local(api.clone(), listener, api.stopped())),
        tokio::spawn(remote::run(api.clone(), api.stopped())),
        tokio::spawn(follow(api.clone())),
    ];
    ready(&api);
    end.await;
    info!("stopping");
    api.stop();
    for task in tasks {
        // One that has ended by itself has said why.
        let _ = task.await;
    }
    // A change under way is done, or undone: half of one would be the next start's to mend.
    if timeout(limits.last_turn, api.last_turn()).await.is_err() {
        warn!("a change is not finished in time");
    }
    info!("stopped");
    Ok(())
}

async fn follow(api: Arc<Api>) {
    api.follow(api.stopped()).await;
}

fn listen_for(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(Error::Signals)
}

fn tell(message: &str) {
    if let Err(err) = notify::tell(message) {
        warn!(message, why:% = err; "PID 1 not told");
    }
}
