//! Reloads and renewals, one story per rule; and what those who ask are told.

use super::stories::{DB, DEFAULT, WEB, booted};
use super::*;
use crate::control::Outcome;

/// A service that can take its files again while it runs.
const NETD: (&str, &str) = (
    "web",
    "kind = \"service\"\nexec = [\"/netd\"]\nready = \"notify\"\nreload = \"SIGHUP\"\nstart_timeout_ms = 700\n\
     backoff = { initial_ms = 100 }\n",
);

fn reloadable() -> Host {
    let mut host = Host::new(&[DEFAULT, DB, NETD]);
    host.step(Event::Boot);
    for name in ["db", "web"] {
        host.spawned(name);
        host.ready(name);
    }
    host
}

fn told(host: &Host, actions: &[Action]) -> usize {
    let (unit, run) = (host.id("web"), host.run("web"));
    let hup = Action::Signal { unit, run, signal: Signal::Hup };
    actions.iter().filter(|action| **action == hup).count()
}

#[test]
fn a_reload_ends_with_the_answer_to_it_and_not_with_an_older_one() {
    let mut host = reloadable();
    let web = host.id("web");
    let began = host.log.len();
    assert_eq!(host.ask(Request::Reload(web)), Answer::Accepted);
    assert_eq!(told(&host, &host.log[began..]), 1);
    assert_eq!(host.machine.outcome(web), None);
    // A second READY=1 of its start, which came late.
    host.ready("web");
    assert_eq!(host.names(&["web"]), ["reloading"]);
    host.reloading("web");
    assert_eq!(host.machine.outcome(web), None);
    host.ready("web");
    assert_eq!(host.names(&["web"]), ["ready"]);
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready));
    assert_eq!(spawns(&host.log, host.machine.set()), ["db", "web"], "the process is the same");
}

#[test]
fn a_unit_that_could_not_take_its_files_stays_up_and_who_asked_is_told() {
    let mut host = reloadable();
    let web = host.id("web");
    let went_wrong = |host: &Host| matches!(host.machine.outcome(web), Some(Outcome::Failed { .. }));
    assert!(host.not_taken("web").iter().all(|action| matches!(action, Action::WakeAt(_))), "nobody asked");
    assert!(!went_wrong(&host));
    host.ask(Request::Renew(web));
    host.not_taken("web");
    assert_eq!(host.names(&["web"]), ["reloading"], "it has not begun: that is about an earlier one");
    host.reloading("web");
    host.not_taken("web");
    assert_eq!(host.names(&["web"]), ["ready"]);
    assert!(went_wrong(&host));
    assert!(host.machine.status(web).unwrap().why.unwrap().contains("its log says why"));

    host.ask(Request::Reload(web));
    assert_eq!(host.machine.outcome(web), None);
    host.reloading("web");
    host.ready("web");
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready), "the former files, say");

    host.ask(Request::Reload(web));
    host.reloading("web");
    host.not_taken("web");
    host.exit("web", 1);
    host.wait(100);
    host.spawned("web");
    host.ready("web");
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready), "a new process has read them");
    assert_eq!(host.machine.status(web).unwrap().why, None);
}

#[test]
fn whoever_asks_during_a_reload_gets_another_one() {
    let mut host = reloadable();
    let web = host.id("web");
    host.ask(Request::Reload(web));
    host.reloading("web");
    assert_eq!(host.ask(Request::Reload(web)), Answer::Accepted);
    assert_eq!(host.ask(Request::Reload(web)), Answer::Already, "one more serves both");
    let actions = host.ready("web");
    assert_eq!(told(&host, &actions), 1);
    assert_eq!(host.machine.outcome(web), None);
    host.reloading("web");
    let actions = host.ready("web");
    assert_eq!(told(&host, &actions), 0);
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready));
}

#[test]
fn a_unit_that_is_not_up_yet_is_told_once_it_is() {
    let mut host = Host::new(&[DEFAULT, DB, NETD]);
    host.step(Event::Boot);
    let web = host.id("web");
    assert_eq!(host.ask(Request::Renew(web)), Answer::Renewing(Renewal::Reloaded));
    let actions = host.spawned("web");
    assert_eq!(told(&host, &actions), 0, "it may not listen yet");
    let actions = host.ready("web");
    assert_eq!(told(&host, &actions), 1);
    // A new process takes the new files anyway.
    host.ask(Request::Reload(web));
    host.exit("web", 1);
    host.due("web");
    host.spawned("web");
    let actions = host.ready("web");
    assert_eq!((told(&host, &actions), host.names(&["web"])), (0, std::vec!["ready"]));
}

#[test]
fn a_unit_that_never_answers_a_reload_is_restarted() {
    let mut host = reloadable();
    let web = host.id("web");
    host.ask(Request::Reload(web));
    host.due("web");
    assert!(matches!(host.state("web"), State::Stopping { cause: Cause::ReloadTimeout, .. }));
    let why = host.machine.status(web).unwrap().why;
    assert_eq!(why.as_deref(), Some("it did not say in time that it took its files again"));
    host.exit("web", 143);
    assert_eq!((host.names(&["web"]), host.machine.outcome(web)), (std::vec!["restarting"], None));
    host.due("web");
    host.spawned("web");
    host.ready("web");
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready));
}

#[test]
fn up_for_long_forgives_in_a_reload_too() {
    let mut host = reloadable();
    for _ in 0..3 {
        host.exit("web", 1);
        host.due("web");
        host.spawned("web");
        host.ready("web");
    }
    let web = host.id("web");
    assert_eq!(host.machine.status(web).unwrap().failures, 3);
    host.ask(Request::Reload(web));
    assert_eq!(host.machine.status(web).unwrap().failures, 0, "who asks gives a fresh chance");
    host.wait(60_000);
    host.exit("web", 1);
    assert_eq!(host.machine.status(web).unwrap().failures, 1);
}

#[test]
fn clients_start_beside_a_unit_that_reloads_and_those_bound_to_it_stay() {
    let net = ("db", NETD.1);
    let web = ("web", "kind = \"service\"\nexec = [\"/web\"]\nbinds = [\"db\"]\n");
    let mut host = Host::new(&[DEFAULT, net, web]);
    host.step(Event::Boot);
    host.spawned("db");
    host.ready("db");
    host.spawned("web");
    host.ask(Request::Reload(host.id("db")));
    assert_eq!(host.names(&["db", "web"]), ["reloading", "ready"]);
    host.exit("web", 1);
    host.due("web");
    assert_eq!(host.names(&["db", "web"]), ["reloading", "starting"]);
}

#[test]
fn a_stop_and_a_shutdown_do_not_wait_for_a_reload() {
    for request in [Request::Shutdown(How::PowerOff), Request::Stop(UnitId(2)), Request::Restart(UnitId(2))] {
        let mut host = reloadable();
        assert_eq!(host.id("web"), UnitId(2));
        host.ask(Request::Reload(UnitId(2)));
        host.ask(Request::Reload(UnitId(2)));
        host.ask(request);
        assert_eq!(host.names(&["web"]), ["stopping"]);
    }
}

#[test]
fn a_reload_is_refused_where_it_makes_no_sense() {
    let mut host = reloadable();
    let (db, web) = (host.id("db"), host.id("web"));
    assert_eq!(host.ask(Request::Reload(db)), Answer::CannotReload);
    assert_eq!(host.ask(Request::Reload(UnitId(99))), Answer::Unknown);
    assert_eq!(host.ask(Request::Renew(UnitId(99))), Answer::Unknown);
    host.ask(Request::Restart(web));
    assert_eq!(host.ask(Request::Reload(web)), Answer::Already, "its new process takes the files");
    host.ask(Request::Stop(web));
    assert_eq!(host.ask(Request::Reload(web)), Answer::NotUp);
    host.exit("web", 0);
    assert_eq!(host.ask(Request::Reload(web)), Answer::NotUp);
    host.ask(Request::Start(web));
    host.spawned("web");
    host.exit("web", 64);
    assert_eq!(host.ask(Request::Reload(web)), Answer::NotUp);
    host.ask(Request::Shutdown(How::Reboot));
    assert_eq!(host.ask(Request::Reload(web)), Answer::ShuttingDown);
    assert_eq!(host.ask(Request::Renew(web)), Answer::ShuttingDown);
}

#[test]
fn a_renewal_is_what_the_unit_needs() {
    let mut host = reloadable();
    let (db, web, all) = (host.id("db"), host.id("web"), host.id("default"));
    let renew = |host: &mut Host, unit| match host.ask(Request::Renew(unit)) {
        Answer::Renewing(how) => how,
        other => panic!("{other:?}"),
    };
    assert_eq!(renew(&mut host, all), Renewal::Skipped, "a target has no files");
    assert_eq!(renew(&mut host, db), Renewal::Restarted);
    assert_eq!(host.names(&["db"]), ["stopping"]);
    assert_eq!(renew(&mut host, db), Renewal::Restarted, "it comes back with the files");
    host.exit("db", 0);
    assert_eq!(renew(&mut host, web), Renewal::Reloaded);
    // Held for what the new files may mend.
    host.exit("web", 64);
    assert_eq!(renew(&mut host, web), Renewal::Started);
    assert_eq!(host.names(&["web"]), ["starting"]);
    host.ask(Request::Stop(db));
    assert_eq!(renew(&mut host, db), Renewal::Skipped, "who stopped it had a reason");
}

#[test]
fn a_renewal_lifts_nothing_that_somebody_stopped() {
    let mut host = booted();
    let (db, web) = (host.id("db"), host.id("web"));
    host.ask(Request::Stop(db));
    host.exit("db", 0);
    host.ask(Request::Renew(web));
    host.exit("web", 0);
    assert_eq!(host.names(&["db", "web"]), ["stopped", "failed"]);
    let why = Outcome::Failed { why: "requires db, which is stopped".into() };
    assert_eq!(host.machine.outcome(web), Some(why));
}

#[test]
fn what_was_asked_for_is_open_until_the_unit_is_up_or_shows_that_it_will_not_be() {
    let mut host = booted();
    let (db, web) = (host.id("db"), host.id("web"));
    host.ask(Request::Restart(db));
    assert_eq!(host.machine.outcome(db), None, "what was up before the restart is no answer");
    host.exit("db", 0);
    for failures in 1..=2 {
        host.spawned("db");
        assert_eq!(host.machine.outcome(db), None);
        host.exit("db", 70);
        assert_eq!(host.machine.outcome(db), None, "{failures} failures may be another's fault");
        host.due("db");
    }
    host.spawned("db");
    host.exit("db", 70);
    let why = "failures in a row: 3, the last one by code-70; its log may say why";
    assert_eq!(host.machine.outcome(db), Some(Outcome::Failed { why: why.into() }));
    assert_eq!(host.machine.outcome(web), Some(Outcome::Ready));
    host.ask(Request::Stop(web));
    assert!(matches!(host.machine.outcome(web), Some(Outcome::Failed { .. })));
    assert_eq!(host.machine.outcome(UnitId(99)), None);
}

#[test]
fn a_unit_that_is_not_up_in_time_has_failed_at_once() {
    let mut host = booted();
    let db = host.id("db");
    host.ask(Request::Restart(db));
    host.exit("db", 0);
    host.spawned("db");
    host.due("db");
    assert_eq!(host.machine.outcome(db), None);
    host.exit("db", 143);
    let why = "failures in a row: 1, the last one by code-143 (it was not up in time); its log may say why";
    assert_eq!(host.machine.outcome(db), Some(Outcome::Failed { why: why.into() }));
}

#[test]
fn a_unit_tells_what_it_is_and_how_it_came_there() {
    let mut host = reloadable();
    let web = host.id("web");
    host.now = host.now.after_ms(500);
    host.exit("web", 3);
    host.due("web");
    host.spawned("web");
    let status = host.machine.status(web).unwrap();
    assert_eq!((status.starts, status.failures, status.last_end.as_deref()), (2, 1, Some("code-3")));
    assert_eq!((status.since_ms, status.first_ready_ms), (1_600, Some(1_000)));
    assert!(status.wanted && status.can_reload && status.pid.is_none());
    let mut waits = Host::new(&[DEFAULT, DB, WEB]);
    waits.step(Event::Boot);
    let web = waits.machine.status(waits.id("web")).unwrap();
    assert_eq!((web.why.as_deref(), web.requires), (Some("waits for db"), std::vec![String::from("db")]));
}
