//! Laws of the machine: stories, and every cell of its table.

use super::*;

pub(super) fn machine(policy: Restart) -> Machine {
    Machine::wanted(policy, 1)
}

/// A machine whose container runs, at time 0, and its operation.
fn running(policy: Restart) -> (Machine, Op) {
    let mut machine = machine(policy);
    assert_eq!(machine.step(Event::Found(Found::Nothing), 0), [Action::Pull(1)]);
    assert_eq!(machine.step(Event::Pulled(1, true), 0), [Action::Start(2)]);
    assert_eq!(machine.step(Event::Started(2, true), 0), [Action::Tell(News::Running { adopted: false })]);
    (machine, 2)
}

/// Steps through exit and clean-up, and returns the pause that follows.
fn crash(machine: &mut Machine, op: Op, now: u64) -> u64 {
    let actions = machine.step(Event::Exited(op, 1), now);
    let Some(Action::Clean(op, Keep::Nothing)) = actions.last() else { panic!("{actions:?}") };
    let actions = machine.step(Event::Cleaned(*op, true), now);
    let Some(Action::WakeAt(at)) = actions.last() else { panic!("{actions:?}") };
    at - now
}

#[test]
fn crash_loop_waits_longer_each_time_and_a_steady_run_forgives() {
    let (mut machine, mut op) = running(Restart::Always);
    let mut now = 0;
    for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
        let pause = crash(&mut machine, op, now);
        assert_eq!(pause, expected * 1000);
        now += pause;
        let actions = machine.step(Event::Tick, now);
        let [Action::Start(started)] = actions[..] else {
            panic!("a restart takes the image it has: {actions:?}")
        };
        op = started;
        machine.step(Event::Started(op, true), now);
    }
    now += STEADY_MS;
    assert_eq!(crash(&mut machine, op, now), 1000);
}

#[test]
fn policies_decide_by_exit_status() {
    for (policy, code, again) in [
        (Restart::Always, 0, true),
        (Restart::Always, 1, true),
        (Restart::OnFailure, 0, false),
        (Restart::OnFailure, 137, true),
        (Restart::Never, 0, false),
        (Restart::Never, 1, false),
    ] {
        let (mut machine, op) = running(policy);
        let actions = machine.step(Event::Exited(op, code), 5);
        let keep = if again { Keep::Nothing } else { Keep::Mark(code) };
        assert_eq!(
            actions,
            [Action::Tell(News::Exited { code, ran_ms: 5 }), Action::Clean(3, keep)],
            "{policy:?} {code}"
        );
        let actions = machine.step(Event::Cleaned(3, true), 5);
        assert_eq!(matches!(machine.state, State::Held { .. }), again, "{actions:?}");
        assert_eq!(machine.state == State::Ended, !again, "{actions:?}");
    }
}

#[test]
fn stop_terminates_waits_kills_and_kills_again() {
    let (mut machine, op) = running(Restart::Always);
    assert_eq!(machine.step(Event::Stop, 0), [Action::Terminate, Action::WakeAt(GRACE_MS)]);
    assert_eq!(machine.step(Event::Stop, 10), [], "asking twice does not shorten or lengthen the grace");
    assert_eq!(machine.step(Event::Tick, GRACE_MS - 1), [Action::WakeAt(GRACE_MS)]);
    let kill = machine.step(Event::Tick, GRACE_MS);
    assert_eq!(kill, [Action::Tell(News::Killing), Action::Kill, Action::WakeAt(GRACE_MS + KILL_AGAIN_MS)]);
    let kill = machine.step(Event::Tick, GRACE_MS + KILL_AGAIN_MS);
    assert!(kill.contains(&Action::Kill));
    assert_eq!(machine.step(Event::Exited(op, 137), GRACE_MS + 11_000), [Action::Clean(3, Keep::Nothing)]);
    assert_eq!(machine.step(Event::Cleaned(3, true), GRACE_MS + 11_000), [Action::Tell(News::Gone)]);
    assert!(machine.is_gone());
}

#[test]
fn a_running_task_is_adopted_after_containerd_comes_back_without_a_restart() {
    let (mut machine, _) = running(Restart::Always);
    assert_eq!(machine.step(Event::Lost, 10), []);
    let actions = machine.step(Event::Found(Found::Running { current: true }), 20);
    assert_eq!(actions, [Action::Adopt(3), Action::Tell(News::Running { adopted: true })]);
    assert_eq!(machine.step(Event::Exited(2, 1), 30), [], "news from before the loss are void");
}

#[test]
fn a_task_that_died_with_containerd_is_cleaned_and_started_again() {
    let (mut machine, _) = running(Restart::Always);
    machine.step(Event::Lost, 10);
    assert_eq!(machine.step(Event::Found(Found::Leftover), 20), [Action::Clean(3, Keep::Nothing)]);
    assert_eq!(machine.step(Event::Cleaned(3, true), 30), [Action::Start(4)]);
}

#[test]
fn a_task_of_older_settings_is_stopped_then_started_anew() {
    let mut machine = machine(Restart::Always);
    let actions = machine.step(Event::Found(Found::Running { current: false }), 0);
    assert_eq!(actions, [Action::Adopt(1), Action::Terminate, Action::WakeAt(GRACE_MS)]);
    assert_eq!(machine.step(Event::Exited(1, 0), 1), [Action::Clean(2, Keep::Nothing)]);
    assert_eq!(machine.step(Event::Cleaned(2, true), 2), [Action::Pull(3)]);
}

#[test]
fn an_unwanted_container_is_removed_whatever_is_left_of_it() {
    for found in [Found::Leftover, Found::Exited { code: 1 }, Found::Ended { code: 0 }] {
        let mut machine = Machine::unwanted();
        assert_eq!(machine.step(Event::Found(found), 0), [Action::Clean(1, Keep::Nothing)]);
        machine.step(Event::Cleaned(1, true), 0);
        assert!(machine.is_gone());
    }
}

#[test]
fn an_ended_container_stays_ended_after_the_service_restarts() {
    let mut machine = machine(Restart::Never);
    assert_eq!(machine.step(Event::Found(Found::Ended { code: 0 }), 0), []);
    assert_eq!(machine.step(Event::Tick, 1_000_000), []);
}

#[test]
fn killing_containerd_does_not_shorten_a_pause() {
    let (mut machine, op) = running(Restart::Always);
    let mut op = op;
    for _ in 0..3 {
        let pause = crash(&mut machine, op, 0);
        let actions = machine.step(Event::Tick, pause);
        let [Action::Start(started)] = actions[..] else { panic!("{actions:?}") };
        op = started;
        machine.step(Event::Started(op, true), 0);
    }
    let pause = crash(&mut machine, op, 0);
    machine.step(Event::Lost, 1);
    assert_eq!(machine.step(Event::Found(Found::Nothing), 2), [Action::WakeAt(pause)]);
}

#[test]
fn failed_pull_is_tried_again_and_a_stop_aborts_it() {
    let mut machine = machine(Restart::Always);
    machine.step(Event::Found(Found::Nothing), 0);
    let actions = machine.step(Event::Pulled(1, false), 0);
    let [Action::Tell(News::PullAgain { in_ms, failures: 1 }), Action::WakeAt(at)] = actions[..] else {
        panic!("{actions:?}")
    };
    assert_eq!(in_ms, at);
    assert_eq!(machine.step(Event::Tick, at), [Action::Pull(2)]);
    assert_eq!(machine.step(Event::Stop, at), [Action::Abort(2), Action::Tell(News::Gone)]);
    assert_eq!(machine.step(Event::Pulled(2, true), at), []);
}

#[test]
fn a_stop_during_a_start_waits_for_it_and_then_terminates() {
    let mut machine = machine(Restart::Always);
    machine.step(Event::Found(Found::Nothing), 0);
    machine.step(Event::Pulled(1, true), 0);
    assert_eq!(machine.step(Event::Stop, 0), []);
    assert_eq!(machine.step(Event::Started(2, true), 0), [Action::Terminate, Action::WakeAt(GRACE_MS)]);
}

#[test]
fn an_exit_reported_before_its_start_is_not_forgotten() {
    let mut machine = machine(Restart::Always);
    machine.step(Event::Found(Found::Nothing), 0);
    machine.step(Event::Pulled(1, true), 0);
    assert_eq!(machine.step(Event::Exited(2, 3), 0), []);
    let actions = machine.step(Event::Started(2, true), 0);
    assert_eq!(actions.last(), Some(&Action::Clean(3, Keep::Nothing)));
}

#[test]
fn a_stop_while_a_mark_is_being_made_takes_the_mark_away() {
    let (mut machine, op) = running(Restart::Never);
    machine.step(Event::Exited(op, 0), 0);
    assert_eq!(machine.step(Event::Stop, 0), []);
    assert_eq!(machine.step(Event::Cleaned(3, true), 0), [Action::Clean(4, Keep::Nothing)]);
    machine.step(Event::Cleaned(4, true), 0);
    assert!(machine.is_gone());
}

fn every_state() -> Vec<State> {
    let thens = [Then::Begin, Then::Hold { ms: 5 }, Then::End { code: 1 }, Then::Unmark, Then::Leave];
    let mut states = vec![
        State::Unknown { hold_until: 0 },
        State::Unknown { hold_until: 99 },
        State::Pulling { op: 7 },
        State::Starting { op: 7, exit: None },
        State::Starting { op: 7, exit: Some(1) },
        State::Running { op: 7, since: 0 },
        State::Stopping { op: 7, kill_at: 20 },
        State::Held { until: 20 },
        State::Ended,
        State::Gone,
    ];
    for then in thens {
        states.push(State::Cleaning { op: 7, then, again_at: None });
        states.push(State::Cleaning { op: 7, then, again_at: Some(20) });
    }
    states
}

fn every_event() -> Vec<Event> {
    let mut events = vec![Event::Lost, Event::Stop, Event::Tick];
    for op in [6, 7] {
        for ok in [false, true] {
            events.extend([Event::Pulled(op, ok), Event::Started(op, ok), Event::Cleaned(op, ok)]);
        }
        events.extend([Event::Exited(op, 0), Event::Exited(op, 1)]);
    }
    let found = [
        Found::Nothing,
        Found::Leftover,
        Found::Running { current: true },
        Found::Running { current: false },
        Found::Exited { code: 0 },
        Found::Exited { code: 1 },
        Found::Ended { code: 0 },
    ];
    events.extend(found.map(Event::Found));
    events
}

/// Every cell of the table in the module's documentation, for both wishes and every policy.
#[test]
fn every_cell_of_the_table_keeps_the_laws() {
    for state in every_state() {
        for event in every_event() {
            for wanted in [true, false] {
                for policy in [Restart::Always, Restart::OnFailure, Restart::Never] {
                    for now in [0, 10, 20, 100] {
                        let mut machine =
                            Machine { state, wanted, last_op: 7, have_image: true, ..machine(policy) };
                        let actions = machine.step(event, now);
                        check_laws(&machine, state, event, now, &actions);
                    }
                }
            }
        }
    }
}

fn check_laws(machine: &Machine, before: State, event: Event, now: u64, actions: &[Action]) {
    let cell = format!(
        "{before:?} x {event:?} at {now} (wanted {}) -> {:?} {actions:?}",
        machine.wanted, machine.state
    );
    let begins = actions.iter().filter(|action| {
        matches!(action, Action::Pull(_) | Action::Start(_) | Action::Adopt(_) | Action::Clean(..))
    });
    assert!(begins.count() <= 1, "one operation at a time: {cell}");
    let starts = actions.iter().any(|action| matches!(action, Action::Pull(_) | Action::Start(_)));
    assert!(!starts || machine.wanted, "nothing starts that should stop: {cell}");
    // Results of another operation, and whatever comes after the end, change nothing.
    let stale = matches!(
        event,
        Event::Pulled(6, _) | Event::Started(6, _) | Event::Cleaned(6, _) | Event::Exited(6, _)
    );
    if stale || (before == State::Gone) {
        assert_eq!(machine.state, before, "{cell}");
        assert!(actions.is_empty(), "{cell}");
    }
    // A state that only time leads out of has asked to be woken.
    let due = match machine.state {
        State::Held { until } => Some(until),
        State::Stopping { kill_at, .. } => Some(kill_at),
        State::Cleaning { again_at, .. } => again_at,
        _ => None,
    };
    if let Some(due) = due
        && machine.state != before
        && !matches!(event, Event::Stop)
    {
        assert!(actions.contains(&Action::WakeAt(due)), "{cell}");
    }
    if matches!(event, Event::Lost) {
        assert!(matches!(machine.state, State::Unknown { .. } | State::Gone), "{cell}");
    }
}
