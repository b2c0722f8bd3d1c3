//! A checked set of units, and its stored form (JSON in the image).
//!
//! Holds always: every id in a set is one of its units, names are unique and safe as file names, `after` has no cycle, a
//! unit that needs a program has one with an absolute path. Only [`UnitSet::new`] makes a set, also from the stored form.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::graph::{self, ids};
use crate::unit::{Kind, Readiness, Restart, Unit, UnitId};

/// Units of a set. More would be a mistake: it also bounds the depth of every walk.
pub const MAX_UNITS: usize = 256;
/// Bytes of a stored set: generous for [`MAX_UNITS`] units.
pub const MAX_STORED_BYTES: usize = 1 << 20;
/// The stored form's version; a set from another one is refused.
const FORMAT: u32 = 1;

/// Units that agree with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitSet {
    units: Vec<Unit>,
    goal: UnitId,
    order: Vec<UnitId>,
}

/// Why units do not make a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// It is longer than any honest set.
    #[error("stored unit set has {bytes} bytes, more than {MAX_STORED_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not what [`UnitSet::to_json`] writes.
    #[error("cannot read the stored unit set: {why}")]
    Parse {
        /// The parser's words.
        why: String,
    },
    /// Another version wrote it.
    #[error("stored unit set has format {found}, this program reads {FORMAT}")]
    Format {
        /// Its version.
        found: u32,
    },
    /// It has more units than a set may have.
    #[error("{count} units are more than {MAX_UNITS}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A unit's rules are at odds.
    #[error("unit {unit}: {why}")]
    Unit {
        /// The unit's name.
        unit: String,
        /// What is wrong.
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    goal: UnitId,
    units: Vec<Unit>,
}

impl UnitSet {
    /// Checks `units` as a set that boots `goal`.
    pub fn new(units: Vec<Unit>, goal: UnitId) -> Result<Self, SetError> {
        if units.len() > MAX_UNITS {
            return Err(SetError::TooMany { count: units.len() });
        }
        for (id, unit) in ids(units.len()).zip(&units) {
            let wrong = |why: &str| Err(SetError::Unit { unit: unit.name.clone(), why: why.to_string() });
            if let Some(why) = faults(unit).first() {
                return wrong(why);
            }
            if units.iter().take(id.index()).any(|other| other.name == unit.name) {
                return wrong("there is another unit of this name");
            }
            if unit.takes_logs && units.iter().take(id.index()).any(|other| other.takes_logs) {
                return wrong("another unit takes the logs");
            }
            let edges = [&unit.after, &unit.requires, &unit.wants, &unit.binds];
            if edges.into_iter().flatten().any(|target| target.index() >= units.len()) {
                return wrong("it names a unit that is not in the set");
            }
            let implied = unit.requires.iter().chain(&unit.binds);
            if implied.clone().any(|target| !unit.after.contains(target)) {
                return wrong("it requires a unit that it does not come after");
            }
            if unit.binds.iter().any(|target| !unit.requires.contains(target)) {
                return wrong("it binds to a unit that it does not require");
            }
        }
        if goal.index() >= units.len() {
            return Err(SetError::Unit {
                unit: "default".to_string(),
                why: "it is not in the set".to_string(),
            });
        }
        let order = graph::start_order(&units).map_err(|cycle| SetError::Unit {
            unit: cycle.0.first().map(|id| name_of(&units, *id)).unwrap_or_default(),
            why: describe_cycle(&units, &cycle),
        })?;
        Ok(Self { units, goal, order })
    }

    /// Reads the stored form and checks it again: the file is verified, the program that wrote it may be another version.
    pub fn from_json(text: &[u8]) -> Result<Self, SetError> {
        if text.len() > MAX_STORED_BYTES {
            return Err(SetError::TooLong { bytes: text.len() });
        }
        let stored: Stored =
            serde_json::from_slice(text).map_err(|err| SetError::Parse { why: err.to_string() })?;
        if stored.format != FORMAT {
            return Err(SetError::Format { found: stored.format });
        }
        Self::new(stored.units, stored.goal)
    }

    /// The stored form. The same set always gives the same bytes.
    pub fn to_json(&self) -> String {
        let stored = Stored { format: FORMAT, goal: self.goal, units: self.units.clone() };
        // Serialising these plain types cannot fail: no maps with odd keys, no floats.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The units, each at its id's place.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Every id, in the order of the set.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = UnitId> + Clone + use<> {
        ids(self.units.len())
    }

    /// The unit of this id; none when the id is of another set.
    pub fn get(&self, id: UnitId) -> Option<&Unit> {
        self.units.get(id.index())
    }

    /// The unit of this name.
    pub fn find(&self, name: &str) -> Option<UnitId> {
        self.ids().zip(&self.units).find(|(_, unit)| unit.name == name).map(|(id, _)| id)
    }

    /// What booting means: this unit and what it pulls in.
    pub fn goal(&self) -> UnitId {
        self.goal
    }

    /// Ids such that each comes after all that it is `after`.
    pub fn start_order(&self) -> &[UnitId] {
        &self.order
    }
}

/// `a -> b -> a`: each comes after the next.
pub(crate) fn describe_cycle(units: &[Unit], cycle: &graph::Cycle) -> String {
    let mut text = String::from("it comes after itself: ");
    for id in &cycle.0 {
        text.push_str(&name_of(units, *id));
        text.push_str(" -> ");
    }
    if let Some(first) = cycle.0.first() {
        text.push_str(&name_of(units, *first));
    }
    text
}

fn name_of(units: &[Unit], id: UnitId) -> String {
    units.get(id.index()).map(|unit| unit.name.clone()).unwrap_or_default()
}

/// Everything about a unit by itself that makes no sense.
pub(crate) fn faults(unit: &Unit) -> Vec<&'static str> {
    let mut faults = Vec::new();
    let mut check = |wrong: bool, why| {
        if wrong {
            faults.push(why);
        }
    };
    let target = unit.kind == Kind::Target;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    check(
        unit.name.is_empty() || unit.name.len() > 64 || !unit.name.chars().all(plain),
        "its name must be 1 to 64 of a-z, 0-9 and -",
    );
    check(target && !unit.exec.is_empty(), "a target runs nothing: remove exec");
    check(!target && unit.exec.is_empty(), "exec is missing");
    check(
        unit.exec.first().is_some_and(|program| !program.starts_with('/')),
        "exec's program must be an absolute path",
    );
    check(unit.exec.iter().any(|word| word.contains('\0')), "exec has a NUL byte");
    check(
        (unit.kind == Kind::Service) == (unit.ready == Readiness::Finished),
        "ready must be notify or started for a service, finished (or absent) for others",
    );
    check(
        unit.kind == Kind::Oneshot && unit.restart == Restart::Always,
        "a oneshot that is always restarted never ends: use restart = \"on-failure\"",
    );
    check(target && unit.restart != Restart::Never, "a target has no process to restart");
    check(
        unit.kind != Kind::Service && !unit.binds.is_empty(),
        "only a service can bind: nothing else keeps running",
    );
    check(
        unit.reload.is_some() && unit.ready != Readiness::Notify,
        "only a service with ready = \"notify\" can reload: it must say when it is done",
    );
    check(
        unit.reload == Some(unit.stop_signal),
        "reload and stop_signal are the same: it could not tell which is meant",
    );
    check(unit.start_timeout_ms == 0, "start_timeout_ms must be more than 0");
    check(unit.stop_timeout_ms == 0, "stop_timeout_ms must be more than 0");
    check(unit.backoff.initial_ms == 0, "backoff.initial_ms must be more than 0");
    check(unit.backoff.max_ms < unit.backoff.initial_ms, "backoff.max_ms is less than backoff.initial_ms");
    check(unit.backoff.ceiling == 0, "backoff.ceiling must be more than 0");
    check(unit.backoff.held_retry_ms == 0, "backoff.held_retry_ms must be more than 0");
    check(!(-1000..=1000).contains(&unit.oom_score_adj), "oom_score_adj must be -1000 to 1000");
    check(
        unit.environment
            .iter()
            .any(|(key, value)| key.is_empty() || key.contains(['=', '\0']) || value.contains('\0')),
        "environment has a name or value that cannot be passed",
    );
    check(
        [&unit.milestone, &unit.milestone_at_start].into_iter().flatten().any(|name| !is_milestone(name)),
        "a milestone's name must be 1 to 64 of a-z, 0-9, -, _, . and /",
    );
    faults
}

/// Whether `name` can stand on the timeline: it goes into log lines as it is.
pub fn is_milestone(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/');
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}
