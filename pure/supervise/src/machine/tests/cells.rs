//! The table in the module's page, cell by cell.

use super::*;

const PAGE: &str = include_str!("../mod.rs");
/// `reloading*` has said that it has begun.
const STATES: [&str; 14] = [
    "stopped",
    "waiting",
    "starting",
    "running",
    "ready",
    "reloading",
    "reloading*",
    "stopping",
    "stuck",
    "restarting",
    "held",
    "failed",
    "skipped",
    "done",
];
/// The column that is no event.
const FAILURE_ACTION: &str = "failure_action";
const EVENTS: [&str; 17] = [
    "spawned",
    "no-spawn",
    "skipped",
    "ready",
    "reloading",
    "not-taken",
    "exit-0",
    "exit-1",
    "exit-64",
    "start",
    "stop",
    "restart",
    "reload",
    "renew",
    "shutdown",
    "due",
    FAILURE_ACTION,
];

/// A host whose unit `x` is in this state. `x` requires `gate`, which is up in all states but `waiting`.
fn host_in(state: &str) -> Host {
    let host = host_towards(state, "none");
    assert_eq!(label(&host), state);
    host
}

/// The row that unit `x` is in.
fn label(host: &Host) -> &'static str {
    match host.state("x") {
        State::Reloading { begun: true, .. } => "reloading*",
        state => state.name(),
    }
}

/// The same way to the state, which a unit with another failure action may not stay in.
fn host_towards(state: &str, failure_action: &str) -> Host {
    let restart = if matches!(state, "failed" | "done") { "never" } else { "always" };
    let x = std::format!(
        "kind = \"service\"\nexec = [\"/x\"]\nready = \"notify\"\nrestart = \"{restart}\"\nrequires = [\"gate\"]\n\
         failure_action = \"{failure_action}\"\nreload = \"SIGHUP\"\n"
    );
    let gate = "kind = \"service\"\nexec = [\"/gate\"]\nready = \"notify\"\nstart_timeout_ms = 900000\n";
    let mut host =
        Host::new(&[("default", "kind = \"target\"\nwants = [\"x\"]\n"), ("x", &x), ("gate", gate)]);
    host.step(Event::Boot);
    host.spawned("gate");
    if state == "waiting" {
        return host;
    }
    host.ready("gate");
    let x = host.id("x");
    match state {
        "starting" => {}
        "skipped" => drop(host.step(Event::Skipped { unit: x, run: host.run("x") })),
        _ => {
            host.spawned("x");
            if state != "running" {
                host.ready("x");
            }
        }
    }
    match state {
        "reloading" | "reloading*" => {
            host.ask(Request::Reload(x));
        }
        "restarting" | "failed" => drop(host.exit("x", 1)),
        "held" => drop(host.exit("x", 64)),
        "done" => drop(host.exit("x", 0)),
        "stopping" | "stopped" | "stuck" => {
            host.ask(Request::Stop(x));
        }
        _ => {}
    }
    match state {
        "reloading*" => drop(host.reloading("x")),
        "stopped" => drop(host.exit("x", 0)),
        "stuck" => {
            host.due("x");
            host.due("x");
        }
        _ => {}
    }
    host
}

fn apply(host: &mut Host, event: &str, run: Run) {
    let unit = host.id("x");
    let exited = |code| Event::Exited { unit, run, status: Exit::Code(code) };
    let asked = |request| Event::Asked { by: Asker(1), request };
    let event = match event {
        "spawned" => Event::Spawned { unit, run },
        "no-spawn" => Event::SpawnFailed { unit, run },
        "skipped" => Event::Skipped { unit, run },
        "ready" => Event::Ready { unit, run },
        "reloading" => Event::Reloading { unit, run },
        "not-taken" => Event::NotTaken { unit, run },
        "exit-0" => exited(0),
        "exit-1" => exited(1),
        "exit-64" => exited(64),
        "start" => asked(Request::Start(unit)),
        "stop" => asked(Request::Stop(unit)),
        "restart" => asked(Request::Restart(unit)),
        "reload" => asked(Request::Reload(unit)),
        "renew" => asked(Request::Renew(unit)),
        "shutdown" => asked(Request::Shutdown(How::PowerOff)),
        "due" => {
            host.due("x");
            return;
        }
        other => panic!("no event {other}"),
    };
    host.step(event);
}

fn cell(state: &str, event: &str) -> &'static str {
    if event == FAILURE_ACTION {
        let host = host_towards(state, "reboot");
        return if host.machine.phase == Phase::Ending(How::Reboot) { "reboot" } else { label(&host) };
    }
    let mut host = host_in(state);
    let run = host.run("x");
    apply(&mut host, event, run);
    label(&host)
}

#[test]
fn every_cell_of_the_table_holds() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("//! |"));
    let rows: Vec<Vec<&str>> =
        rows.map(|row| row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    let mut expected = std::collections::BTreeMap::new();
    let (header, rows) = rows.split_first().expect("the page has the table");
    for row in rows {
        for (event, next) in header.iter().zip(row).skip(1) {
            expected.insert((row[0], *event), *next);
        }
    }
    let mut wrong = Vec::new();
    for state in STATES {
        for event in EVENTS {
            let next = cell(state, event);
            let next = if next == state { "." } else { next };
            if expected.get(&(state, event)) != Some(&next) {
                wrong.push(std::format!(
                    "{state} x {event}: is {next}, page says {:?}",
                    expected.get(&(state, event))
                ));
            }
        }
    }
    if !wrong.is_empty() {
        for state in STATES {
            let cells =
                EVENTS.map(|event| Some(cell(state, event)).filter(|next| *next != state).unwrap_or("."));
            std::println!("//! | {state} | {} |", cells.join(" | "));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn events_of_an_earlier_run_change_nothing() {
    for state in STATES {
        for event in [
            "spawned",
            "no-spawn",
            "skipped",
            "ready",
            "reloading",
            "not-taken",
            "exit-0",
            "exit-1",
            "exit-64",
        ] {
            for stale in [Run(0), Run(1), Run(u64::MAX)] {
                let mut host = host_in(state);
                if host.run("x") == stale {
                    continue;
                }
                apply(&mut host, event, stale);
                assert_eq!(label(&host), state, "stale {event}");
            }
        }
    }
}
