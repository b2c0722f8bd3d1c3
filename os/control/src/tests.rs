//! The client against a PID 1 that answers well, badly, late or not at all.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::{self, JoinHandle};

use supervise::control::{Answer, Request};
use supervise::unit::Kind;
use tempfile::TempDir;

use super::*;

/// What comes within it is sent already; what never comes is waited for no longer than that.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

/// A PID 1 of this test's making: it serves one caller, and gives back what it was asked.
struct Fake {
    _folder: TempDir,
    path: PathBuf,
    thread: JoinHandle<Vec<Request>>,
}

impl Fake {
    fn new(serve: impl FnOnce(UnixStream) -> Vec<Request> + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("init.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
        Self { _folder: folder, path, thread }
    }

    /// One that knows an answer to everything.
    fn answering(mut answer: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self::new(move |mut stream| {
            let mut asked = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).split(b'\n') {
                let request = Request::from_line(&line.unwrap()).unwrap();
                stream.write_all(answer(&request).to_line().as_bytes()).unwrap();
                asked.push(request);
            }
            asked
        })
    }

    /// One that says these bytes and no more.
    fn saying(bytes: &'static [u8]) -> Self {
        Self::new(move |mut stream| {
            let _ = stream.write_all(bytes);
            vec![]
        })
    }

    fn connect(&self) -> Control {
        Control::connect(&self.path).unwrap()
    }

    fn asked(self) -> Vec<Request> {
        self.thread.join().unwrap()
    }
}

fn unit(name: &str) -> UnitStatus {
    UnitStatus {
        name: name.into(),
        description: String::new(),
        kind: Kind::Service,
        state: UnitState::Ready,
        why: None,
        since_ms: 1,
        wanted: true,
        pid: Some(7),
        starts: 1,
        failures: 0,
        last_end: None,
        first_ready_ms: Some(1),
        milestone: None,
        can_reload: true,
        requires: vec![],
    }
}

#[test]
fn each_verb_is_one_request() {
    let fake = Fake::answering(|request| match request {
        Request::List {} => Answer::Units { units: vec![unit("db"), unit("web")] },
        Request::Status { unit: name } => Answer::Unit { unit: unit(name) },
        Request::Start { .. } | Request::Shutdown { .. } => Answer::Already {},
        Request::Wait { .. } => Answer::Settled { outcome: Outcome::TimedOut },
        Request::Timeline {} => Answer::Timeline { milestones: vec![] },
        Request::Reload { .. } => Answer::Refused { refusal: Refusal::CannotReload },
        _ => Answer::Accepted {},
    });
    let mut control = fake.connect();
    assert_eq!(control.list().unwrap(), [unit("db"), unit("web")]);
    assert_eq!(control.status("web").unwrap(), unit("web"));
    assert_eq!(control.start("web").unwrap(), Taken::Already);
    assert_eq!(control.stop("web").unwrap(), Taken::Accepted);
    assert_eq!(control.restart("web").unwrap(), Taken::Accepted);
    let err = control.reload("web").unwrap_err().to_string();
    assert_eq!(
        err,
        "PID 1 refuses to reload web: it cannot take its files while it runs; restart it instead"
    );
    assert_eq!(control.wait("web", Duration::from_millis(1_500)).unwrap(), Outcome::TimedOut);
    assert_eq!(control.timeline().unwrap(), []);
    assert_eq!(control.shutdown(Shutdown::Reboot).unwrap(), Taken::Already);
    drop(control);
    let asked = fake.asked();
    assert_eq!(asked.len(), 9);
    assert_eq!(asked[6], Request::Wait { unit: "web".into(), deadline_ms: 1_500 });
}

#[test]
fn units_are_renewed_once_each_in_the_order_of_their_start_and_each_is_waited_for() {
    let fake = Fake::answering(|request| match request {
        Request::List {} => Answer::Units { units: vec![unit("db"), unit("web"), unit("off")] },
        Request::Renew { unit } if unit == "gone" => Answer::Refused { refusal: Refusal::Unknown },
        Request::Renew { unit } if unit == "off" => Answer::Renewing { how: Renewal::Skipped },
        Request::Renew { .. } => Answer::Renewing { how: Renewal::Reloaded },
        Request::Wait { unit, .. } if unit == "db" => {
            Answer::Settled { outcome: Outcome::Failed { why: "it was asked to stop".into() } }
        }
        _ => Answer::Settled { outcome: Outcome::Ready },
    });
    let renewed = Pid1::at(&fake.path).renew(&["web", "off", "db", "gone", "web"], LONG).unwrap();
    let told: Vec<String> =
        renewed.iter().map(|one| format!("{} {} {}", one.unit, one.how, one.outcome)).collect();
    assert_eq!(
        told,
        [
            "gone skipped ready",
            "db reloaded failed: it was asked to stop",
            "web reloaded ready",
            "off skipped ready"
        ]
    );
    let asked: Vec<String> = fake
        .asked()
        .iter()
        .map(|request| match request {
            Request::Renew { unit } => format!("renew {unit}"),
            Request::Wait { unit, deadline_ms } => {
                assert!((1..=60_000).contains(deadline_ms), "the rest of the time");
                format!("wait {unit}")
            }
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(asked, ["List", "renew gone", "renew db", "wait db", "renew web", "wait web", "renew off"]);
}

#[test]
fn what_is_left_when_the_time_is_over_is_not_touched() {
    let fake = Fake::answering(|request| match request {
        Request::List {} => Answer::Units { units: vec![unit("db"), unit("web")] },
        other => panic!("{other:?}"),
    });
    let renewed = fake.connect().renew(&["db", "web"], Duration::ZERO).unwrap();
    assert!(renewed.iter().all(|one| one.outcome == Outcome::TimedOut) && renewed.len() == 2, "{renewed:?}");
}

#[test]
fn where_nobody_listens_the_place_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("init.sock");
    let err = Pid1::at(&path).list().unwrap_err();
    assert_eq!(err.to_string(), format!("cannot reach PID 1 at {}", path.display()));
    // A socket that nobody listens at any more.
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(Control::connect(&path), Err(ControlError::Connect { .. })));
}

#[test]
fn a_door_where_nobody_lets_in_is_left_after_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("init.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let mut queue = Vec::new();
    let full = loop {
        match Connection::open(&path, SHORT) {
            Ok(connection) => queue.push(connection),
            Err(err) => break err,
        }
        assert!(queue.len() < 100_000, "a queue without end");
    };
    assert!(matches!(full, ControlError::Connect { .. }), "{full:?}");
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for_and_nothing_is_asked_after_it() {
    let (done, until) = std::sync::mpsc::channel::<()>();
    let fake = Fake::new(move |stream| {
        let _ = until.recv();
        drop(stream);
        vec![]
    });
    let mut control = fake.connect();
    let err = control.ask_within(&Request::List {}, "list the units", SHORT).unwrap_err();
    assert!(matches!(err, ControlError::NoAnswer { .. }), "{err:?}");
    // What would come now answers the request before.
    assert!(matches!(control.timeline(), Err(ControlError::Lost(_))));
    drop(done);
    fake.asked();
}

#[test]
fn nonsense_is_an_error_and_no_answer() {
    for bytes in ["\n", "{}\n", "{\"answer\":\"victory\"}\n", "{\"answer\":\"accepted\"}\n", "\u{1}\n"] {
        let fake = Fake::saying(bytes.as_bytes());
        assert!(matches!(fake.connect().list(), Err(ControlError::Answer { .. })), "{bytes:?}");
    }
    for bytes in ["", "{\"answer\":\"acc"] {
        let fake = Fake::saying(bytes.as_bytes());
        assert!(matches!(fake.connect().list(), Err(ControlError::Lost(_))), "{bytes:?}");
    }
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let fake = Fake::new(|mut stream| {
        while stream.write_all(&[b' '; 64 << 10]).is_ok() {}
        vec![]
    });
    let err = fake.connect().list().unwrap_err();
    assert!(matches!(err, ControlError::Lost(_)), "{err:?}");
}

#[test]
fn who_is_turned_away_hears_why() {
    let refused = Answer::Refused { refusal: Refusal::Forbidden }.to_line();
    let fake = Fake::new(move |mut stream| {
        stream.write_all(refused.as_bytes()).unwrap();
        vec![]
    });
    let mut control = fake.connect();
    fake.asked();
    let err = control.list().unwrap_err();
    assert_eq!(err.to_string(), "PID 1 refuses to list the units: only root may ask");
}
