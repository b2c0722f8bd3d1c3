//! Written units -> resolved units -> set: names become ids, implied edges are added, rules across units are checked.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::read::Written;
use super::{DEFAULT, Problem};
use crate::UnitSet;
use crate::graph;
use crate::set::{describe_cycle, faults};
use crate::unit::{Kind, Unit, UnitId};

/// Makes the set, or lists every problem (`problems` holds those of the step before).
pub(super) fn set(written: Vec<Written>, mut problems: Vec<Problem>) -> Result<UnitSet, Vec<Problem>> {
    let mut ids = BTreeMap::new();
    for (written, id) in written.iter().zip(0_u16..) {
        if ids.insert(written.unit.name.clone(), UnitId(id)).is_some() {
            problems.push(problem(&written.unit.name, "", "there is another unit of this name"));
        }
    }
    let unread: Vec<String> = problems.iter().map(|problem| problem.unit.clone()).collect();
    let units: Vec<Unit> = written.into_iter().map(|written| resolve(written, &ids, &mut problems)).collect();
    // A file with problems of its own is half made of defaults: judging it further would only invent more.
    for unit in units.iter().filter(|unit| !unread.contains(&unit.name)) {
        problems.extend(faults(unit).into_iter().map(|why| problem(&unit.name, "", why)));
    }
    across(&units, &mut problems);
    if let Err(cycle) = graph::start_order(&units) {
        let first = cycle.0.first().and_then(|id| units.get(id.index()));
        let why = describe_cycle(&units, &cycle);
        problems.push(problem(first.map_or("", |unit| &unit.name), "after", &why));
    }
    let Some(goal) = ids.get(DEFAULT).copied() else {
        problems.push(problem(DEFAULT, "", "a set must have this unit: it is what a boot brings up"));
        return Err(problems);
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    UnitSet::new(units, goal).map_err(|err| alloc::vec![problem(DEFAULT, "", &err.to_string())])
}

fn resolve(written: Written, ids: &BTreeMap<String, UnitId>, problems: &mut Vec<Problem>) -> Unit {
    let mut unit = written.unit;
    let mut edges = |key: &str, names: &[String]| -> Vec<UnitId> {
        let mut found = Vec::new();
        for name in names {
            match ids.get(name) {
                Some(id) if !found.contains(id) => found.push(*id),
                Some(_) => problems.push(problem(&unit.name, key, &format!("names {name} twice"))),
                None => problems.push(problem(&unit.name, key, &format!("there is no unit {name}"))),
            }
        }
        found
    };
    unit.after = edges("after", &written.after);
    unit.requires = edges("requires", &written.requires);
    unit.wants = edges("wants", &written.wants);
    unit.binds = edges("binds", &written.binds);
    // binds is a requirement, a requirement is an order, and a target is reached once what it gathers has settled.
    let wants: &[UnitId] = if unit.kind == Kind::Target { &unit.wants } else { &[] };
    add(&mut unit.requires, &unit.binds);
    add(&mut unit.after, &unit.requires);
    add(&mut unit.after, wants);
    unit
}

fn add(to: &mut Vec<UnitId>, from: &[UnitId]) {
    for id in from {
        if !to.contains(id) {
            to.push(*id);
        }
    }
}

/// What only shows with all units side by side.
fn across(units: &[Unit], problems: &mut Vec<Problem>) {
    let mut milestones: BTreeMap<&str, &str> = BTreeMap::new();
    for unit in units {
        for milestone in [&unit.milestone, &unit.milestone_at_start].into_iter().flatten() {
            if let Some(other) = milestones.insert(milestone, &unit.name) {
                let why = format!("{milestone} is stamped by {other} as well");
                problems.push(problem(&unit.name, "milestone", &why));
            }
        }
    }
    let takers: Vec<&str> =
        units.iter().filter(|unit| unit.takes_logs).map(|unit| unit.name.as_str()).collect();
    for taker in takers.iter().skip(1) {
        let why = format!("only one unit can take the logs, and {} does", takers.first().unwrap_or(&""));
        problems.push(problem(taker, "takes_logs", &why));
    }
}

fn problem(unit: &str, path: &str, why: &str) -> Problem {
    Problem { unit: unit.to_owned(), path: path.to_owned(), why: why.to_owned() }
}
