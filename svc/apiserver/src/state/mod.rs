//! What all handlers share: what is in effect, for readers; the turn to change it, for writers; news of changes.
//!
//! Holds always: a reader looks at one [`Snapshot`], which never changes and is there at once; the newest is published
//! only when it is committed.

mod begin;
mod change;
mod confirm;
mod follow;
mod news;
mod owed;
mod release;
mod snapshot;
mod transactions;
mod turn;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apply::Applier;
use control::Pid1;
use generation::{Generation, Registry};
use render::Facts;
use settings::tree::Tree;
use settings::{LIMITS as SETTINGS, Layer, written};
use store::{KEEP, Opened, Store};
use tokio::sync::{Semaphore, broadcast, watch};
use wire::apply::FailedAt;
use wire::configured::Configured;
use wire::types::{Pending, Report};

use crate::answer::Refusal;
use crate::audit::Log;
use crate::host::Host;
use crate::limits::Limits;
use crate::remote::{REMOTE_LIMITS, Remote};
use owed::Owed;

pub use change::{How, Wanted, invalid};
pub use confirm::Provisional;
pub use news::{News, summary};
pub use release::Release;
pub use snapshot::{Snapshot, inside};
pub use transactions::{Transactions, name_of, sets_nothing};
pub use turn::Turn;

/// News kept for a watcher that is slower than they come.
const NEWS: usize = 256;

/// `configure` writes what it found; a limit all the same.
const CONFIGURED_BYTES: usize = 16 << 20;

/// The API of one host.
pub struct Api {
    host: Host,
    limits: Limits,
    audit: Log,
    /// Or why there is none.
    store: Result<Store, String>,
    applier: Applier,
    init: Pid1,
    facts: Facts,
    image: Tree,
    release: Release,
    now: watch::Sender<Arc<Snapshot>>,
    news: broadcast::Sender<News>,
    transactions: Mutex<Transactions>,
    provisional: Mutex<Option<Provisional>>,
    owed: Mutex<Option<Owed>>,
    last: Mutex<Option<Report>>,
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Semaphore,
    followers: Arc<Semaphore>,
    init_callers: Arc<Semaphore>,
    restarts: Arc<Semaphore>,
    stop: watch::Sender<bool>,
    remote: Remote,
}

impl Api {
    /// The API of `host`: reads what is committed, changes nothing yet.
    pub fn open(host: Host, limits: Limits) -> Arc<Self> {
        let store = match Store::open(&host.store, KEEP, &Registry::released()) {
            Ok(Opened { store, problems }) => {
                problems.iter().for_each(say);
                Ok(store)
            }
            Err(err) => {
                let why = files::chain(&err);
                log::error!(why:% = why; "settings cannot be changed, their store cannot be used");
                Err(why)
            }
        };
        let image = image(&host);
        let current = store.as_ref().ok().and_then(Store::current);
        let snapshot = Arc::new(Snapshot::of(current, &image, None));
        let init = Pid1::at(&host.init);
        let applier = Applier::new(&host.root, Some(Box::new(init.clone())));
        let last = applier.last();
        let remote = Remote::new(host.identity.clone(), host.console.clone(), REMOTE_LIMITS);
        Arc::new(Api {
            remote,
            audit: Log::open(&host),
            facts: apply::facts(&host.root),
            release: Release::read(&host.release),
            waiting: Semaphore::new(limits.writers),
            followers: Arc::new(Semaphore::new(limits.followers)),
            init_callers: Arc::new(Semaphore::new(limits.init_callers)),
            restarts: Arc::new(Semaphore::new(limits.restarts)),
            now: watch::Sender::new(snapshot),
            news: broadcast::Sender::new(NEWS),
            transactions: Mutex::default(),
            provisional: Mutex::default(),
            owed: Mutex::default(),
            last: Mutex::new(last),
            turn: Arc::default(),
            stop: watch::Sender::new(false),
            host,
            limits,
            store,
            applier,
            init,
            image,
        })
    }

    /// Where things are.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Bounds on requests.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The record of calls.
    pub fn audit(&self) -> &Log {
        &self.audit
    }

    /// The listener for holders of certificates.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The generation that was applied last, by whatever process.
    pub fn applied(&self) -> Option<u64> {
        self.applier.applied().filter(|number| Some(*number) != self.not_in_effect())
    }

    /// Whether the files of a generation are there, by whatever process. A unit that is not well since then does not make the
    /// settings of another wrong, and the remote API may be the only way to mend it.
    pub fn is_followed(&self, generation: u64) -> bool {
        let there = |report: Report| {
            let units_only = report.failure.as_ref().is_none_or(|failure| failure.at == FailedAt::Units);
            report.generation == generation && units_only
        };
        let standing = self.not_in_effect() != Some(generation);
        standing && (self.applied() == Some(generation) || self.applier.last().is_some_and(there))
    }

    /// What awaits confirmation, or is being undone.
    pub fn pending(&self) -> Option<Pending> {
        let owed = lock(&self.owed).as_ref().map(Owed::pending);
        owed.or_else(|| lock(&self.provisional).as_ref().map(Provisional::pending))
    }

    /// What `configure` found and did.
    pub fn configured(&self) -> Option<Configured> {
        let bytes = files::read(&self.host.configured, CONFIGURED_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// PID 1.
    pub fn init(&self) -> &Pid1 {
        &self.init
    }

    /// What renderers know of this host.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The release that runs.
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// What is in effect at this moment.
    pub fn now(&self) -> Arc<Snapshot> {
        self.now.borrow().clone()
    }

    /// What is in effect, and every change of it.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.now.subscribe()
    }

    /// The generation in effect; 0 before there is one.
    pub fn number(&self) -> u64 {
        self.now.borrow().number()
    }

    /// Everything that happens from now on.
    pub fn news(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Ends everything that has no end of its own.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Whether the service is ending.
    pub fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Places for local callers that watch or follow.
    pub fn followers(&self) -> Arc<Semaphore> {
        self.followers.clone()
    }

    /// Places for calls that ask PID 1.
    pub fn init_callers(&self) -> Arc<Semaphore> {
        self.init_callers.clone()
    }

    /// Places for restarts that are waited for.
    pub fn restarts(&self) -> Arc<Semaphore> {
        self.restarts.clone()
    }

    /// What came of applying, last.
    pub fn last_report(&self) -> Option<Report> {
        lock(&self.last).clone()
    }

    /// The generations.
    pub fn store(&self) -> Result<&Store, Refusal> {
        self.store.as_ref().map_err(|why| {
            let error = format!("the settings store cannot be used: {why}");
            Refusal::new(hyper::StatusCode::SERVICE_UNAVAILABLE, error)
                .remedy("settings are kept on the STATE partition: see GET /v1/logs?unit=state")
        })
    }

    /// Transactions, for as long as the guard lives: short.
    pub fn transactions(&self) -> MutexGuard<'_, Transactions> {
        lock(&self.transactions)
    }

    /// What a generation means on this image.
    pub fn snapshot_of(&self, generation: Arc<Generation>) -> Snapshot {
        Snapshot::of(Some(generation), &self.image, None)
    }

    /// Makes a snapshot the one in effect, unless a later one is, and tells.
    fn publish(&self, snapshot: Snapshot) {
        let told = snapshot.generation.clone();
        let newer = self.now.send_if_modified(|now| {
            let newer = snapshot.state() > now.state();
            if newer {
                *now = Arc::new(snapshot);
            }
            newer
        });
        if let Some(generation) = told.filter(|_| newer) {
            // Nobody watches: nobody is told.
            let _ = self
                .news
                .send(News::Generation(Box::new(summary(&generation.as_ref().into(), generation.number))));
        }
    }
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("host", &self.host).finish_non_exhaustive()
    }
}

/// The image's own settings. Their problems are its builder's, who has seen them.
fn image(host: &Host) -> Tree {
    match files::read(&host.defaults, SETTINGS.text_bytes) {
        Ok(bytes) => written::as_written(&bytes, Layer::Image, &SETTINGS).0,
        Err(err) if err.is_absent() => Tree::default(),
        Err(err) => {
            log::error!(why:% = files::chain(&err); "the image's settings not read");
            Tree::default()
        }
    }
}

/// Names a problem of the store in the log.
fn say(problem: &store::Problem) {
    log::warn!(why:% = files::chain(problem); "settings store");
}

/// A lock that a panic left behind guards plain values, each whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
