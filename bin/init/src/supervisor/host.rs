//! The loop of PID 1: waits for whatever happens, tells the machine, does what the machine answers.
//!
//! Order matters in one place: what a service said is read before its exit is believed, so that a last `MILESTONE=` or
//! `READY=1` still finds its sender.

mod callers;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;

use rustix::process::Pid;
use supervise::machine::{Asker, Exit, How, Request, Run, State};
use supervise::unit::KillScope;
use supervise::{Action, Event, Instant, Machine, UnitId, UnitSet};
use sys::cgroup::Cgroup;
use sys::channel::Mailbox;
use sys::events::{Interest, Poller};
use sys::power::Button;
use sys::signals::{self, Ended, Reaped, Signals, real_time};

use super::control::{self, Desk};
use super::journal::Journal;
use super::notify::{self, DATAGRAM_MAX};
use super::process::{self, Process};
use super::streams::Streams;
use super::timeline::Timeline;
use super::watchdog::Guard;

use crate::clock::{boottime_ms, monotonic_usec};

/// Where services speak to PID 1.
pub const NOTIFY_SOCKET: &str = "/run/init/notify";
/// Only root's services speak; a service of another user gets its own way when there is one.
const NOTIFY_MODE: u32 = 0o600;
/// The units' cgroups are below this one.
const CGROUPS: &str = "/sys/fs/cgroup";
const CGROUP_NAME: &str = "gantry";
const CONTROLLERS: [&str; 4] = ["cpu", "memory", "pids", "io"];
/// Datagrams read before looking elsewhere: a service that talks without end must not stop PID 1 from listening.
const DATAGRAMS_AT_ONCE: usize = 64;

const SIGNALS: u64 = 0;
const MAILBOX: u64 = 1;
const LOGD: u64 = 2;
const DESK: u64 = control::LISTENER;
/// And up: one per button.
const BUTTONS: u64 = 16;

/// Whoever asks at a key or through a signal; the desk's callers have other numbers.
const OPERATOR: Asker = Asker(0);

/// Why the loop cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot wait for events")]
    Poller(#[source] io::Error),
    #[error("cannot receive signals")]
    Signals(#[source] io::Error),
    #[error("cannot listen at {NOTIFY_SOCKET}")]
    Mailbox(#[source] io::Error),
}

/// Everything PID 1 holds.
pub struct Host {
    machine: Machine,
    journal: Journal,
    timeline: Timeline,
    poller: Poller,
    signals: Signals,
    mailbox: Mailbox,
    desk: Option<Desk>,
    buttons: Vec<Button>,
    cgroup: Option<Cgroup>,
    processes: BTreeMap<UnitId, Process>,
    streams: Streams,
    waits_for_logd: bool,
    wake: Option<Instant>,
    happened: VecDeque<Event>,
}

impl Host {
    /// Takes over the signals, the notify socket and the units' cgroup.
    pub fn open(set: UnitSet, journal: Journal, timeline: Timeline) -> Result<Self, HostError> {
        let numbers = [signals::CHLD, signals::INT, signals::TERM, real_time(4), real_time(5)];
        let signals = Signals::take(&numbers).map_err(HostError::Signals)?;
        let poller = Poller::new().map_err(HostError::Poller)?;
        let mailbox = open_mailbox().map_err(HostError::Mailbox)?;
        poller.add(&signals, SIGNALS, Interest::Read).map_err(HostError::Poller)?;
        poller.add(&mailbox, MAILBOX, Interest::Read).map_err(HostError::Poller)?;
        if let Err(err) = sys::power::own_ctrl_alt_del() {
            journal.warn(&format_args!("ctrl-alt-del stays the kernel's why=\"{err}\""));
        }
        let cgroup = open_cgroup(&journal);
        let desk = callers::open_desk(&poller, &journal);
        Ok(Self {
            machine: Machine::new(set),
            journal,
            timeline,
            poller,
            signals,
            mailbox,
            desk,
            buttons: Vec::new(),
            cgroup,
            processes: BTreeMap::new(),
            streams: Streams::default(),
            waits_for_logd: false,
            wake: None,
            happened: VecDeque::from([Event::Boot]),
        })
    }

    /// The units.
    pub fn set(&self) -> &UnitSet {
        self.machine.set()
    }

    /// Runs the units until somebody ends the host and everything is down.
    ///
    /// The watchdog is fed at one place in the loop and nowhere else: whatever keeps the loop from coming round starves it.
    pub fn run(mut self, watchdog: &mut Guard) -> How {
        loop {
            while let Some(event) = self.happened.pop_front() {
                self.wake = None;
                for action in self.machine.step(event, now()) {
                    self.look_around(&action, watchdog);
                    if let Some(how) = self.perform(action) {
                        return how;
                    }
                }
            }
            self.hand_over_streams();
            self.look_after_callers();
            watchdog.feed_if_due();
            let wake =
                self.wake.into_iter().chain(self.desk.as_ref().and_then(|desk| desk.wake(now()))).min();
            self.wait(supervise::watchdog::wake(wake, watchdog.feeding()));
        }
    }

    /// Each unit that is up is a reason to look for devices again: drivers come while other units start.
    fn look_around(&mut self, action: &Action, watchdog: &mut Guard) {
        let Action::Report { unit, state: State::Ready { .. } | State::Done } = *action else { return };
        self.look_for_buttons();
        self.timeline.tell_past();
        watchdog.look();
        if unit == self.machine.set().goal() {
            watchdog.note_absence();
        }
    }

    fn perform(&mut self, action: Action) -> Option<How> {
        match action {
            Action::Spawn { unit, run } => self.spawn(unit, run),
            Action::Signal { unit, run, signal } => self.signal(unit, run, signal.number()),
            Action::Kill { unit, run } => self.kill(unit, run),
            Action::Sweep { unit } => self.sweep(unit),
            Action::WakeAt(at) => self.wake = Some(at),
            Action::Stamp(name) => self.timeline.stamp(&name),
            Action::Report { unit, state } => self.report(unit, state),
            Action::GiveUp { unit } => self.journal.error(&format_args!(
                "unit {} is down for good, and the host is no good without it: rebooting",
                self.name(unit)
            )),
            Action::Reply { to, answer } => self.answer(to, answer),
            Action::Finish(how) => return Some(how),
        }
        None
    }

    fn spawn(&mut self, id: UnitId, run: Run) {
        let Some(unit) = self.machine.set().get(id) else { return };
        if !process::condition_holds(unit) {
            self.happened.push_back(Event::Skipped { unit: id, run });
            return;
        }
        match process::start(unit, run, self.cgroup.as_ref()) {
            Ok(started) => {
                if let Some(output) = started.output {
                    self.streams.add(&unit.name, unit.console, output);
                }
                if let Some(logd) = started.logd {
                    self.stop_waiting_for_logd();
                    self.streams.attach(logd);
                }
                self.processes.insert(id, started.process);
                self.happened.push_back(Event::Spawned { unit: id, run });
            }
            Err(err) => {
                self.journal.error(&format_args!(
                    "unit {} cannot start why={:?}",
                    unit.name,
                    files::chain(&err)
                ));
                self.happened.push_back(Event::SpawnFailed { unit: id, run });
            }
        }
    }

    fn signal(&mut self, id: UnitId, run: Run, number: i32) {
        let Some(process) = self.processes.get_mut(&id).filter(|process| process.run == run) else { return };
        process.signalled_usec = monotonic_usec();
        // It is not reaped yet, so this can only reach it, or nobody.
        let _ = signals::send(process.pid, number);
    }

    fn kill(&mut self, id: UnitId, run: Run) {
        let scope = self.machine.set().get(id).map(|unit| unit.kill);
        if scope == Some(KillScope::Cgroup) {
            self.sweep(id);
        }
        self.signal(id, run, signals::KILL);
    }

    fn sweep(&self, id: UnitId) {
        let Some((unit, parent)) = self.machine.set().get(id).zip(self.cgroup.as_ref()) else { return };
        if let Err(err) = parent.child(&unit.name).and_then(|cgroup| cgroup.kill()) {
            self.journal.warn(&format_args!("unit {} cannot be swept why=\"{err}\"", unit.name));
        }
    }

    /// Looks for all of them: a keyboard, which has a power key too, may be there before the machine's own button.
    fn look_for_buttons(&mut self) {
        let found = Button::all();
        if found.len() <= self.buttons.len() {
            return;
        }
        for known in &self.buttons {
            let _ = self.poller.remove(known);
        }
        self.buttons = found;
        for (button, token) in self.buttons.iter().zip(BUTTONS..) {
            if let Err(err) = self.poller.add(button, token, Interest::Read) {
                self.journal.warn(&format_args!("power button is not heard why=\"{err}\""));
            }
        }
    }

    fn hand_over_streams(&mut self) {
        if self.streams.hand_over() && !self.waits_for_logd {
            let waits = self.streams.socket().map(|socket| self.poller.add(socket, LOGD, Interest::Write));
            self.waits_for_logd = waits.is_some_and(|added| added.is_ok());
        }
    }

    fn stop_waiting_for_logd(&mut self) {
        if std::mem::take(&mut self.waits_for_logd)
            && let Some(socket) = self.streams.socket()
        {
            let _ = self.poller.remove(socket);
        }
    }

    /// Sleeps until something happens or until then, and queues what happened.
    fn wait(&mut self, until: Option<Instant>) {
        let longest_ms = until.map(|at| at.since_ms(now()));
        let tokens = self.poller.wait(longest_ms).unwrap_or_else(|err| {
            self.journal.error(&format_args!("cannot wait for events why=\"{err}\""));
            Vec::new()
        });
        let mut children = false;
        for token in tokens {
            match token {
                SIGNALS => children |= self.take_signals(),
                LOGD => self.stop_waiting_for_logd(),
                MAILBOX => {}
                DESK => self.desk.iter_mut().for_each(|desk| desk.accept(&self.poller, now())),
                caller if control::is_caller(caller) => {
                    self.desk.iter_mut().for_each(|desk| desk.woken(caller, &self.poller, now()));
                }
                button => self.take_button(button),
            }
        }
        self.take_mail();
        if children {
            self.reap();
        }
        self.take_requests();
        if self.happened.is_empty() {
            self.happened.push_back(Event::Tick);
        }
    }

    /// True when children have ended.
    fn take_signals(&mut self) -> bool {
        let mut children = false;
        while let Some(number) = self.signals.next() {
            match number {
                signals::CHLD => children = true,
                signals::INT => self.ask(How::Reboot, "ctrl-alt-del"),
                number if number == real_time(4) => self.ask(How::PowerOff, "signal"),
                number if number == real_time(5) => self.ask(How::Reboot, "signal"),
                number => self.journal.note(&format_args!("signal ignored number={number}")),
            }
        }
        children
    }

    fn take_button(&mut self, token: u64) {
        let place = usize::try_from(token.saturating_sub(BUTTONS)).unwrap_or(usize::MAX);
        let Some(button) = self.buttons.get_mut(place) else { return };
        match button.was_pressed() {
            Ok(true) => self.ask(How::PowerOff, "power-button"),
            Ok(false) => {}
            Err(err) => {
                self.journal.warn(&format_args!("power button is gone why=\"{err}\""));
                let _ = self.poller.remove(&self.buttons[place]);
            }
        }
    }

    fn ask(&mut self, how: How, why: &str) {
        self.journal.note(&format_args!("shutdown asked how={} by={why}", name_of(how)));
        self.happened.push_back(Event::Asked { by: OPERATOR, request: Request::Shutdown(how) });
    }

    fn take_mail(&mut self) {
        let mut buffer = [0; DATAGRAM_MAX];
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Ok(Some((sender, length))) = self.mailbox.next(&mut buffer) else { return };
            let Some((unit, run)) = self.unit_of(sender) else { continue };
            let said = notify::parse(&buffer[..length]);
            for milestone in said.milestones {
                self.timeline.stamp(milestone);
            }
            if let Some(status) = said.status {
                self.journal.debug(&format_args!("unit {} says {status:?}", self.name(unit)));
            }
            // In this order: both in one datagram say that it began and is done.
            if said.reloading.is_some_and(|since| self.answers_reload(unit, since)) {
                self.happened.push_back(Event::Reloading { unit, run });
            }
            // What it could not take is a matter of a reload alone: of one that starts, its exit says so.
            if said.ready && said.failed {
                self.happened.push_back(Event::NotTaken { unit, run });
            }
            if said.ready {
                self.happened.push_back(Event::Ready { unit, run });
            }
        }
    }

    /// Whether a unit that says since when it takes its files again answers our signal, and not an earlier one of somebody
    /// else's. One that does not say since when is believed.
    fn answers_reload(&self, unit: UnitId, since: notify::Since) -> bool {
        let signalled = self.processes.get(&unit).map_or(0, |process| process.signalled_usec);
        since.monotonic_usec.is_none_or(|began| began >= signalled)
    }

    /// Whose process this is: a unit's main one, or any in its cgroup.
    fn unit_of(&self, pid: Pid) -> Option<(UnitId, Run)> {
        let main = self.processes.iter().find(|(_, process)| process.pid == pid);
        let found = main.map(|(id, _)| *id).or_else(|| {
            let path = sys::cgroup::of(pid).ok()?;
            let (_, below) = path.split_once(&format!("/{CGROUP_NAME}/"))?;
            self.machine.set().find(below.split('/').next()?)
        })?;
        self.processes.get(&found).map(|process| (found, process.run))
    }

    /// Takes every ended child: units' processes, and orphans that came to PID 1.
    fn reap(&mut self) {
        while let Reaped::Child(pid, ended) = signals::reap() {
            let Some(id) = self.processes.iter().find(|(_, process)| process.pid == pid).map(|(id, _)| *id)
            else {
                continue;
            };
            let Some(process) = self.processes.remove(&id) else { continue };
            let status = match ended {
                Ended::Code(code) => Exit::Code(code),
                Ended::Signal(number) => Exit::Signal(number),
            };
            let line = format!("unit {} exited status={status}", self.name(id));
            if status == Exit::SUCCESS {
                self.journal.debug(&line)
            } else {
                self.journal.note(&line)
            }
            if self.machine.set().get(id).is_some_and(|unit| unit.takes_logs) {
                self.stop_waiting_for_logd();
                self.streams.detach();
            }
            self.happened.push_back(Event::Exited { unit: id, run: process.run, status });
        }
        self.streams.prune();
    }
}

fn name_of(how: How) -> &'static str {
    match how {
        How::PowerOff => "power-off",
        How::Reboot => "reboot",
    }
}

fn now() -> Instant {
    Instant::from_ms(boottime_ms())
}

fn open_mailbox() -> io::Result<Mailbox> {
    let path = Path::new(NOTIFY_SOCKET);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Mailbox::bind(path, NOTIFY_MODE)
}

/// The cgroup that holds every unit's. Without it units run, unconfined and killed one process at a time.
fn open_cgroup(journal: &Journal) -> Option<Cgroup> {
    let made = Cgroup::at(Path::new(CGROUPS)).and_then(|root| Ok((root.child(CGROUP_NAME)?, root)));
    match made {
        Ok((cgroup, root)) => {
            for parent in [&root, &cgroup] {
                if let Err(err) = parent.enable(&CONTROLLERS) {
                    journal.warn(&format_args!("a cgroup controller is missing why=\"{err}\""));
                }
            }
            Some(cgroup)
        }
        Err(err) => {
            journal.error(&format_args!("no cgroups why=\"{err}\""));
            None
        }
    }
}
