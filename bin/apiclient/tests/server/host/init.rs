//! A PID 1 for tests: it knows some units, remembers what it was asked, and has units fail that a test names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use supervise::control::{Answer, Milestone, Outcome, Refusal, Renewal, Request, UnitState, UnitStatus};
use supervise::unit::Kind;

const UNITS: [&str; 4] = ["configure", "containerd", "containers", "netd"];

/// It.
#[derive(Clone, Default)]
pub struct Init(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    asked: Vec<Request>,
    failing: BTreeMap<String, u32>,
    /// Those that did not come up when they were last waited for.
    down: BTreeSet<String>,
}

impl Init {
    /// Listens, for as long as the process lives.
    pub fn start(path: &Path) -> Self {
        let init = Self::default();
        let listener = UnixListener::bind(path).unwrap();
        let served = init.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, served) = (stream.unwrap(), served.clone());
                std::thread::spawn(move || served.converse(stream));
            }
        });
        init
    }

    /// The next so many times that somebody waits for this unit, it does not come up.
    pub fn fail(&self, unit: &str, times: u32) {
        self.0.lock().unwrap().failing.insert(unit.to_owned(), times);
    }

    fn fails(&self, unit: &str) -> bool {
        let State { failing, down, .. } = &mut *self.0.lock().unwrap();
        match failing.get_mut(unit) {
            Some(times) if *times > 0 => {
                *times -= 1;
                down.insert(unit.to_owned());
                true
            }
            _ => {
                down.remove(unit);
                false
            }
        }
    }

    /// The units that were told to take their files again, or to restart, since the last question; and the end of the host.
    pub fn told(&self) -> Vec<String> {
        let asked = std::mem::take(&mut self.0.lock().unwrap().asked);
        let told = asked.into_iter().filter_map(|request| match request {
            Request::Renew { unit } => Some(format!("renew {unit}")),
            Request::Restart { unit } => Some(format!("restart {unit}")),
            Request::Shutdown { .. } => Some("shutdown".to_owned()),
            _ => None,
        });
        told.collect()
    }

    fn converse(&self, mut stream: UnixStream) {
        let reader = BufReader::new(stream.try_clone().unwrap());
        for line in reader.lines().map_while(Result::ok) {
            let request = Request::from_line(line.as_bytes()).unwrap();
            let answer = self.answer(&request);
            self.0.lock().unwrap().asked.push(request);
            if stream.write_all(answer.to_line().as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let unknown = Answer::Refused { refusal: Refusal::Unknown };
        match request {
            Request::List {} => Answer::Units { units: UNITS.iter().map(|name| self.unit(name)).collect() },
            Request::Status { unit } if UNITS.contains(&unit.as_str()) => {
                Answer::Unit { unit: self.unit(unit) }
            }
            Request::Renew { unit } if UNITS.contains(&unit.as_str()) => {
                Answer::Renewing { how: Renewal::Restarted }
            }
            Request::Restart { unit } if UNITS.contains(&unit.as_str()) => Answer::Accepted {},
            Request::Wait { unit, .. } if self.fails(unit) => {
                Answer::Settled { outcome: Outcome::Failed { why: "it ended with status 1".into() } }
            }
            Request::Wait { .. } => Answer::Settled { outcome: Outcome::Ready },
            Request::Timeline {} => Answer::Timeline {
                milestones: vec![
                    Milestone { name: "init".into(), at_ms: 900 },
                    Milestone { name: "containerd".into(), at_ms: 3200 },
                ],
            },
            Request::Shutdown { .. } => Answer::Accepted {},
            _ => unknown,
        }
    }

    fn unit(&self, name: &str) -> UnitStatus {
        let failing = self.0.lock().unwrap().down.contains(name);
        UnitStatus {
            name: name.into(),
            description: format!("what {name} is for"),
            kind: Kind::Service,
            state: if failing { UnitState::Failed } else { UnitState::Ready },
            why: None,
            since_ms: 3200,
            wanted: true,
            pid: Some(7),
            starts: 1,
            failures: 0,
            last_end: None,
            first_ready_ms: Some(3200),
            milestone: None,
            can_reload: false,
            requires: vec![],
        }
    }
}
