//! The control socket's part of the loop: lines become answers or the machine's requests, and those who wait are told.

use std::path::Path;

use supervise::control::{self, SOCKET};
use supervise::machine::{Asker, Request};
use supervise::{Event, UnitId};
use sys::events::Poller;

use super::{Host, OPERATOR, now};
use crate::supervisor::control::{Desk, Reply, answer, reply};
use crate::supervisor::journal::Journal;

/// The user whose programs may ask.
const ROOT: u32 = 0;

/// The desk of the control socket. A host without one runs; nobody but the keys and signals can ask it anything.
pub(super) fn open_desk(poller: &Poller, journal: &Journal) -> Option<Desk> {
    let opened = Desk::open(Path::new(SOCKET), ROOT, poller);
    if let Err(err) = &opened {
        journal.error(&format_args!("control socket cannot be opened path={SOCKET} why=\"{err}\""));
    }
    opened.ok()
}

impl Host {
    /// Takes what callers have sent: at most one request of each.
    pub(super) fn take_requests(&mut self) {
        let Some(mut desk) = self.desk.take() else { return };
        for (by, line) in desk.take_lines(&self.poller, now()) {
            let pid = |id: UnitId| {
                let process = self.processes.get(&id)?;
                u32::try_from(process.pid.as_raw_pid()).ok()
            };
            match reply(&line, &self.machine, pid, self.timeline.reached(), now()) {
                Reply::Now(answer) => desk.answer(by, &answer, &self.poller, now()),
                Reply::Wait { unit, until } => desk.wait(by, unit, until, &self.poller),
                Reply::Machine(request) => {
                    let pid = desk.pid_of(by).unwrap_or(0);
                    self.journal.note(&format_args!("asked {} by_pid={pid}", self.describe(request)));
                    self.happened.push_back(Event::Asked { by, request });
                }
            }
        }
        self.desk = Some(desk);
    }

    /// Passes on what the machine says to a request.
    pub(super) fn answer(&mut self, to: Asker, said: supervise::machine::Answer) {
        let out = answer(said);
        if to == OPERATOR || matches!(out, control::Answer::Refused { .. }) {
            self.journal.note(&format_args!("request answer={said:?}"));
        }
        if let Some(desk) = &mut self.desk {
            desk.answer(to, &out, &self.poller, now());
        }
    }

    /// Tells those who wait, and lets go of those who make us wait.
    pub(super) fn look_after_callers(&mut self) {
        if let Some(desk) = &mut self.desk {
            desk.settle(&self.machine, &self.poller, now());
            desk.expire(&self.poller, now());
        }
    }

    fn describe(&self, request: Request) -> String {
        match request {
            Request::Start(id) => format!("start unit={}", self.name(id)),
            Request::Stop(id) => format!("stop unit={}", self.name(id)),
            Request::Restart(id) => format!("restart unit={}", self.name(id)),
            Request::Reload(id) => format!("reload unit={}", self.name(id)),
            Request::Renew(id) => format!("renew unit={}", self.name(id)),
            Request::Shutdown(how) => format!("shutdown how={}", super::name_of(how)),
        }
    }
}
