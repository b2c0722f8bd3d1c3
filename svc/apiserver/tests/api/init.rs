//! PID 1 as the server sees it: its socket, its words, and units that do as a test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use supervise::control::{Answer, Milestone, Outcome, Refusal, Renewal, Request, UnitState, UnitStatus};
use supervise::unit::Kind;

const UNITS: [&str; 6] = ["containerd", "containers", "health", "logd", "netd", "apiserver"];

/// What a test sees and says.
#[derive(Default)]
pub struct Init {
    inner: Mutex<Inner>,
    go_on: Condvar,
}

#[derive(Default)]
struct Inner {
    renewed: Vec<String>,
    restarted: Vec<String>,
    /// Units that do not become ready, and how often that will be.
    failing: BTreeMap<String, u32>,
    /// Nobody is answered.
    held: bool,
    shut_down: bool,
    /// Connections now, and the most there were.
    callers: (usize, usize),
}

impl Init {
    pub fn start(socket: &Path) -> Arc<Self> {
        let listener = UnixListener::bind(socket).unwrap();
        let init = Arc::new(Init::default());
        let serving = init.clone();
        // Ends with the process: whoever connects later finds no socket in a folder that is gone.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), init) = (stream, serving.clone()) else { return };
                thread::spawn(move || init.serve(stream));
            }
        });
        init
    }

    fn serve(&self, stream: UnixStream) {
        self.come(1);
        let mut writer = stream.try_clone().unwrap();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            let answer = self.answer(Request::from_line(line.as_bytes()).unwrap());
            if writer.write_all(answer.to_line().as_bytes()).is_err() {
                break;
            }
        }
        self.come(-1);
    }

    fn come(&self, change: isize) {
        let callers = &mut self.inner.lock().unwrap().callers;
        callers.0 = callers.0.checked_add_signed(change).unwrap();
        callers.1 = callers.1.max(callers.0);
    }

    /// Connections now, and the most there were.
    pub fn callers(&self) -> (usize, usize) {
        self.inner.lock().unwrap().callers
    }

    fn answer(&self, request: Request) -> Answer {
        let mut inner = self.inner.lock().unwrap();
        while inner.held {
            inner = self.go_on.wait(inner).unwrap();
        }
        let known = |unit: &str| UNITS.contains(&unit);
        match request {
            Request::List {} => Answer::Units { units: UNITS.iter().map(|unit| status(unit)).collect() },
            Request::Timeline {} => {
                let milestones = [("configured", 900), ("network", 1500)];
                let milestone = |(name, at_ms): (&str, u64)| Milestone { name: name.into(), at_ms };
                Answer::Timeline { milestones: milestones.map(milestone).to_vec() }
            }
            Request::Shutdown { .. } => {
                inner.shut_down = true;
                Answer::Accepted {}
            }
            Request::Status { unit } if known(&unit) => Answer::Unit { unit: status(&unit) },
            Request::Renew { unit } if known(&unit) => {
                inner.renewed.push(unit);
                Answer::Renewing { how: Renewal::Reloaded }
            }
            Request::Restart { unit } if known(&unit) => {
                inner.restarted.push(unit);
                Answer::Accepted {}
            }
            Request::Wait { unit, .. } => Answer::Settled {
                outcome: match inner.failing.get_mut(&unit) {
                    Some(left) if *left > 0 => {
                        *left -= 1;
                        Outcome::Failed { why: "code-1".into() }
                    }
                    _ => Outcome::Ready,
                },
            },
            _ => Answer::Refused { refusal: Refusal::Unknown },
        }
    }

    /// Units that took their files again, in order.
    pub fn renewed(&self) -> Vec<String> {
        self.inner.lock().unwrap().renewed.clone()
    }

    /// Forgets what was renewed so far.
    pub fn forget(&self) {
        self.inner.lock().unwrap().renewed.clear();
    }

    pub fn restarted(&self) -> Vec<String> {
        self.inner.lock().unwrap().restarted.clone()
    }

    pub fn is_shut_down(&self) -> bool {
        self.inner.lock().unwrap().shut_down
    }

    /// The next renewals of a unit fail.
    pub fn fail(&self, unit: &str, times: u32) {
        self.inner.lock().unwrap().failing.insert(unit.into(), times);
    }

    /// Answers nobody, until it is let go.
    pub fn hold(&self, held: bool) {
        self.inner.lock().unwrap().held = held;
        self.go_on.notify_all();
    }
}

fn status(unit: &str) -> UnitStatus {
    UnitStatus {
        name: unit.into(),
        description: format!("the {unit}"),
        kind: Kind::Service,
        state: UnitState::Ready,
        why: None,
        since_ms: 1200,
        wanted: true,
        pid: Some(117),
        starts: 1,
        failures: 0,
        last_end: None,
        first_ready_ms: Some(1200),
        milestone: None,
        can_reload: true,
        requires: Vec::new(),
    }
}
