//! Kernel parameters: what differs, setting them, and putting them back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use render::{Knob, Plan};
use wire::apply::{KnobChange, KnobKind};

use crate::host::Host;
use crate::record::{Record, TurnState, Turned};

/// What is to be done with one parameter.
enum Wanted<'a> {
    Set(&'a Knob),
    /// Put back what it was, if that is known.
    Release(&'a Turned),
}

/// One parameter that is not as it should be.
pub(crate) struct Difference<'a> {
    path: &'a str,
    wanted: Wanted<'a>,
    before: Option<String>,
}

/// Parameters that are not as planned, then those that no setting wants any more.
pub(crate) fn differences<'a>(host: &dyn Host, plan: &'a Plan, record: &'a Record) -> Vec<Difference<'a>> {
    let set = plan.knobs.iter().filter_map(|knob| {
        let before = host.parameter(&knob.path).ok();
        let taken = record.knobs.get(&knob.path).is_some_and(|turned| match &turned.state {
            TurnState::Taken(reads_as) => turned.value == knob.value && (knob.yields || *reads_as == before),
            TurnState::Announced | TurnState::Refused => false,
        });
        let same = before.as_deref().is_some_and(|text| same(text, &knob.value));
        (!taken && !same).then_some(Difference { path: &knob.path, wanted: Wanted::Set(knob), before })
    });
    let wanted: BTreeSet<&str> = plan.knobs.iter().map(|knob| knob.path.as_str()).collect();
    let released = record.knobs.iter().filter(|(path, _)| !wanted.contains(path.as_str()));
    let released = released.filter_map(|(path, turned)| {
        let before = host.parameter(path).ok();
        let nothing_to_do = turned.state == TurnState::Refused && turned.original == before
            || matches!((&before, &turned.original), (Some(now), Some(then)) if same(now, then));
        (!nothing_to_do).then_some(Difference { path, wanted: Wanted::Release(turned), before })
    });
    set.chain(released).collect()
}

impl Difference<'_> {
    /// What would happen.
    pub(crate) fn preview(&self) -> KnobChange {
        let (kind, key, after) = match &self.wanted {
            Wanted::Set(knob) => (KnobKind::Set, &knob.key, Some(knob.value.clone())),
            Wanted::Release(turned) => match &turned.original {
                Some(original) => (KnobKind::Restored, &turned.key, Some(original.clone())),
                None => (KnobKind::Left, &turned.key, self.before.clone()),
            },
        };
        let before = self.before.clone();
        KnobChange { path: self.path.into(), key: key.clone(), kind, before, after, error: None }
    }

    /// Makes it happen.
    pub(crate) fn perform(&self, host: &dyn Host) -> KnobChange {
        let mut change = self.preview();
        let (KnobKind::Set | KnobKind::Restored, Some(value)) = (change.kind, &change.after) else {
            return change;
        };
        let error = match host.set_parameter(self.path, value) {
            Ok(()) => short_of(value, &host.parameter(self.path).unwrap_or_default(), self.path),
            Err(err) => Some(refused(&err)),
        };
        if error.is_some() {
            change.error = error;
            change.after = host.parameter(self.path).ok();
            if change.kind == KnobKind::Restored {
                change.kind = KnobKind::Left;
            }
        }
        change
    }
}

/// Names each parameter that is about to be touched, and what it was before it was ours.
pub(crate) fn announce(host: &dyn Host, plan: &Plan, differences: &[Difference<'_>], record: &mut Record) {
    for knob in &plan.knobs {
        record.knobs.entry(knob.path.clone()).or_insert_with(|| Turned {
            key: knob.key.clone(),
            value: knob.value.clone(),
            original: host.parameter(&knob.path).ok(),
            state: TurnState::Announced,
        });
    }
    for difference in differences {
        if let Some(turned) = record.knobs.get_mut(difference.path) {
            turned.state = TurnState::Announced;
        }
    }
}

/// What the record says of the plan's parameters once `changes` were made.
pub(crate) fn turned(
    host: &dyn Host,
    plan: &Plan,
    record: &Record,
    changes: &[KnobChange],
) -> BTreeMap<String, Turned> {
    let failed = changes.iter().filter(|change| change.error.is_some());
    let refused: BTreeSet<&str> = failed.map(|change| change.path.as_str()).collect();
    let turned = plan.knobs.iter().map(|knob| {
        let state = match refused.contains(knob.path.as_str()) {
            true => TurnState::Refused,
            false => TurnState::Taken(host.parameter(&knob.path).ok()),
        };
        let original = record.knobs.get(&knob.path).and_then(|turned| turned.original.clone());
        let (key, value) = (knob.key.clone(), knob.value.clone());
        (knob.path.clone(), Turned { key, value, original, state })
    });
    turned.collect()
}

/// How many values the kernel refused now that it had not refused before.
pub(crate) fn newly_refused(changes: &[KnobChange], plan: &Plan, before: &Record) -> usize {
    let wanted: BTreeMap<&str, &str> = plan.knobs.iter().map(|knob| (&*knob.path, &*knob.value)).collect();
    let known = |path: &str| {
        before.knobs.get(path).is_some_and(|turned| {
            turned.state == TurnState::Refused && wanted.get(path) == Some(&turned.value.as_str())
        })
    };
    let refused = |change: &&KnobChange| change.kind == KnobKind::Set && change.error.is_some();
    changes.iter().filter(refused).filter(|change| !known(&change.path)).count()
}

/// Whether two texts mean one value: `4096\t16384` and `4096 16384`.
fn same(text: &str, value: &str) -> bool {
    text.split_whitespace().eq(value.split_whitespace())
}

/// Huge pages are taken from what memory is free in one piece: a write that works may bring fewer than asked for.
fn short_of(wanted: &str, now: &str, path: &str) -> Option<String> {
    let (wanted, now): (u64, u64) = (wanted.parse().ok()?, now.parse().ok()?);
    let short = path.starts_with("/sys/kernel/mm/hugepages/") && now < wanted;
    short.then(|| {
        format!("the kernel found memory for {now} of {wanted} pages; ask for fewer, or restart the host")
    })
}

fn refused(err: &io::Error) -> String {
    match err.kind() {
        io::ErrorKind::NotFound => "this kernel has no such parameter".into(),
        _ => format!("the kernel refused the value: {err}"),
    }
}
