//! Keeps every container in the state that the settings want: performs what each container's machine asks
//! for, and feeds back what comes of it.
//!
//! One task owns all machines. Long steps run as jobs of their own and report by message; when the connection
//! to containerd is lost all jobs end, for the machines have given them up.

mod news;

use std::collections::{BTreeMap, btree_map::Entry};
use std::sync::Arc;
use std::time::Duration;

use files::Stamp;
use log::{error, info, warn};
use settings::containers::{Container, Registry, Workloads};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::connection::Report;
use crate::containerd::Containerd;
use crate::lifecycle::{Action, Event, Found, Machine, Op};
use crate::works::{Seen, Works};

const SIGKILL: u32 = 9;

/// What a container's exit status is when nobody could say: as if killed, which is what happens when a shim
/// dies.
const UNKNOWN_EXIT: u32 = 137;

/// With every container told to end, when to stop waiting: grace, one kill, and time to clean up. The unit's
/// own deadline must be later.
pub const STOP_MS: u64 = 35_000;

/// All containers.
pub struct Keeper {
    works: Arc<Works>,
    containerd: Option<Containerd>,
    registry: Arc<Registry>,
    slots: BTreeMap<String, Slot>,
    results: UnboundedReceiver<(String, Event)>,
    results_to: UnboundedSender<(String, Event)>,
}

/// One container.
struct Slot {
    machine: Machine,
    /// As it should run; `None`: it should not.
    container: Option<Arc<Container>>,
    /// How it should run once the present one is gone.
    next: Option<Arc<Container>>,
    wake_at: Option<u64>,
    jobs: BTreeMap<Op, JoinHandle<()>>,
    milestone_told: bool,
}

impl Keeper {
    /// No containers yet.
    pub fn new(works: Arc<Works>) -> Self {
        let (results_to, results) = unbounded_channel();
        Keeper {
            works,
            containerd: None,
            registry: Arc::default(),
            slots: BTreeMap::new(),
            results,
            results_to,
        }
    }

    /// Takes new settings: what is new starts, what is gone stops, what changed stops and starts again.
    pub fn want(&mut self, workloads: Workloads) {
        let Workloads { containers, registry } = workloads;
        self.registry = Arc::new(registry);
        let wanted: BTreeMap<String, Arc<Container>> = containers
            .into_iter()
            .filter(|(_, container)| container.enabled)
            .map(|(name, container)| (name.as_str().to_owned(), Arc::new(container)))
            .collect();
        self.works.plan_network(&wanted);
        let unwanted: Vec<String> =
            self.slots.keys().filter(|name| !wanted.contains_key(*name)).cloned().collect();
        for name in unwanted {
            self.slots.entry(name.clone()).and_modify(|slot| slot.next = None);
            self.step(&name, Event::Stop);
        }
        for (name, container) in wanted {
            match self.slots.entry(name.clone()) {
                Entry::Vacant(slot) => {
                    slot.insert(Slot::wanted(container));
                    if self.containerd.is_some() {
                        self.step(&name, Event::Found(Found::Nothing));
                    }
                }
                Entry::Occupied(mut slot) => {
                    if slot.get().container.as_ref() != Some(&container) || slot.get().next.is_some() {
                        slot.get_mut().next = Some(container);
                        self.step(&name, Event::Stop);
                    }
                }
            }
        }
    }

    /// Takes a report on the connection.
    pub fn report(&mut self, report: Report) {
        match report {
            Report::Up(containerd, seen) => self.connected(containerd, &seen),
            Report::Down => {
                self.containerd = None;
                for name in self.names() {
                    if let Some(slot) = self.slots.get_mut(&name) {
                        std::mem::take(&mut slot.jobs).into_values().for_each(|job| job.abort());
                    }
                    self.step(&name, Event::Lost);
                }
            }
            Report::OutOfMemory(name) => warn!(name:% = name; "container out of memory"),
        }
    }

    /// Begins to stop everything.
    pub fn stop(&mut self) {
        for name in self.names() {
            self.slots.entry(name.clone()).and_modify(|slot| slot.next = None);
            self.step(&name, Event::Stop);
        }
    }

    /// Nothing runs and nothing will.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Names of the containers that are not gone.
    pub fn names(&self) -> Vec<String> {
        self.slots.keys().cloned().collect()
    }

    /// Waits for the next thing to happen to any container, and deals with it.
    pub async fn advance(&mut self) {
        let wake_at = self.slots.values().filter_map(|slot| slot.wake_at).min();
        let due = async {
            match wake_at {
                Some(at) => sleep(Duration::from_millis(at.saturating_sub(now()))).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some((name, event)) = self.results.recv() => self.step(&name, event),
            () = due => self.tick(),
        }
    }

    fn tick(&mut self) {
        let now = now();
        let due = self.slots.iter().filter(|(_, slot)| slot.wake_at.is_some_and(|at| at <= now));
        let due: Vec<String> = due.map(|(name, _)| name.clone()).collect();
        for name in due {
            self.slots.entry(name.clone()).and_modify(|slot| slot.wake_at = None);
            self.step(&name, Event::Tick);
        }
    }

    fn connected(&mut self, containerd: Containerd, seen: &Seen) {
        self.containerd = Some(containerd);
        for name in seen.names() {
            self.slots.entry(name).or_insert_with(Slot::unwanted);
        }
        for name in self.names() {
            let container = self.slots.get(&name).and_then(|slot| slot.container.clone());
            let found = self.works.found(seen, &name, container.as_deref());
            self.step(&name, Event::Found(found));
        }
    }

    /// Advances one machine and performs what it asks for.
    fn step(&mut self, name: &str, event: Event) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        if let Event::Pulled(op, _) | Event::Exited(op, _) | Event::Cleaned(op, _) = event {
            slot.jobs.remove(&op);
        }
        let actions = slot.machine.step(event, now());
        for action in actions {
            self.perform(name, action);
        }
        let Some(slot) = self.slots.get_mut(name) else { return };
        if slot.machine.is_gone() {
            match slot.next.take() {
                Some(container) => {
                    *slot = Slot::wanted(container);
                    if self.containerd.is_some() {
                        self.step(name, Event::Found(Found::Nothing));
                    }
                }
                None => {
                    self.slots.remove(name);
                }
            }
        }
    }

    fn perform(&mut self, name: &str, action: Action) {
        let Some(slot) = self.slots.get_mut(name) else { return };
        match action {
            Action::WakeAt(at) => slot.wake_at = Some(slot.wake_at.map_or(at, |other| other.min(at))),
            Action::Tell(news) => slot.milestone_told |= news::tell(name, &news, slot.milestone_told),
            Action::Abort(op) => slot.jobs.remove(&op).into_iter().for_each(|job| job.abort()),
            Action::Pull(op) | Action::Start(op) | Action::Adopt(op) | Action::Clean(op, _) => {
                let Some(job) = self.job(name, action) else { return };
                self.slots.entry(name.to_owned()).and_modify(|slot| {
                    slot.jobs.insert(op, job);
                });
            }
            // Neither has a result: an exit is its result, and a deadline is set.
            Action::Terminate | Action::Kill => drop(self.job(name, action)),
        }
    }

    /// Begins a long step. Without a connection there is none: the machine hears that the connection is lost.
    fn job(&self, name: &str, action: Action) -> Option<JoinHandle<()>> {
        let job = Job {
            works: self.works.clone(),
            containerd: self.containerd.clone()?,
            registry: self.registry.clone(),
            container: self.slots.get(name)?.container.clone(),
            name: name.to_owned(),
            to: self.results_to.clone(),
        };
        Some(tokio::spawn(job.run(action)))
    }
}

impl Slot {
    fn wanted(container: Arc<Container>) -> Self {
        let machine = Machine::wanted(container.restart, now() as u32 ^ std::process::id());
        Slot { container: Some(container), ..Slot::of(machine) }
    }

    fn unwanted() -> Self {
        Slot::of(Machine::unwanted())
    }

    fn of(machine: Machine) -> Self {
        Slot {
            machine,
            container: None,
            next: None,
            wake_at: None,
            jobs: BTreeMap::new(),
            milestone_told: false,
        }
    }
}

/// One long step of one container.
struct Job {
    works: Arc<Works>,
    containerd: Containerd,
    registry: Arc<Registry>,
    container: Option<Arc<Container>>,
    name: String,
    to: UnboundedSender<(String, Event)>,
}

impl Job {
    async fn run(self, action: Action) {
        let name = self.name.as_str();
        match (action, &self.container) {
            (Action::Pull(op), Some(container)) => {
                let pulled = self.works.pull(&self.containerd, &self.registry, name, container).await;
                self.done(Event::Pulled(op, self.ok("image not pulled", pulled)));
            }
            (Action::Start(op), Some(container)) => {
                let started = self.works.start(&self.containerd, name, container).await;
                let ok = self.ok("container not started", started);
                self.done(Event::Started(op, ok));
                if ok {
                    self.wait(op).await;
                }
            }
            (Action::Adopt(op), _) => {
                let adopted = self.works.adopt(name);
                self.ok("output of a running container not read", adopted);
                self.wait(op).await;
            }
            (Action::Clean(op, keep), _) => {
                let cleaned = self.works.clean(&self.containerd, name, keep).await;
                self.done(Event::Cleaned(op, self.ok("container not removed", cleaned)));
            }
            (Action::Terminate, _) => {
                let asked = self.containerd.signal_task(name, self.works.stop_signal(name), false).await;
                self.ok("container not asked to end", asked.map_err(Into::into));
            }
            (Action::Kill, _) => {
                let killed = self.containerd.signal_task(name, SIGKILL, true).await;
                self.ok("container not killed", killed.map_err(Into::into));
            }
            (
                Action::Pull(_) | Action::Start(_) | Action::Abort(_) | Action::WakeAt(_) | Action::Tell(_),
                _,
            ) => {}
        }
    }

    async fn wait(&self, op: Op) {
        match self.containerd.wait_task(&self.name).await {
            Ok(code) => self.done(Event::Exited(op, code)),
            Err(err) if err.is_gone() => {
                info!(name:% = self.name; "not told of its exit, containerd is gone")
            }
            Err(err) => {
                warn!(name:% = self.name, why:% = files::chain(&err); "exit status not known");
                self.done(Event::Exited(op, UNKNOWN_EXIT));
            }
        }
    }

    fn done(&self, event: Event) {
        // Nobody listens only when the service ends.
        let _ = self.to.send((self.name.clone(), event));
    }

    fn ok(&self, what: &str, result: Result<(), crate::works::Error>) -> bool {
        if let Err(err) = &result {
            error!(name:% = self.name, why:% = files::chain(err); "{what}");
        }
        result.is_ok()
    }
}

/// The time that machines live in.
fn now() -> u64 {
    Stamp::now().boot_us as u64 / 1000
}
