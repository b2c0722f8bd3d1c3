//! One story per rule.

use super::*;

pub(super) const DEFAULT: (&str, &str) =
    ("default", "kind = \"target\"\nwants = [\"web\", \"db\"]\nmilestone = \"default\"\n");
pub(super) const DB: (&str, &str) = (
    "db",
    "kind = \"service\"\nexec = [\"/db\"]\nready = \"notify\"\nmilestone = \"db\"\nmilestone_at_start = \"db-exec\"\n\
     stop_timeout_ms = 1000\n",
);
pub(super) const WEB: (&str, &str) =
    ("web", "kind = \"service\"\nexec = [\"/web\"]\nrequires = [\"db\"]\nstop_timeout_ms = 1000\n");

fn stamps(actions: &[Action]) -> Vec<&str> {
    let mut names = Vec::new();
    for action in actions {
        if let Action::Stamp(name) = action {
            names.push(name.as_str());
        }
    }
    names
}

pub(super) fn booted() -> Host {
    let mut host = Host::new(&[DEFAULT, DB, WEB]);
    host.step(Event::Boot);
    host.spawned("db");
    host.ready("db");
    host.spawned("web");
    host
}

#[test]
fn a_boot_starts_requirements_first_and_stamps_each_milestone_once() {
    let mut host = booted();
    assert_eq!(host.names(&["db", "web", "default"]), ["ready", "ready", "done"]);
    assert_eq!(spawns(&host.log, host.machine.set()), ["db", "web"]);
    host.exit("db", 1);
    host.due("db");
    host.spawned("db");
    host.ready("db");
    assert_eq!(stamps(&host.log), ["db-exec", "db", "default"]);
}

#[test]
fn a_client_lives_through_the_restart_of_what_it_requires() {
    let mut host = booted();
    host.exit("db", 1);
    assert_eq!(host.names(&["db", "web"]), ["restarting", "ready"]);
}

#[test]
fn a_client_that_crashes_meanwhile_waits_for_it() {
    let mut host = booted();
    host.exit("db", 1);
    host.exit("web", 1);
    host.wait(200);
    assert_eq!(host.names(&["db", "web"]), ["starting", "waiting"]);
    host.spawned("db");
    assert_eq!(spawns(&host.ready("db"), host.machine.set()), ["web"]);
}

#[test]
fn a_bound_client_goes_down_with_it_and_comes_back_with_it() {
    let web = ("web", "kind = \"service\"\nexec = [\"/web\"]\nbinds = [\"db\"]\n");
    let mut host = Host::new(&[DEFAULT, DB, web]);
    host.step(Event::Boot);
    host.spawned("db");
    host.ready("db");
    host.spawned("web");
    host.exit("db", 1);
    assert_eq!(host.names(&["db", "web"]), ["restarting", "stopping"]);
    host.exit("web", 0);
    assert_eq!(host.names(&["db", "web"]), ["restarting", "waiting"]);
    // Asked to restart, it lets go of its client first.
    host.due("db");
    host.spawned("db");
    host.ready("db");
    host.spawned("web");
    host.ask(Request::Restart(host.id("db")));
    assert_eq!(host.names(&["db", "web"]), ["ready", "stopping"]);
    host.exit("web", 0);
    assert_eq!(host.names(&["db", "web"]), ["stopping", "waiting"]);
}

#[test]
fn the_delay_doubles_to_its_limit_then_the_unit_is_held_and_tried_slowly() {
    let db = "kind = \"service\"\nexec = [\"/db\"]\nready = \"notify\"\n\
              backoff = { initial_ms = 100, max_ms = 300, ceiling = 4, held_retry_ms = 5000 }\n";
    let mut host = Host::new(&[DEFAULT, ("db", db), WEB]);
    host.step(Event::Boot);
    let mut delays = Vec::new();
    for _ in 0..6 {
        host.spawned("db");
        host.exit("db", 70);
        delays.push(host.state("db").deadline().unwrap().since_ms(host.now));
        if host.state("db").name() == "held" {
            assert_eq!(host.state("web").name(), "failed");
        }
        host.due("db");
    }
    assert_eq!(delays, [100, 200, 300, 5000, 5000, 5000]);
    // It heals: its client comes too, and staying up forgives.
    host.spawned("db");
    assert_eq!(spawns(&host.ready("db"), host.machine.set()), ["web"]);
    host.wait(60_000);
    host.exit("db", 1);
    assert_eq!(host.state("db").deadline().unwrap().since_ms(host.now), 100);
}

#[test]
fn bad_configuration_is_held_until_somebody_asks() {
    let mut host = booted();
    host.exit("db", 64);
    assert_eq!(host.wait(1 << 40), []);
    assert_eq!(host.names(&["db", "web"]), ["held", "ready"]);
    assert_eq!(host.ask(Request::Start(host.id("db"))), Answer::Accepted);
    assert_eq!(host.state("db").name(), "starting");
}

#[test]
fn a_unit_that_is_never_up_in_time_is_stopped_then_killed_then_retried() {
    let mut host = Host::new(&[DEFAULT, DB, WEB]);
    host.step(Event::Boot);
    host.spawned("db");
    let run = host.run("db");
    let unit = host.id("db");
    assert!(host.due("db").contains(&Action::Signal { unit, run, signal: Signal::Term }));
    assert!(host.due("db").contains(&Action::Kill { unit, run }));
    host.step(Event::Exited { unit, run, status: Exit::Signal(9) });
    assert_eq!(host.state("db").name(), "restarting");
}

#[test]
fn a_process_that_survives_sigkill_is_never_doubled_and_holds_up_no_shutdown() {
    let mut host = booted();
    host.ask(Request::Restart(host.id("db")));
    host.due("db");
    host.due("db");
    assert_eq!(host.state("db").name(), "stuck");
    assert_eq!(host.ask(Request::Start(host.id("db"))), Answer::Accepted);
    assert_eq!(host.state("db").name(), "stuck");
    host.ask(Request::Shutdown(How::PowerOff));
    assert!(host.exit("web", 0).contains(&Action::Finish(How::PowerOff)));
}

#[test]
fn a_shutdown_goes_backwards_and_what_stops_last_stops_last() {
    let logd = ("logd", "kind = \"service\"\nexec = [\"/logd\"]\nafter = [\"job\"]\nstop_last = true\n");
    let job = ("job", "kind = \"oneshot\"\nexec = [\"/job\"]\n");
    let all = ("default", "kind = \"target\"\nwants = [\"web\", \"db\", \"logd\", \"job\"]\n");
    let mut host = Host::new(&[all, DB, WEB, logd, job]);
    host.step(Event::Boot);
    for name in ["db", "job"] {
        host.spawned(name);
    }
    host.exit("job", 0);
    host.spawned("logd");
    host.ready("db");
    host.spawned("web");
    // A job that runs again comes before logd in order, and still must not wait for it.
    host.ask(Request::Restart(host.id("job")));
    host.spawned("job");
    host.ask(Request::Shutdown(How::Reboot));
    assert_eq!(host.names(&["web", "db", "job", "logd"]), ["stopping", "ready", "stopping", "ready"]);
    host.exit("web", 0);
    host.exit("job", 143);
    assert_eq!(host.names(&["web", "db", "job", "logd"]), ["stopped", "stopping", "stopped", "ready"]);
    host.exit("db", 0);
    assert_eq!(host.state("logd").name(), "stopping");
    let last = host.exit("logd", 0);
    assert_eq!(last.last(), Some(&Action::Finish(How::Reboot)));
}

#[test]
fn requests_during_a_shutdown_have_answers() {
    let mut host = booted();
    let web = host.id("web");
    assert_eq!(host.ask(Request::Shutdown(How::PowerOff)), Answer::Accepted);
    assert_eq!(host.ask(Request::Shutdown(How::PowerOff)), Answer::Already);
    for request in [Request::Start(web), Request::Stop(web), Request::Restart(web)] {
        assert_eq!(host.ask(request), Answer::ShuttingDown);
    }
    let deadline = host.state("web").deadline();
    assert_eq!(host.ask(Request::Shutdown(How::Reboot)), Answer::Accepted);
    assert_eq!(host.state("web").deadline(), deadline);
    host.exit("web", 0);
    assert_eq!(host.exit("db", 0).last(), Some(&Action::Finish(How::Reboot)));
    assert_eq!(host.ask(Request::Shutdown(How::PowerOff)), Answer::ShuttingDown);
}

#[test]
fn before_boot_only_a_shutdown_is_accepted() {
    let mut host = Host::new(&[DEFAULT, DB, WEB]);
    assert_eq!(host.ask(Request::Start(host.id("db"))), Answer::NotBooted);
    assert_eq!(host.ask(Request::Shutdown(How::PowerOff)), Answer::Accepted);
    assert_eq!(host.log.last(), Some(&Action::Finish(How::PowerOff)));
    assert_eq!(host.step(Event::Boot), []);
}

#[test]
fn ids_of_another_set_are_unknown() {
    let mut host = booted();
    let stray = UnitId(99);
    for request in [Request::Start(stray), Request::Stop(stray), Request::Restart(stray)] {
        assert_eq!(host.ask(request), Answer::Unknown);
    }
    host.step(Event::Exited { unit: stray, run: Run(1), status: Exit::Code(0) });
    assert_eq!(host.names(&["db", "web"]), ["ready", "ready"]);
}

#[test]
fn a_oneshot_that_fails_for_good_fails_what_requires_it_and_not_what_follows_it() {
    let job = ("job", "kind = \"oneshot\"\nexec = [\"/job\"]\n");
    let db = ("db", "kind = \"service\"\nexec = [\"/db\"]\nrequires = [\"job\"]\n");
    let web = ("web", "kind = \"service\"\nexec = [\"/web\"]\nafter = [\"job\"]\n");
    let mut host = Host::new(&[DEFAULT, job, db, web]);
    host.step(Event::Boot);
    host.spawned("job");
    host.exit("job", 1);
    assert_eq!(host.names(&["job", "db", "web"]), ["failed", "failed", "starting"]);
    host.ask(Request::Start(host.id("db")));
    assert_eq!(host.names(&["job", "db"]), ["starting", "waiting"]);
    host.spawned("job");
    host.exit("job", 0);
    assert_eq!(host.names(&["job", "db"]), ["done", "starting"]);
}

#[test]
fn leftovers_are_swept_unless_the_unit_keeps_its_children() {
    let mut host =
        Host::new(&[DEFAULT, DB, ("web", "kind = \"service\"\nexec = [\"/w\"]\nkill = \"process\"\n")]);
    host.step(Event::Boot);
    host.spawned("db");
    host.spawned("web");
    let sweep = |unit| Action::Sweep { unit };
    let (db, web) = (host.id("db"), host.id("web"));
    assert!(host.exit("db", 1).contains(&sweep(db)));
    assert!(!host.exit("web", 1).contains(&sweep(web)));
}

const HEALTHY: (&str, &str) = ("healthy", "kind = \"target\"\nrequires = [\"db\", \"web\"]\n");
const CONFIRM: (&str, &str) =
    ("confirm", "kind = \"oneshot\"\nexec = [\"/confirm\"]\nrequires = [\"healthy\"]\n");

/// A host that is confirmed once both its services were up at the same time.
fn on_trial(db: &str) -> Host {
    let all = ("default", "kind = \"target\"\nwants = [\"confirm\"]\n");
    let web = ("web", "kind = \"service\"\nexec = [\"/web\"]\nready = \"notify\"\n");
    let mut host = Host::new(&[all, HEALTHY, CONFIRM, web, ("db", db)]);
    host.step(Event::Boot);
    for name in ["db", "web"] {
        host.spawned(name);
    }
    host
}

const NOTIFYING: &str = "kind = \"service\"\nexec = [\"/db\"]\nready = \"notify\"\n";

#[test]
fn a_target_is_reached_when_all_it_requires_is_up_at_once_and_stays_reached() {
    let mut host = on_trial(NOTIFYING);
    host.ready("db");
    assert_eq!(host.names(&["healthy", "confirm"]), ["waiting", "waiting"]);
    // One goes before the other comes: not yet.
    host.exit("db", 1);
    host.ready("web");
    assert_eq!(host.names(&["healthy", "confirm"]), ["waiting", "waiting"]);
    host.due("db");
    host.spawned("db");
    assert_eq!(spawns(&host.ready("db"), host.machine.set()), ["confirm"]);
    host.spawned("confirm");
    host.exit("confirm", 0);
    // What restarts later neither undoes it nor confirms twice.
    host.exit("web", 1);
    host.due("web");
    host.spawned("web");
    host.ready("web");
    assert_eq!(host.names(&["healthy", "confirm", "default"]), ["done", "done", "done"]);
    let confirmed = spawns(&host.log, host.machine.set()).iter().filter(|name| *name == "confirm").count();
    assert_eq!(confirmed, 1);
}

#[test]
fn what_requires_a_target_never_runs_while_one_unit_of_it_is_not_up() {
    let hopeless = std::format!("{NOTIFYING}start_timeout_ms = 500\nbackoff = {{ ceiling = 3 }}\n");
    let mut host = on_trial(&hopeless);
    host.ready("web");
    for _ in 0..20 {
        match host.state("db").name() {
            "starting" => drop(host.spawned("db")),
            "stopping" => drop(host.exit("db", 143)),
            _ => drop(host.due("db")),
        }
    }
    assert!(!spawns(&host.log, host.machine.set()).contains(&"confirm".into()), "{:#?}", host.log);
    // Held, it is tried again: a host that heals late is confirmed late.
    while host.state("db").name() != "running" {
        host.due("db");
        if host.state("db").name() == "starting" {
            host.spawned("db");
        }
    }
    assert_eq!(spawns(&host.ready("db"), host.machine.set()), ["confirm"]);
}

#[test]
fn a_host_without_a_unit_it_cannot_miss_shuts_down_in_order_and_restarts() {
    let db = "kind = \"service\"\nexec = [\"/db\"]\nfailure_action = \"reboot\"\nbackoff = { ceiling = 2 }\n";
    let mut host = Host::new(&[DEFAULT, ("db", db), WEB]);
    host.step(Event::Boot);
    host.spawned("db");
    host.spawned("web");
    host.exit("db", 1);
    assert_eq!(host.names(&["db", "web"]), ["restarting", "ready"], "one crash is no reason");
    host.due("db");
    host.spawned("db");
    let db = host.id("db");
    let last = host.exit("db", 1);
    assert!(last.contains(&Action::GiveUp { unit: db }), "{last:#?}");
    assert_eq!(host.names(&["db", "web"]), ["stopped", "stopping"]);
    assert_eq!(host.ask(Request::Start(db)), Answer::ShuttingDown);
    assert_eq!(host.exit("web", 0).last(), Some(&Action::Finish(How::Reboot)));
}

#[test]
fn a_unit_it_cannot_miss_that_hangs_for_ever_ends_the_host_and_one_asked_to_stop_does_not() {
    let db = "kind = \"service\"\nexec = [\"/db\"]\nready = \"notify\"\nfailure_action = \"reboot\"\n";
    let mut host = Host::new(&[DEFAULT, ("db", db), WEB]);
    host.step(Event::Boot);
    host.spawned("db");
    let unit = host.id("db");
    // Not up in time, told to end, killed, and the kernel does not let it go.
    host.due("db");
    host.due("db");
    let last = host.due("db");
    assert!(last.contains(&Action::GiveUp { unit }), "{last:#?}");
    assert_eq!(last.last(), Some(&Action::Finish(How::Reboot)));

    let mut host = Host::new(&[DEFAULT, ("db", db), WEB]);
    host.step(Event::Boot);
    host.spawned("db");
    host.ready("db");
    host.ask(Request::Stop(unit));
    host.due("db");
    host.due("db");
    assert_eq!(host.state("db").name(), "stuck");
    assert!(!host.log.contains(&Action::GiveUp { unit }));
}

#[test]
fn a_unit_it_cannot_miss_that_lacks_what_it_requires_ends_the_host() {
    let db = "kind = \"oneshot\"\nexec = [\"/db\"]\n";
    let web = "kind = \"service\"\nexec = [\"/web\"]\nrequires = [\"db\"]\nfailure_action = \"reboot\"\n";
    let mut host = Host::new(&[DEFAULT, ("db", db), ("web", web)]);
    host.step(Event::Boot);
    host.spawned("db");
    assert_eq!(host.exit("db", 1).last(), Some(&Action::Finish(How::Reboot)));
}
