//! What holds for a stored unit set of any content.

use std::collections::{BTreeSet, VecDeque};

use supervise::machine::{Asker, Exit, How, Request};
use supervise::set::MAX_STORED_BYTES;
use supervise::unit::Kind;
use supervise::{Action, Event, Instant, Machine, UnitSet};

/// Panics if it does not hold for `bytes`.
pub fn holds(bytes: &[u8]) {
    let read = UnitSet::from_json(bytes);
    assert_eq!(read, UnitSet::from_json(bytes), "the same bytes give the same set");
    match read {
        Ok(set) => {
            is_one(&set);
            ends(&set);
        }
        Err(error) => assert!(error.to_string().len() < bytes.len() + 4096, "of bearable length: {error}"),
    }
}

/// What every set promises.
fn is_one(set: &UnitSet) {
    let stored = set.to_json();
    if stored.len() <= MAX_STORED_BYTES {
        assert_eq!(UnitSet::from_json(stored.as_bytes()).as_ref(), Ok(set), "it reads what it writes");
    }
    assert!(set.get(set.goal()).is_some());
    let order = set.start_order();
    assert_eq!(order.iter().collect::<BTreeSet<_>>(), set.ids().collect::<Vec<_>>().iter().collect());
    assert_eq!(order.len(), set.units().len(), "each once");
    for (at, id) in order.iter().enumerate() {
        let unit = set.get(*id).expect("every id is one of its units");
        assert!(unit.after.iter().all(|before| order[..at].contains(before)), "{}: order", unit.name);
        assert!(
            unit.requires.iter().chain(&unit.binds).all(|need| unit.after.contains(need)),
            "{}",
            unit.name
        );
        assert_eq!(set.find(&unit.name), Some(*id), "its name is its own");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!unit.name.is_empty() && unit.name.chars().all(plain), "{:?}", unit.name);
        let program = unit.exec.first().map(|program| program.starts_with('/'));
        assert_eq!(program, (unit.kind != Kind::Target).then_some(true), "{}", unit.name);
    }
}

/// On a host where all goes well, the set boots and a shutdown ends.
fn ends(set: &UnitSet) {
    let mut machine = Machine::new(set.clone());
    let mut events = VecDeque::from([Event::Boot]);
    let (mut asked, mut finished) = (false, false);
    let mut steps = 0;
    while !finished {
        steps += 1;
        assert!(steps <= 16 + 8 * set.units().len(), "it settles");
        let shutdown = || Event::Asked { by: Asker(0), request: Request::Shutdown(How::Reboot) };
        let event = events.pop_front().unwrap_or_else(|| {
            assert!(!std::mem::replace(&mut asked, true), "nothing is left to happen");
            shutdown()
        });
        for action in machine.step(event, Instant::default()) {
            match action {
                Action::Spawn { unit, run } => {
                    events.push_back(Event::Spawned { unit, run });
                    let oneshot = set.get(unit).is_some_and(|unit| unit.kind == Kind::Oneshot);
                    events.push_back(if oneshot {
                        Event::Exited { unit, run, status: Exit::Code(0) }
                    } else {
                        Event::Ready { unit, run }
                    });
                }
                Action::Signal { unit, run, .. } | Action::Kill { unit, run } => {
                    events.push_back(Event::Exited { unit, run, status: Exit::Code(0) });
                }
                Action::Finish(how) => finished = how == How::Reboot,
                _ => {}
            }
        }
    }
}
