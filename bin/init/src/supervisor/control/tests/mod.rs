//! Callers over a real socket. Time is the test's: no deadline is slept through.

mod honest;
mod hostile;

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use supervise::control::{Answer, Milestone, Outcome, REQUEST_MAX_BYTES, Refusal, Request, UnitState};
use supervise::{Action, Event, Instant, Machine, compile};
use sys::events::Poller;
use tempfile::TempDir;

use super::desk::CALLERS_MAX;
use super::*;

/// Generous: what is waited for has been sent already.
const AT_MOST: Duration = Duration::from_secs(60);

/// The loop of PID 1 without processes: each unit runs as soon as it is spawned, and is up when the test says so.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    poller: Poller,
    desk: Desk,
    machine: Machine,
    now: Instant,
    served: usize,
}

impl Bench {
    fn new() -> Self {
        Self::for_user(rustix::process::geteuid().as_raw())
    }

    fn for_user(uid: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/init.sock");
        let poller = Poller::new().unwrap();
        let desk = Desk::open(&path, uid, &poller).unwrap();
        let set = compile(&[
            ("default", "kind = \"target\"\nwants = [\"db\", \"web\"]\n"),
            ("db", "kind = \"service\"\nexec = [\"/db\"]\nready = \"notify\"\nreload = \"SIGHUP\"\n"),
            ("web", "kind = \"service\"\nexec = [\"/web\"]\nrequires = [\"db\"]\n"),
        ])
        .unwrap();
        let now = Instant::from_ms(1_000);
        let mut bench =
            Self { _folder: folder, path, poller, desk, machine: Machine::new(set), now, served: 0 };
        bench.happen(Event::Boot);
        bench
    }

    fn happen(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.machine.step(event, self.now) {
                match action {
                    Action::Spawn { unit, run } => events.push(Event::Spawned { unit, run }),
                    Action::Reply { to, answer: said } => {
                        self.desk.answer(to, &answer(said), &self.poller, self.now);
                    }
                    _ => {}
                }
            }
        }
    }

    /// The unit says that it is up, after a reload that it has begun if that is what it was asked for.
    fn ready(&mut self, name: &str) {
        let unit = self.machine.set().find(name).unwrap();
        let run = self.machine.state(unit).unwrap().run().unwrap();
        self.happen(Event::Reloading { unit, run });
        self.happen(Event::Ready { unit, run });
    }

    fn uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// One turn of the loop, which never sleeps. Says whether anything woke it.
    fn turn(&mut self) -> bool {
        self.desk.settle(&self.machine, &self.poller, self.now);
        self.desk.expire(&self.poller, self.now);
        let tokens = self.poller.wait(Some(0)).unwrap();
        for token in &tokens {
            match *token {
                LISTENER => self.desk.accept(&self.poller, self.now),
                token if is_caller(token) => self.desk.woken(token, &self.poller, self.now),
                token => panic!("token {token}"),
            }
        }
        let milestones = [Milestone { name: "pid1".into(), at_ms: 7 }];
        for (by, line) in self.desk.take_lines(&self.poller, self.now) {
            self.served += 1;
            match reply(&line, &self.machine, |_| Some(42), &milestones, self.now) {
                Reply::Now(answer) => self.desk.answer(by, &answer, &self.poller, self.now),
                Reply::Wait { unit, until } => self.desk.wait(by, unit, until, &self.poller),
                Reply::Machine(request) => self.happen(Event::Asked { by, request }),
            }
        }
        !tokens.is_empty()
    }

    /// Turns until nothing happens any more.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if !self.turn() && self.desk.wake(self.now) != Some(self.now) {
                return;
            }
        }
        panic!("the loop spins");
    }

    fn later(&mut self, ms: u64) {
        self.now = self.now.after_ms(ms);
        self.settle();
    }

    fn connect(&mut self) -> Client {
        let stream = UnixStream::connect(&self.path).unwrap();
        stream.set_read_timeout(Some(AT_MOST)).unwrap();
        stream.set_write_timeout(Some(AT_MOST)).unwrap();
        self.settle();
        Client { stream, read: Vec::new() }
    }

    fn ask(&mut self, client: &mut Client, request: &Request) -> Answer {
        client.send(request.to_line().as_bytes());
        self.settle();
        client.answer()
    }
}

struct Client {
    stream: UnixStream,
    read: Vec<u8>,
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    fn answer(&mut self) -> Answer {
        self.next().expect("an answer, not the end")
    }

    /// The next answer; none at the end of the connection.
    fn next(&mut self) -> Option<Answer> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(Answer::from_line(&line).unwrap());
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Err(err) if err.kind() == ErrorKind::ConnectionReset => return None,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(err) => panic!("{err}"),
            }
        }
    }

    fn is_let_go(&mut self) -> bool {
        self.next().is_none()
    }

    /// Whether nothing has come.
    fn hears_nothing(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let nothing = matches!(self.stream.read(&mut [0]), Err(err) if err.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).unwrap();
        nothing
    }
}

fn wait_for(unit: &str, deadline_ms: u64) -> Request {
    Request::Wait { unit: unit.into(), deadline_ms }
}

fn refused(answer: &Answer) -> &Refusal {
    match answer {
        Answer::Refused { refusal } => refusal,
        other => panic!("{other:?}"),
    }
}
