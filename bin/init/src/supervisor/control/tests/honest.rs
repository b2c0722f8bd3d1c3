//! What those who ask properly are told.

use super::*;

#[test]
fn the_socket_is_roots_alone_and_replaces_what_lay_there() {
    let mut bench = Bench::new();
    assert_eq!(std::fs::metadata(&bench.path).unwrap().permissions().mode() & 0o777, 0o600);
    bench.desk = Desk::open(&bench.path, bench.uid(), &bench.poller).unwrap();
    let mut client = bench.connect();
    assert!(matches!(bench.ask(&mut client, &Request::Timeline {}), Answer::Timeline { .. }));
}

#[test]
fn every_request_has_its_answer() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    let Answer::Units { units } = bench.ask(&mut client, &Request::List {}) else { panic!() };
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["db", "web", "default"], "in the order of their start");
    assert_eq!((units[0].state, units[0].pid), (UnitState::Running, Some(42)));
    bench.ready("db");
    let Answer::Unit { unit } = bench.ask(&mut client, &Request::Status { unit: "web".into() }) else {
        panic!()
    };
    assert_eq!(unit.state, UnitState::Ready);
    let unit = || "db".to_owned();
    for (request, want) in [
        (Request::Start { unit: unit() }, Answer::Already {}),
        (Request::Reload { unit: unit() }, Answer::Accepted {}),
        (Request::Renew { unit: unit() }, Answer::Renewing { how: supervise::machine::Renewal::Reloaded }),
        (Request::Reload { unit: "web".into() }, Answer::Refused { refusal: Refusal::CannotReload }),
        (Request::Restart { unit: unit() }, Answer::Accepted {}),
        (Request::Stop { unit: unit() }, Answer::Accepted {}),
        (Request::Stop { unit: unit() }, Answer::Already {}),
        (Request::Reload { unit: unit() }, Answer::Refused { refusal: Refusal::NotUp }),
        (Request::Stop { unit: "nobody".into() }, Answer::Refused { refusal: Refusal::Unknown }),
        (
            Request::Timeline {},
            Answer::Timeline { milestones: vec![Milestone { name: "pid1".into(), at_ms: 7 }] },
        ),
        (Request::Shutdown { how: supervise::machine::How::Reboot }, Answer::Accepted {}),
        (Request::Start { unit: unit() }, Answer::Refused { refusal: Refusal::ShuttingDown }),
    ] {
        assert_eq!(bench.ask(&mut client, &request), want, "{request:?}");
    }
}

#[test]
fn who_waits_is_told_when_the_unit_is_up_and_not_before() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    client.send(wait_for("web", 5_000).to_line().as_bytes());
    bench.settle();
    assert!(client.hears_nothing());
    bench.ready("db");
    bench.settle();
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::Ready });
    // The reload that was asked for before counts, not what was so before it.
    bench.ask(&mut client, &Request::Reload { unit: "db".into() });
    client.send(wait_for("db", 5_000).to_line().as_bytes());
    bench.settle();
    assert!(client.hears_nothing());
    bench.ready("db");
    bench.settle();
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::Ready });
}

#[test]
fn who_waits_too_long_is_told_so_and_may_ask_on() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    client.send(wait_for("db", 5_000).to_line().as_bytes());
    bench.settle();
    bench.later(4_999);
    assert!(client.hears_nothing());
    assert_eq!(bench.desk.wake(bench.now), Some(bench.now.after_ms(1)));
    bench.later(1);
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::TimedOut });
    client.send(wait_for("db", u64::MAX).to_line().as_bytes());
    bench.settle();
    bench.later(supervise::control::WAIT_MAX_MS);
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::TimedOut });
}

#[test]
fn lines_sent_together_are_answered_in_turn() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    let mut other = bench.connect();
    let stop = Request::Stop { unit: "web".into() }.to_line();
    client.send([stop.as_str(), &stop, &Request::Timeline {}.to_line()].concat().as_bytes());
    other.send(Request::Timeline {}.to_line().as_bytes());
    bench.turn();
    assert_eq!(bench.served, 2, "one of each");
    bench.settle();
    assert_eq!((client.answer(), client.answer()), (Answer::Accepted {}, Answer::Already {}));
    assert!(matches!(client.answer(), Answer::Timeline { .. }));
    assert!(matches!(other.answer(), Answer::Timeline { .. }));
}

#[test]
fn a_caller_that_closes_its_half_has_its_answer() {
    let mut bench = Bench::new();
    let mut client = bench.connect();
    client.send(Request::Timeline {}.to_line().as_bytes());
    client.stream.shutdown(Shutdown::Write).unwrap();
    bench.settle();
    assert!(matches!(client.answer(), Answer::Timeline { .. }));
    assert!(client.is_let_go());
    // Also one that waits first.
    let mut client = bench.connect();
    client.send(wait_for("db", 5_000).to_line().as_bytes());
    client.stream.shutdown(Shutdown::Write).unwrap();
    bench.settle();
    bench.ready("db");
    bench.settle();
    assert_eq!(client.answer(), Answer::Settled { outcome: Outcome::Ready });
    assert!(client.is_let_go());
    // And one that ends within a line is gone.
    let mut client = bench.connect();
    client.send(b"{\"ask\":");
    client.stream.shutdown(Shutdown::Write).unwrap();
    bench.settle();
    assert!(client.is_let_go());
}
