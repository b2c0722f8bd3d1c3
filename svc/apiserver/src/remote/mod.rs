//! The remote listener: the same API over TLS, for holders of client certificates.
//!
//! | file | what |
//! |---|---|
//! | `authority`, `identity` | the host's own authority: what it issues, what of it is kept on STATE |
//! | `front` | whom TLS believes and what it shows, made from the settings |
//! | `subject` | a certificate's name and role |
//! | `door` | connections: their limits, their handshakes, their end |
//! | `turned_away` | an answer for those whose certificate is good and gives no role |
//! | `hand_out` | the first administrator's certificate, on the console, once |
//! | `resource` | `/v1/certificates` |
//!
//! Holds always: nobody gets an answer other than "no" without a certificate that the handshake has checked and whose
//! role the route allows; new settings take the place of the old ones whole, or the old ones stay and the failure goes to
//! whoever applies; the local socket does not depend on any of this. docs/decisions/0018-remote-api.md

pub mod authority;
mod crowd;
mod door;
mod error;
mod front;
mod hand_out;
mod identity;
mod limits;
pub mod resource;
mod subject;
mod turned_away;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{error, info, warn};
use settings::model::Api as Wanted;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::state::Api;

pub use error::RemoteError;
pub use limits::{REMOTE_LIMITS, RemoteLimits};

use authority::Issued;
use crowd::Crowd;
use front::Front;
use identity::Identity;

/// Between two looks at what another process applied, and two tries of what waits for the time to be set.
const LOOK: Duration = Duration::from_secs(10);

/// The remote API of one host: off, or listening.
#[derive(Debug)]
pub struct Remote {
    identity_folder: PathBuf,
    console: PathBuf,
    limits: RemoteLimits,
    followers: Places,
    writers: Places,
    now: Mutex<Now>,
}

/// So many places for all holders of certificates, and so many of these for each.
#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    each: Crowd<String>,
    most_each: usize,
}

impl Places {
    fn new(all: usize, most_each: usize) -> Self {
        Places { all: Arc::new(Semaphore::new(all)), each: Crowd::default(), most_each }
    }

    fn take(&self, serial: &str) -> Option<Seat> {
        let own = self.each.place(serial.to_owned(), self.most_each)?;
        Some(Seat { _of_all: self.all.clone().try_acquire_owned().ok()?, _own: own })
    }
}

/// A place of somebody; free again when it goes.
#[derive(Debug)]
pub struct Seat {
    _of_all: OwnedSemaphorePermit,
    _own: crowd::Place<String>,
}

#[derive(Debug, Default)]
struct Now {
    taken: Option<Taken>,
    identity: Option<Identity>,
    /// The first certificate is on its way to the console, or there.
    handing_out: bool,
    door: Option<Door>,
}

/// What was taken last, and whether it worked.
#[derive(Debug)]
struct Taken {
    wanted: Wanted,
    /// It stands in the host's certificate.
    hostname: String,
    ok: bool,
}

/// A port that is listened on.
#[derive(Debug)]
struct Door {
    port: u16,
    front: watch::Sender<Arc<Front>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Remote {
    /// The remote API of a host that keeps its own authority in `identity_folder`; off.
    pub fn new(identity_folder: PathBuf, console: PathBuf, limits: RemoteLimits) -> Self {
        let followers = Places::new(limits.followers, limits.followers_each);
        let writers = Places::new(limits.writers, limits.writers_each);
        Remote { identity_folder, console, limits, followers, writers, now: Mutex::default() }
    }

    /// A place for the holder of a certificate to watch or follow, if there is one.
    pub fn seat(&self, serial: &str) -> Option<Seat> {
        self.followers.take(serial)
    }

    /// A place for a change of theirs to wait for its turn.
    pub fn writers_seat(&self, serial: &str) -> Option<Seat> {
        self.writers.take(serial)
    }

    /// Bounds on connections.
    pub fn limits(&self) -> &RemoteLimits {
        &self.limits
    }

    /// Makes the listener what `wanted` says. What cannot be made leaves the one that is there as it is. What was taken before
    /// and worked changes nothing. Blocks; within the runtime.
    pub fn take(&self, api: &Arc<Api>, wanted: &Wanted) -> Result<(), RemoteError> {
        let mut now = self.lock();
        let hostname = hostname();
        let same = |taken: &Taken| taken.wanted == *wanted && taken.hostname == hostname;
        if now.taken.as_ref().is_some_and(|taken| taken.ok && same(taken)) {
            return Ok(());
        }
        let outcome = self.make(&mut now, api, wanted, &hostname);
        // What is tried again and again is said once.
        if let Err(err) = &outcome
            && !now.taken.as_ref().is_some_and(|taken| !taken.ok && same(taken))
        {
            let still = now.door.as_ref().map_or(0, |door| door.port);
            error!(why:% = files::chain(err), listening_on = still; "remote API not as the settings say");
        }
        now.taken = Some(Taken { wanted: wanted.clone(), hostname, ok: outcome.is_ok() });
        outcome
    }

    /// Whether exactly this was tried before, and could not be made.
    pub fn could_not(&self, wanted: &Wanted) -> bool {
        self.lock().taken.as_ref().is_some_and(|taken| !taken.ok && taken.wanted == *wanted)
    }

    fn make(
        &self,
        now: &mut Now,
        api: &Arc<Api>,
        wanted: &Wanted,
        hostname: &str,
    ) -> Result<(), RemoteError> {
        if wanted.enabled != Some(true) {
            if let Some(door) = now.door.take() {
                info!(port = door.port; "remote API off");
                let _ = door.stop.send(true);
            }
            return Ok(());
        }
        let now_s = unix_s();
        let own = wanted.client_ca.is_none() || wanted.certificate.is_none();
        if own && now.identity.is_none() {
            now.identity = Some(Identity::open(&self.identity_folder, now_s)?);
        }
        let front = Front::of(wanted, now.identity.as_ref().filter(|_| own), hostname, now_s)?;
        self.open(now, api, wanted.port(), Arc::new(front))?;
        if wanted.client_ca.is_none() && !now.handing_out {
            self.hand_out(now, api, wanted.port(), now_s)?;
        }
        Ok(())
    }

    /// Shows the first administrator's certificate, unless that was done. On a thread of its own, for a console may take nothing.
    fn hand_out(&self, now: &mut Now, api: &Arc<Api>, port: u16, now_s: u64) -> Result<(), RemoteError> {
        let Some(identity) = now.identity.as_mut().filter(|identity| !identity.is_handed_out()) else {
            return Ok(());
        };
        let issued = hand_out::issue(identity, now_s)?;
        let authority = identity.authority().certificate_pem();
        now.handing_out = true;
        let (api, console) = (api.clone(), self.console.clone());
        let show = move || {
            let shown = hand_out::show(&console, &authority, &issued, port);
            if let Err(err) = api.remote().handed_out(&issued, shown) {
                error!(why:% = files::chain(&err); "not remembered that the first certificate was handed out");
            }
        };
        if let Err(err) = std::thread::Builder::new().name("hand-out".into()).spawn(show) {
            error!(why:% = err; "first administrator's certificate not shown");
        }
        Ok(())
    }

    /// The first certificate was shown, or could not be: there may be no console at all.
    fn handed_out(&self, issued: &Issued, shown: std::io::Result<()>) -> Result<(), RemoteError> {
        let mut now = self.lock();
        let Some(identity) = &mut now.identity else { return Ok(()) };
        match shown {
            Ok(()) => {
                info!(serial:% = issued.serial; "first administrator's certificate shown on the console")
            }
            Err(err) => {
                warn!(console:% = self.console.display(), why:% = err; "first administrator's certificate not shown: ask for one with POST /v1/certificates on this host's socket");
                identity.revoke(&issued.serial, unix_s())?;
                identity.handed_out()?;
                return self.believe_anew(&mut now);
            }
        }
        identity.handed_out()
    }

    /// Listens on `port` with `front`: on the port that is listened on already, connections that come from now on meet it.
    fn open(&self, now: &mut Now, api: &Arc<Api>, port: u16, front: Arc<Front>) -> Result<(), RemoteError> {
        if let Some(door) = now.door.as_ref().filter(|door| door.port == port && !door.task.is_finished()) {
            info!(port; "remote API has new settings");
            let _ = door.front.send(front);
            return Ok(());
        }
        let listener = bind(port).map_err(|err| RemoteError::Listen { port, err })?;
        let (front, fronts) = watch::channel(front);
        let (stop, stopped) = watch::channel(false);
        let task = Handle::current().spawn(door::keep(api.clone(), self.limits, listener, fronts, stopped));
        info!(port; "remote API listening");
        if let Some(old) = now.door.replace(Door { port, front, stop, task }) {
            let _ = old.stop.send(true);
        }
        Ok(())
    }

    /// Believes what the register says now: after a revocation.
    fn believe_anew(&self, now: &mut Now) -> Result<(), RemoteError> {
        let (Some(taken), Some(identity), Some(door)) = (&now.taken, &now.identity, &now.door) else {
            return Ok(());
        };
        let front = Front::of(&taken.wanted, Some(identity), &taken.hostname, unix_s())?;
        let _ = door.front.send(Arc::new(front));
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens as the settings in effect say, until `stop` says so. Changes made here come through [`Remote::take`] when they
/// are applied; those that another process applied are found by looking.
pub async fn run(api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
        look(&api).await;
    }
    let door = api.remote().lock().door.take();
    if let Some(door) = door {
        let _ = door.stop.send(true);
        let _ = door.task.await;
    }
}

async fn look(api: &Arc<Api>) {
    let api = api.clone();
    // What failed was said where it failed.
    let _ = tokio::task::spawn_blocking(move || {
        let snapshot = api.now();
        api.is_followed(snapshot.number()) && api.remote().take(&api, &snapshot.settings.api).is_ok()
    })
    .await;
}

/// Every address of the host. IPv6 takes IPv4 with it, where the kernel has it.
fn bind(port: u16) -> std::io::Result<TcpListener> {
    let any = [IpAddr::from(Ipv6Addr::UNSPECIFIED), IpAddr::from(Ipv4Addr::UNSPECIFIED)];
    let listener = match TcpListener::bind((any[0], port)) {
        Err(err) if err.kind() != std::io::ErrorKind::AddrInUse => TcpListener::bind((any[1], port)),
        bound => bound,
    }?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The host's clock.
pub fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
