//! Every cell of the table, the laws under storms of random events, and the times.

use super::super::lease::Times;
use super::super::message::tests::{MAC, reply};
use super::super::message::{Reply, code};
use super::*;

const SERVER: [u8; 4] = [192, 0, 2, 1];
const OTHER: [u8; 4] = [192, 0, 2, 2];
const HOUR_S: u32 = 3600;
const HOUR: Millis = 3_600_000;

fn answer(answer: Answer, xid: u32, server: [u8; 4], last: u8, lease_s: u32) -> Event {
    let kind = match answer {
        Answer::Offer => 2,
        Answer::Ack => 5,
        Answer::Nak => 6,
    };
    let options: [(u8, &[u8]); 3] = [
        (code::SERVER, &server),
        (code::LEASE_TIME, &lease_s.to_be_bytes()),
        (code::SUBNET_MASK, &[255, 255, 255, 0]),
    ];
    let bytes = reply(kind, xid, Ipv4Addr::new(192, 0, 2, last), &options);
    Event::Received(Reply::read(&bytes, MAC).unwrap())
}

fn xid(machine: &Machine) -> u32 {
    match &machine.state {
        State::Selecting { exchange }
        | State::Requesting { exchange, .. }
        | State::Rebooting { exchange, .. }
        | State::Renewing { exchange, .. }
        | State::Rebinding { exchange, .. } => exchange.xid,
        _ => 0,
    }
}

fn name(machine: &Machine) -> &'static str {
    match machine.state {
        State::Down { held: None } => "Down",
        State::Down { held: Some(_) } => "Down with lease",
        State::Pausing { .. } => "Pausing",
        State::Selecting { .. } => "Selecting",
        State::Requesting { .. } => "Requesting",
        State::Rebooting { .. } => "Rebooting",
        State::Bound { .. } => "Bound",
        State::Renewing { .. } => "Renewing",
        State::Rebinding { .. } => "Rebinding",
    }
}

fn shown(actions: &[Action]) -> String {
    let one = |action: &Action| match action {
        Action::Send { ask, to } => format!("{:?} to {to:?}", ask.verb),
        Action::Apply(_) => "apply".into(),
        Action::Withdraw { why, .. } => format!("withdraw {why:?}"),
    };
    actions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A machine in the state of that name, the way it gets there, and the time.
fn at(state: &str) -> (Machine, Millis) {
    let mut machine = Machine::new(1);
    let mut now = 0;
    if state == "Down" {
        return (machine, now);
    }
    machine.step(Event::LinkUp, now);
    if state == "Selecting" {
        return (machine, now);
    }
    machine.step(answer(Answer::Offer, xid(&machine), SERVER, 9, HOUR_S), now);
    if state == "Requesting" {
        return (machine, now);
    }
    if state == "Pausing" {
        machine.failures = 1;
        machine.step(answer(Answer::Nak, xid(&machine), SERVER, 9, HOUR_S), now);
        return (machine, now);
    }
    machine.step(answer(Answer::Ack, xid(&machine), SERVER, 9, HOUR_S), now);
    match state {
        "Bound" => {}
        "Down with lease" => drop(machine.step(Event::LinkDown, now)),
        "Rebooting" => {
            machine.step(Event::LinkDown, now);
            machine.step(Event::LinkUp, now);
        }
        _ => {
            now = HOUR / 2;
            machine.step(Event::Tick, now);
            if state == "Rebinding" {
                now = HOUR - HOUR / 8;
                machine.step(Event::Tick, now);
            }
        }
    }
    (machine, now)
}

#[test]
fn every_cell_of_the_table_is_as_written() {
    const DISCOVER: &str = "Discover to Everyone";
    const REQUEST: &str = "Request to Everyone";
    const NAK: (&str, &str) = ("withdraw Refused, Discover to Everyone", "Selecting");
    const DECLINED: (&str, &str) = ("withdraw Unusable, Decline to Everyone", "Pausing");
    const DROPPED: (&str, &str) = ("", "Down with lease");
    // In the order of EVENTS; a state alone means: no action.
    type Cell = (&'static str, &'static str);
    let table: [(&str, [Cell; 7]); 9] = [
        (
            "Down",
            [
                (DISCOVER, "Selecting"),
                ("", "Down"),
                ("", "Down"),
                ("", "Down"),
                ("", "Down"),
                ("", "Down"),
                ("", "Down"),
            ],
        ),
        (
            "Down with lease",
            [
                (REQUEST, "Rebooting"),
                DROPPED,
                DROPPED,
                DROPPED,
                DROPPED,
                DROPPED,
                ("withdraw Expired", "Down"),
            ],
        ),
        (
            "Pausing",
            [
                ("", "Pausing"),
                ("", "Down"),
                ("", "Pausing"),
                ("", "Pausing"),
                ("", "Pausing"),
                ("", "Pausing"),
                (DISCOVER, "Selecting"),
            ],
        ),
        (
            "Selecting",
            [
                ("", "Selecting"),
                ("", "Down"),
                (REQUEST, "Requesting"),
                ("", "Selecting"),
                ("", "Selecting"),
                ("", "Selecting"),
                (DISCOVER, "Selecting"),
            ],
        ),
        (
            "Requesting",
            [
                ("", "Requesting"),
                ("", "Down"),
                ("", "Requesting"),
                ("apply", "Bound"),
                (DISCOVER, "Selecting"),
                ("", "Requesting"),
                (REQUEST, "Requesting"),
            ],
        ),
        (
            "Rebooting",
            [
                ("", "Rebooting"),
                DROPPED,
                ("", "Rebooting"),
                ("apply", "Bound"),
                NAK,
                ("", "Rebooting"),
                (REQUEST, "Rebooting"),
            ],
        ),
        (
            "Bound",
            [
                ("", "Bound"),
                DROPPED,
                ("", "Bound"),
                ("", "Bound"),
                ("", "Bound"),
                DECLINED,
                ("Request to Server(192.0.2.1)", "Renewing"),
            ],
        ),
        (
            "Renewing",
            [
                ("", "Renewing"),
                DROPPED,
                ("", "Renewing"),
                ("apply", "Bound"),
                NAK,
                DECLINED,
                ("Request to Server(192.0.2.1)", "Renewing"),
            ],
        ),
        (
            "Rebinding",
            [
                ("", "Rebinding"),
                DROPPED,
                ("", "Rebinding"),
                ("apply", "Bound"),
                NAK,
                DECLINED,
                ("Request to EveryoneFromAddress", "Rebinding"),
            ],
        ),
    ];
    for (state, cells) in table {
        for (column, (actions, then)) in cells.into_iter().enumerate() {
            let (mut machine, now) = at(state);
            assert_eq!(name(&machine), state);
            let xid = xid(&machine);
            let (event, now) = match column {
                0 => (Event::LinkUp, now),
                1 => (Event::LinkDown, now),
                2 => (answer(Answer::Offer, xid, SERVER, 9, HOUR_S), now),
                3 => (answer(Answer::Ack, xid, SERVER, 9, HOUR_S), now),
                4 => (answer(Answer::Nak, xid, SERVER, 9, HOUR_S), now),
                5 => (Event::Refused, now),
                _ => (Event::Tick, machine.deadline().unwrap_or(now)),
            };
            let shown = shown(&machine.step(event.clone(), now));
            assert_eq!((shown.as_str(), name(&machine)), (actions, then), "{state} on {event:?}");
        }
    }
}

#[test]
fn nobody_else_can_answer_for_the_server_that_was_asked() {
    for state in ["Requesting", "Renewing"] {
        for kind in [Answer::Ack, Answer::Nak] {
            let (mut machine, now) = at(state);
            assert_eq!(machine.step(answer(kind, xid(&machine), OTHER, 9, HOUR_S), now), []);
            assert_eq!(machine.step(answer(kind, xid(&machine) ^ 1, SERVER, 9, HOUR_S), now), []);
            assert_eq!(name(&machine), state);
        }
    }
}

#[test]
fn questions_carry_the_fields_of_the_rfcs_table() {
    let ours = Ipv4Addr::new(192, 0, 2, 9);
    // State, whether it says its address in ciaddr, in option 50, and the server in option 54.
    let table = [
        ("Requesting", false, true, true),
        ("Rebooting", false, true, false),
        ("Renewing", true, false, false),
        ("Rebinding", true, false, false),
    ];
    for (state, current, requested, server) in table {
        let (mut machine, _) = at(state);
        let again = match &machine.state {
            State::Requesting { exchange, .. } | State::Rebooting { exchange, .. } => exchange.again,
            State::Renewing { exchange, .. } | State::Rebinding { exchange, .. } => exchange.again,
            _ => unreachable!(),
        };
        let actions = machine.step(Event::Tick, again);
        let [Action::Send { ask, .. }] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!(ask.current, if current { ours } else { Ipv4Addr::UNSPECIFIED }, "{state}");
        assert_eq!(ask.requested, requested.then_some(ours), "{state}");
        assert_eq!(ask.server, server.then_some(Ipv4Addr::from(SERVER)), "{state}");
    }
}

#[test]
fn an_offer_without_an_answer_is_given_up_after_four_questions() {
    let (mut machine, mut now) = at("Requesting");
    let mut asked = 1;
    while name(&machine) == "Requesting" {
        now = machine.deadline().unwrap();
        machine.step(Event::Tick, now);
        asked += u32::from(name(&machine) == "Requesting");
    }
    assert_eq!((asked, name(&machine)), (4, "Selecting"));
    assert!((11_000..19_000).contains(&now), "{now}");
}

#[test]
fn discovers_back_off_to_about_a_minute_and_go_on() {
    let (mut machine, mut now) = at("Selecting");
    let mut waits = Vec::new();
    for _ in 0..200 {
        let next = machine.deadline().unwrap();
        waits.push((next - now + 500) / 1000);
        now = next;
        assert_eq!(shown(&machine.step(Event::Tick, now)), "Discover to Everyone");
    }
    for (wait, about) in waits.iter().zip([1, 2, 4, 8, 16, 32].into_iter().chain(std::iter::repeat(64))) {
        assert!(wait.abs_diff(about) <= 1, "{waits:?}");
    }
}

#[test]
fn a_server_that_always_refuses_is_asked_ever_less_often() {
    let (mut machine, mut now) = at("Requesting");
    let mut refusals = Vec::new();
    for _ in 0..100 {
        machine.step(answer(Answer::Nak, xid(&machine), SERVER, 9, HOUR_S), now);
        refusals.push(now);
        if name(&machine) == "Pausing" {
            now = machine.deadline().unwrap();
            machine.step(Event::Tick, now);
        }
        machine.step(answer(Answer::Offer, xid(&machine), SERVER, 9, HOUR_S), now);
    }
    let waits: Vec<_> = refusals.windows(2).map(|pair| (pair[1] - pair[0]) / 1000).collect();
    assert_eq!(waits[..8], [0, 1, 2, 4, 8, 16, 32, 64]);
    assert!(waits[8..].iter().all(|wait| *wait == 64), "{waits:?}");
}

#[test]
fn a_silent_server_is_asked_until_the_lease_ends_and_no_longer() {
    let (mut machine, mut now) = at("Bound");
    let mut log = Vec::new();
    while name(&machine) != "Selecting" {
        now = machine.deadline().unwrap();
        log.push((now / 60_000, shown(&machine.step(Event::Tick, now))));
    }
    let servers: Vec<_> = log.iter().filter(|(_, what)| what.contains("Server")).map(|(at, _)| *at).collect();
    let everyone: Vec<_> =
        log.iter().filter(|(_, what)| what.contains("EveryoneFromAddress")).map(|(at, _)| *at).collect();
    // Minutes: T1 at 30, T2 at 52.5, the end at 60; halves of what is left, never less than a minute apart.
    assert_eq!(servers, [30, 41, 46, 49, 51, 52]);
    assert_eq!(everyone, [52, 56, 58, 59]);
    assert_eq!(log.last().unwrap(), &(60, "withdraw Expired, Discover to Everyone".into()));
    assert_eq!(now, HOUR);
}

#[test]
fn after_the_link_returns_the_old_address_is_asked_for_and_kept_when_nobody_answers() {
    let (mut machine, mut now) = at("Rebooting");
    while name(&machine) == "Rebooting" {
        now = machine.deadline().unwrap();
        machine.step(Event::Tick, now);
    }
    assert_eq!(name(&machine), "Bound");
    assert!(machine.lease().is_some() && now < 10_000);
    // It still ends when it ends.
    let actions = machine.step(Event::Tick, HOUR);
    assert_eq!(shown(&actions), "withdraw Expired, Discover to Everyone");
}

#[test]
fn a_lease_without_end_is_never_asked_about() {
    let (mut machine, now) = at("Requesting");
    machine.step(answer(Answer::Ack, xid(&machine), SERVER, 9, u32::MAX), now);
    assert_eq!((name(&machine), machine.deadline()), ("Bound", None));
    assert_eq!(machine.step(Event::Tick, HOUR * 24 * 365 * 100), []);
}

#[test]
fn a_lease_counts_from_the_question_not_from_the_answer() {
    let (mut machine, now) = at("Requesting");
    machine.step(answer(Answer::Ack, xid(&machine), SERVER, 9, HOUR_S), now + 700);
    assert_eq!(machine.deadline(), Some(now + HOUR / 2));
    assert_eq!(machine.lease().unwrap().times, Some(Times { lease_s: 3600, renew_s: 1800, rebind_s: 3150 }));
}

#[test]
fn storms_of_events_never_break_the_laws() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut machine = Machine::new(seed);
        let mut now: Millis = 0;
        let mut applied: Option<Lease> = None;
        let mut carrier = false;
        let mut last_sent: Option<(u32, To, Millis)> = None;
        for _ in 0..2_000 {
            let xid = xid(&machine) ^ u32::from(random.next().is_multiple_of(8));
            let server = if random.next().is_multiple_of(4) { OTHER } else { SERVER };
            let last = [9, 10, 0, 255][random.next() as usize % 4];
            let lease_s = [0, 60, 600, HOUR_S, u32::MAX][random.next() as usize % 5];
            let event = match random.next() % 12 {
                0 => Event::LinkUp,
                1 if random.next().is_multiple_of(4) => Event::LinkDown,
                2..=4 => answer(Answer::Offer, xid, server, last, lease_s),
                5..=7 => answer(Answer::Ack, xid, server, last, lease_s),
                8 => answer(Answer::Nak, xid, server, last, lease_s),
                9 if random.next().is_multiple_of(8) => Event::Refused,
                _ => Event::Tick,
            };
            match event {
                Event::LinkUp => carrier = true,
                Event::LinkDown => carrier = false,
                Event::Tick if !random.next().is_multiple_of(4) => {
                    now = machine.deadline().unwrap_or(now).max(now)
                }
                _ => now += random.next() % 20_000,
            }
            for action in machine.step(event.clone(), now) {
                match action {
                    Action::Apply(lease) => {
                        assert!(
                            applied.is_none_or(|old| old.address == lease.address),
                            "seed {seed}: two addresses"
                        );
                        applied = Some(lease);
                    }
                    Action::Withdraw { lease, .. } => {
                        let old = applied.take();
                        assert_eq!(old, Some(lease), "seed {seed}: withdrew what was not applied");
                    }
                    Action::Send { ask, to } => {
                        assert!(carrier, "seed {seed}: sent without carrier");
                        assert_eq!(ask.current.is_unspecified(), to == To::Everyone, "seed {seed}");
                        if let Some((xid, before, at)) = last_sent {
                            let same = xid == ask.xid && before == to && ask.requested.is_none();
                            assert!(
                                !same || now - at >= 750,
                                "seed {seed}: asked again after {} ms",
                                now - at
                            );
                        }
                        last_sent = Some((ask.xid, to, now));
                    }
                }
            }
            assert_eq!(machine.lease(), applied.as_ref(), "seed {seed}: {} after {event:?}", name(&machine));
            let early = machine.deadline().is_some_and(|deadline| deadline <= now);
            assert!(!early || event != Event::Tick, "seed {seed}: busy loop in {}", name(&machine));
        }
    }
}
