//! The loop: the kernel's log, the clock and new settings in, decisions performed.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use rustix::mm::MlockAllFlags;
use rustix::time::{ClockId, clock_gettime};
use sets::{Firmware, Place, PlaceError, Repairs};
use slots::Set;
use sys::events::{Interest, Poller};
use sys::kmsg::{Message, RECORD_MAX, Reader, Record, Writer};
use sys::notify;
use sys::signals::{self, Signals};

use crate::confirm::say_mixed;
use crate::decide::{Action, Event, Machine};
use crate::end;
use crate::reports::{Report, Subject};
use crate::root::{Root, RootError};
use crate::settings;
use crate::standing;

/// The host's own start is over by then, and reading ourselves in competes with nothing.
const LOCK_AT_MS: u64 = 60_000;
/// When to decide again where that failed: somebody may hold the table's lock while a whole set is read back.
const AGAIN_MS: u64 = 60_000;
/// How often everything is read back once the kernel reports no more.
const TICK_MS: u64 = 600_000;
/// An orderly shutdown stops containers (a minute), then all else; each of its steps has a deadline of its own.
const OVERDUE_MS: u64 = 300_000;
const KERNEL: u64 = 0;
const SIGNALS: u64 = 1;

/// It cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No root of ours.
    #[error("cannot tell what to watch")]
    Place(#[source] PlaceError),
    /// The root cannot be read.
    #[error("cannot watch the root")]
    Root(#[source] RootError),
    /// No log.
    #[error("cannot use the kernel's log")]
    Log(#[source] io::Error),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The loop cannot go on.
    #[error("cannot wait for the kernel's log")]
    Wait(#[source] io::Error),
}

/// Watches for as long as the machine runs. `default_s` is the deadline unless settings say another; SIGHUP makes it look
/// at them again.
pub fn run(default_s: u64) -> Result<(), WatchError> {
    let signals = Signals::take(&[signals::HUP]).map_err(WatchError::Signals)?;
    let place = Place::of_root().map_err(WatchError::Place)?;
    let (root, subject) = match place.root() {
        Some(running) => Root::open(running).map_err(WatchError::Root)?,
        None => return Ok(()),
    };
    // Asked now: the table may be unreadable when it matters.
    let set = place.load().ok().and_then(|loaded| place.running(&loaded.table).ok().flatten());
    let reader = Reader::open().map_err(WatchError::Log)?;
    let console = Writer::open().map_err(WatchError::Log)?;
    if let Some(folder) = Path::new(sets::repairs::PATH).parent()
        && let Err(err) = std::fs::create_dir_all(folder)
    {
        eprintln!("warn health: no place for the count of repairs why=\"{err}\"");
    }
    keep(&Repairs::default());
    // Pages that were needed once stay; all others are taken in when the host has time.
    lock_memory(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    let (deadline_s, _) = settings::deadline_s(Path::new(settings::PATH), default_s);
    let alarms = vec![
        (LOCK_AT_MS, Alarm::Lock),
        (deadline_s.saturating_mul(1000), Alarm::Deadline),
        (uptime_ms().saturating_add(TICK_MS), Alarm::Tick),
    ];
    let kernel = KernelLog { reader, buffer: vec![0; RECORD_MAX], subject };
    let machine = Machine::default();
    Watch { kernel, signals, console, machine, place, root, set, default_s, deadline_s, alarms }.run()
}

struct Watch {
    kernel: KernelLog,
    signals: Signals,
    console: Writer,
    machine: Machine,
    place: Place,
    root: Root,
    set: Option<Set>,
    default_s: u64,
    deadline_s: u64,
    /// At which uptime, in milliseconds.
    alarms: Vec<(u64, Alarm)>,
}

/// What the clock will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    Lock,
    Deadline,
    Overdue,
    Tick,
}

impl Watch {
    fn run(&mut self) -> Result<(), WatchError> {
        let mut poller = Poller::new().map_err(WatchError::Wait)?;
        poller.add(&self.kernel.reader, KERNEL, Interest::Read).map_err(WatchError::Wait)?;
        poller.add(&self.signals, SIGNALS, Interest::Read).map_err(WatchError::Wait)?;
        // Not later: reading a damaged root back may take longer than a unit may take to start.
        tell(notify::READY);
        loop {
            let reports = self.kernel.reports().map_err(WatchError::Log)?;
            if !reports.is_empty() {
                self.perform(Event::Reported(reports))?;
            }
            let now = uptime_ms();
            for (_, alarm) in self.alarms.extract_if(.., |(at_ms, _)| *at_ms <= now).collect::<Vec<_>>() {
                self.rings(alarm, now)?;
            }
            let next = self.alarms.iter().map(|(at_ms, _)| at_ms.saturating_sub(now)).min();
            poller.wait(next).map_err(WatchError::Wait)?;
            while self.signals.next().is_some() {
                self.reload();
            }
        }
    }

    /// Takes the settings again. A deadline that is over stays over: what it led to cannot be taken back.
    fn reload(&mut self) {
        tell(&notify::reloading());
        let (deadline_s, taken) = settings::deadline_s(Path::new(settings::PATH), self.default_s);
        self.deadline_s = deadline_s;
        let at_ms = self.deadline_s.saturating_mul(1000);
        let pending = self.alarms.iter_mut().filter(|(_, alarm)| *alarm == Alarm::Deadline);
        pending.for_each(|(at, _)| *at = at_ms);
        eprintln!("info health: settings read again deadline_s={}", self.deadline_s);
        tell(if taken { notify::READY } else { notify::NOT_TAKEN });
    }

    fn rings(&mut self, alarm: Alarm, now: u64) -> Result<(), WatchError> {
        match alarm {
            Alarm::Lock => lock_memory(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE),
            Alarm::Deadline => {
                let event = match standing::standing(&self.place, &Firmware::default()) {
                    Ok(standing) => Event::Deadline(standing),
                    Err(err) => {
                        eprintln!("error health: cannot decide about the set why={:?}", files::chain(&err));
                        Event::Undecided
                    }
                };
                self.perform(event)?;
            }
            Alarm::Overdue => self.perform(Event::Overdue)?,
            Alarm::Tick => {
                self.alarms.push((now.saturating_add(TICK_MS), Alarm::Tick));
                self.perform(Event::Tick)?;
            }
        }
        Ok(())
    }

    /// Steps the machine, does what it says, and feeds back what came of it, until nothing is left to do.
    fn perform(&mut self, event: Event) -> Result<(), WatchError> {
        let mut todo = VecDeque::from(self.machine.step(event));
        while let Some(action) = todo.pop_front() {
            if let Some(event) = self.act(action)? {
                todo.extend(self.machine.step(event));
            }
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<Option<Event>, WatchError> {
        match action {
            Action::Count { repaired } => {
                if repaired > 0 {
                    eprintln!("warn health: root block repaired repaired={repaired}");
                }
                keep(&Repairs { repaired });
            }
            Action::ReadBack { block } => {
                let fine = self.root.reads(block);
                let meanwhile = self.kernel.reports().map_err(WatchError::Log)?;
                return Ok(Some(Event::ReadBack { block, fine, meanwhile }));
            }
            Action::ReadAllBack => {
                let bad = self.root.first_bad();
                let meanwhile = self.kernel.reports().map_err(WatchError::Log)?;
                return Ok(Some(Event::AllReadBack { bad, meanwhile }));
            }
            Action::Fine { block } => eprintln!("warn health: root block reads again block={block}"),
            Action::AskOther { block } => {
                let can_boot = end::other_can_boot(&self.place, self.set);
                return Ok(Some(Event::Other { block, can_boot }));
            }
            Action::Endure { block } => end::endure(self.set, block, &self.console),
            Action::Condemn { block } => end::condemn(&self.place, self.set, block, &self.console),
            Action::Settle { set } => {
                let deadline_s = self.deadline_s;
                eprintln!(
                    "warn health: set not healthy in time, but confirmed before set={set} deadline_s={deadline_s}"
                );
                match standing::settle(&self.place, set) {
                    Ok(failures) => eprintln!("info health: set settled set={set} failures={failures}"),
                    Err(err) => {
                        eprintln!("error health: set not settled set={set} why={:?}", files::chain(&err));
                        return Ok(Some(Event::Undecided));
                    }
                }
            }
            Action::Postpone => {
                self.alarms.push((uptime_ms().saturating_add(AGAIN_MS), Alarm::Deadline));
            }
            Action::Restart { set } => {
                let deadline_s = self.deadline_s;
                eprintln!(
                    "error health: set not healthy in time, restarting set={set} deadline_s={deadline_s}"
                );
                end::ask_init();
                self.alarms.push((uptime_ms().saturating_add(OVERDUE_MS), Alarm::Overdue));
            }
            Action::ForceRestart => end::at_once(),
            Action::Stay { set } => {
                let deadline_s = self.deadline_s;
                eprintln!(
                    "error health: set not healthy in time, and no other can boot set={set} deadline_s={deadline_s}"
                );
            }
            Action::Mixed { booted } => say_mixed(booted),
        }
        Ok(None)
    }
}

/// The kernel's log, and what of it is about us.
struct KernelLog {
    reader: Reader,
    buffer: Vec<u8>,
    subject: Subject,
}

impl KernelLog {
    /// Everything that came since the last time.
    fn reports(&mut self) -> io::Result<Vec<Report>> {
        let mut reports = Vec::new();
        loop {
            match self.reader.next(&mut self.buffer)? {
                Record::Bytes(length) => {
                    let message = Message::parse(&self.buffer[..length]).filter(|message| message.by_kernel);
                    let line = message.and_then(|message| str::from_utf8(message.text).ok());
                    reports.extend(line.and_then(|line| self.subject.report(line)));
                }
                Record::Lost => reports.push(Report::Missed),
                Record::None => return Ok(reports),
            }
        }
    }
}

/// Tells PID 1: that the root is watched, and no set is confirmed before; or that the settings are taken.
fn tell(state: &str) {
    if let Err(err) = notify::tell(state) {
        eprintln!("warn health: PID 1 not told state={state:?} why=\"{err}\"");
    }
}

fn keep(repairs: &Repairs) {
    if let Err(err) = repairs.write(Path::new(sets::repairs::PATH)) {
        eprintln!("warn health: count of repairs not kept why={:?}", files::chain(&err));
    }
}

fn lock_memory(flags: MlockAllFlags) {
    if let Err(err) = rustix::mm::mlockall(flags) {
        eprintln!("warn health: cannot stay in memory why=\"{err}\"");
    }
}

/// Since the kernel's start. A machine that sleeps has not had its time.
fn uptime_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let ms = now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000);
    u64::try_from(ms).unwrap_or(0)
}
