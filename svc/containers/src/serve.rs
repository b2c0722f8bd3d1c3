//! The service from its first to its last moment.

use std::io;
use std::time::Duration;

use log::{info, warn};
use settings::containers::Workloads;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::{Instant, sleep_until};

use crate::host::Host;
use crate::image::Puller;
use crate::keeper::{Keeper, STOP_MS};
use crate::logs::Mirror;
use crate::registry::{Http, Limits};
use crate::works::Works;
use crate::{connection, notify, resolver};

/// Longest list of containers. Settings are smaller by far; answers a file that grew by a fault.
const WORKLOADS_BYTES: usize = 16 << 20;

/// Longest bundle of authorities; Debian's is a quarter of a MiB, and settings bring a few more.
const AUTHORITIES_BYTES: usize = 16 << 20;

/// Why the service ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel gave us no event queue.
    #[error("cannot set up the event loop")]
    Runtime(#[source] io::Error),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// A thread could not be made.
    #[error("cannot start the console's thread")]
    Mirror(#[source] io::Error),
    /// A file of the host.
    #[error("cannot begin")]
    File(#[from] files::Error),
    /// The list of containers is not what `configure` writes.
    #[error("cannot read the list of containers")]
    Workloads(#[source] serde_json::Error),
}

impl Error {
    /// Trying again with the same files would fail again.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Error::Workloads(_))
    }
}

/// Runs the containers of `host` until SIGTERM. SIGHUP makes it take its settings again.
pub async fn serve(host: Host) -> Result<(), Error> {
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    let boot = files::read_text(&host.boot_id, 64)?.trim().to_owned();
    let wanted = read(&host)?;
    let mirror = Mirror::start().map_err(Error::Mirror)?;
    let puller = Puller::new(client(&host));
    info!(runtime:% = host.runtime, containers = wanted.containers.len(); "starting");
    let (reports_to, mut reports) = unbounded_channel();
    let works = Works::new(host, boot, puller.clone(), mirror.clone());
    // First of all: containerd is starting at this moment, and the wait for it is the longest of the boot.
    tokio::spawn(connection::keep(works.clone(), reports_to));
    resolver::start(works.host().etc.clone(), works.host().run.clone());
    let mut keeper = Keeper::new(works.clone());
    keeper.want(wanted);
    loop {
        tokio::select! {
            Some(report) = reports.recv() => keeper.report(report),
            () = keeper.advance() => {}
            _ = terminate.recv() => break,
            _ = hang_up.recv() => notify::reload(|| {
                puller.use_client(client(works.host()));
                match read(works.host()) {
                    Ok(wanted) => {
                        info!(containers = wanted.containers.len(); "settings read again");
                        keeper.want(wanted);
                        true
                    }
                    Err(err) => {
                        warn!(why:% = files::chain(&err); "settings not read again, the former ones hold");
                        false
                    }
                }
            }),
        }
    }
    notify::tell(notify::STOPPING);
    info!(containers = keeper.names().len(); "stopping");
    keeper.stop();
    let deadline = Instant::now() + Duration::from_millis(STOP_MS);
    while !keeper.is_empty() {
        tokio::select! {
            Some(report) = reports.recv() => keeper.report(report),
            () = keeper.advance() => {}
            () = sleep_until(deadline) => {
                warn!(left:% = keeper.names().join(","); "containers not stopped in time");
                break;
            }
        }
    }
    mirror.finish();
    info!("stopped");
    Ok(())
}

fn listen(kind: SignalKind) -> Result<Signal, Error> {
    signal(kind).map_err(Error::Signals)
}

/// A client that trusts whom the host trusts now.
fn client(host: &Host) -> Http {
    let [image, settings] = &host.authorities;
    let mut pem = files::read(image, AUTHORITIES_BYTES).unwrap_or_else(|err| {
        warn!(why:% = files::chain(&err); "the image's authorities are not trusted");
        Vec::new()
    });
    match files::read(settings, AUTHORITIES_BYTES) {
        Ok(more) => {
            // The last line of a bundle need not end.
            pem.push(b'\n');
            pem.extend(more);
        }
        Err(err) if err.is_absent() => {}
        Err(err) => warn!(why:% = files::chain(&err); "the settings' authorities are not trusted"),
    }
    Http::new(&pem, Limits::default())
}

fn read(host: &Host) -> Result<Workloads, Error> {
    let bytes = files::read(&host.workloads, WORKLOADS_BYTES)?;
    serde_json::from_slice(&bytes).map_err(Error::Workloads)
}
