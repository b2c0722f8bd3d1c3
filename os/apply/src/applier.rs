//! The application itself, step by step.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use control::{ControlError, Outcome, Refusal, UnitState, Units};
use render::Plan;
use wire::apply::{FailedAt, Failure, FileChange, Preview, Renewal, Report, UnitOutcome, UnitRenewal};

use crate::host::{Host, Root};
use crate::record::{self, Record};
use crate::{compare, knobs};

/// How long all units together may take. containerd's own start has 60 s.
const RENEW_WITHIN: Duration = Duration::from_secs(120);

/// How long one that was not up before may take. What it waits for is no file of ours: netd without a DHCP server waits for ever.
const LATE_WITHIN: Duration = Duration::from_secs(5);

/// Makes hosts equal to plans.
pub struct Applier {
    host: Box<dyn Host>,
    units: Option<Box<dyn Units>>,
    lenient: bool,
    patience: Duration,
}

impl Applier {
    /// For the host below `root`. Without `units` nobody runs who would have to take a file again.
    pub fn new(root: &Path, units: Option<Box<dyn Units>>) -> Self {
        Applier::on(Box::new(Root(root.to_owned())), units)
    }

    pub(crate) fn on(host: Box<dyn Host>, units: Option<Box<dyn Units>>) -> Self {
        Applier { host, units, lenient: false, patience: RENEW_WITHIN }
    }

    /// A kernel parameter that the kernel refuses is noted in the report, and is no failure: for user data, of which bad parts
    /// cost only themselves.
    pub fn lenient(self) -> Self {
        Applier { lenient: true, ..self }
    }

    /// How long all units together may take, for whoever may not wait as long as is usual.
    pub fn patience(self, patience: Duration) -> Self {
        Applier { patience, ..self }
    }

    /// What applying the plan would change, with diffs of files that hold no secrets. Changes nothing.
    pub fn preview(&self, plan: &Plan) -> Preview {
        let host = &*self.host;
        let record = Record::read(host);
        let files = compare::files(host, plan, &record);
        let units: BTreeSet<String> =
            record.owed.iter().chain(files.iter().flat_map(|file| &file.units)).cloned().collect();
        Preview {
            files: files.iter().map(|file| file.change(file.diff(host), None)).collect(),
            knobs: knobs::differences(host, plan, &record).iter().map(knobs::Difference::preview).collect(),
            units: units.into_iter().collect(),
        }
    }

    /// Makes the host equal to the plan of `generation`, and says what that took. After a failure the host is somewhere
    /// between; applying the former plan, or this one again, ends that.
    pub fn apply(&self, plan: &Plan, generation: u64) -> Report {
        let began = Instant::now();
        // Held until this returns.
        let _turn = match self.host.lock() {
            Ok(lock) => lock,
            Err(err) => return failed(generation, FailedAt::Start, err.to_string()),
        };
        let mut report = self.steps(plan, generation);
        report.took_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A copy for whoever asks later. The record, not this, is what the next run goes by.
        if let Err(err) = record::write_report(&*self.host, &report) {
            fail(&mut report, FailedAt::Start, files::chain(&err));
        }
        report
    }

    /// The report of the last application since the host started.
    pub fn last(&self) -> Option<Report> {
        record::last_report(&*self.host)
    }

    /// The generation that is in effect whole. None: nothing was applied, or something of the last application is missing.
    pub fn applied(&self) -> Option<u64> {
        let record = Record::read(&*self.host);
        record.whole.then_some(record.generation)
    }

    fn steps(&self, plan: &Plan, generation: u64) -> Report {
        let host = &*self.host;
        let before = Record::read(host);
        if before.generation > generation {
            let why = format!("generation {} is in effect", before.generation);
            return failed(generation, FailedAt::Superseded, why);
        }
        if !before.whole
            && let Err(err) = before.files.keys().try_for_each(|path| host.sweep(path))
        {
            return failed(
                generation,
                FailedAt::Start,
                format!("cannot clear away after the last run: {err}"),
            );
        }
        let files = compare::files(host, plan, &before);
        let turns = knobs::differences(host, plan, &before);

        // All that may be touched is named first: from here on this run may end anywhere.
        let mut record = before.clone();
        record.generation = generation;
        record.whole = false;
        record.owed.extend(files.iter().flat_map(|file| file.units.iter().cloned()));
        for file in &plan.files {
            let units = record.files.entry(file.path.clone()).or_default();
            units.extend(file.units.iter().map(|&unit| unit.to_owned()));
        }
        knobs::announce(host, plan, &turns, &mut record);
        if let Err(err) = record.write(host) {
            return failed(generation, FailedAt::Start, files::chain(&err));
        }

        let mut report = Report {
            generation,
            ok: true,
            failure: None,
            files: files.iter().map(|file| put(host, file)).collect(),
            knobs: turns.iter().map(|turn| turn.perform(host)).collect(),
            units: Vec::new(),
            took_us: 0,
        };
        let refused = if self.lenient { 0 } else { knobs::newly_refused(&report.knobs, plan, &before) };
        judge(&mut report, refused);
        record.knobs = knobs::turned(host, plan, &record, &report.knobs);
        if report.ok {
            record.files = plan.files.iter().map(|file| (file.path.clone(), owned(file.units))).collect();
            self.renew(&mut record, before.whole, &mut report);
        }
        record.whole = report.ok;
        if let Err(err) = record.write(host) {
            fail(&mut report, FailedAt::Start, files::chain(&err));
        }
        report
    }

    /// Has every unit take its files that has not. `was_whole`: the last run broke nothing, so what is broken broke by itself.
    fn renew(&self, record: &mut Record, was_whole: bool, report: &mut Report) {
        let Some(units) = &self.units else {
            record.owed.clear();
            return;
        };
        if record.owed.is_empty() {
            return;
        }
        match tell(&**units, &record.owed, self.patience) {
            Ok(Told { renewals, late, broken }) => {
                for renewal in &renewals {
                    // Its turn did not come.
                    let untouched =
                        renewal.how == Renewal::Skipped && renewal.outcome == UnitOutcome::TimedOut;
                    if !untouched {
                        record.owed.remove(&renewal.unit);
                    }
                }
                report.units = renewals;
                let excused = |renewal: &UnitRenewal| {
                    let is_late = renewal.outcome == UnitOutcome::TimedOut && late.contains(&renewal.unit);
                    is_late || (was_whole && broken.contains(&renewal.unit))
                };
                let down = report.units.iter();
                let down = down.filter(|renewal| renewal.outcome != UnitOutcome::Ready && !excused(renewal));
                let down: Vec<String> = down.map(in_words).collect();
                if !down.is_empty() {
                    fail(report, FailedAt::Units, down.join("; "));
                }
            }
            // The files go with the host, and the settings are in effect at its next start: nothing was wrong with them.
            Err(ControlError::Refused { refusal: Refusal::ShuttingDown, .. }) => {
                let owed = std::mem::take(&mut record.owed);
                report.units =
                    owed.into_iter().map(|unit| skipped(unit, "the host is shutting down")).collect();
            }
            Err(err) => fail(report, FailedAt::Units, files::chain(&err)),
        }
    }
}

fn skipped(unit: String, why: &str) -> UnitRenewal {
    UnitRenewal { unit, how: Renewal::Skipped, outcome: UnitOutcome::Ready, why: Some(why.into()) }
}

/// Puts one file in place, or takes it away.
fn put(host: &dyn Host, file: &compare::Difference<'_>) -> FileChange {
    let done = match file.wanted {
        Some(wanted) => {
            host.replace(&wanted.path, &wanted.bytes, wanted.mode).map_err(|err| files::chain(&err))
        }
        None => host.remove(&file.path).map_err(|err| format!("cannot remove it: {err}")),
    };
    file.change(None, done.err())
}

/// Whether units may be told.
fn judge(report: &mut Report, knobs_refused: usize) {
    let unwritten = report.files.iter().filter(|file| file.error.is_some()).count();
    if unwritten > 0 {
        fail(report, FailedAt::Files, format!("{unwritten} of {} files", report.files.len()));
    } else if knobs_refused > 0 {
        fail(report, FailedAt::Knobs, format!("parameters that the kernel refused: {knobs_refused}"));
    }
}

/// What became of units that were told.
struct Told {
    renewals: Vec<UnitRenewal>,
    /// Those on their way up: that they are not there in time says nothing of the files.
    late: BTreeSet<String>,
    /// Those that were broken before: that they still are says nothing of the files either.
    broken: BTreeSet<String>,
}

/// Has these units take their files, but for those that have not started: they will read them then.
fn tell(units: &dyn Units, owed: &BTreeSet<String>, patience: Duration) -> Result<Told, ControlError> {
    let (mut waiting, mut late, mut broken) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for unit in units.list()? {
        match unit.state {
            UnitState::Waiting => drop(waiting.insert(unit.name)),
            UnitState::Starting | UnitState::Running => drop(late.insert(unit.name)),
            // A change may be one of several that repair it, or only happen to concern it.
            UnitState::Restarting | UnitState::Held | UnitState::Failed | UnitState::Stuck => {
                broken.insert(unit.name);
            }
            _ => {}
        }
    }
    let running = owed.difference(&waiting).filter(|unit| !late.contains(*unit));
    let running: Vec<&str> = running.map(String::as_str).collect();
    let mut renewed = if running.is_empty() { Vec::new() } else { units.renew(&running, patience)? };
    for unit in owed.intersection(&late) {
        renewed.extend(units.renew(&[unit], LATE_WITHIN.min(patience))?);
    }
    let renewed = renewed.into_iter().map(|renewed| {
        let how = match renewed.how {
            control::Renewal::Reloaded => Renewal::Reloaded,
            control::Renewal::Restarted => Renewal::Restarted,
            control::Renewal::Started => Renewal::Started,
            control::Renewal::Skipped => Renewal::Skipped,
        };
        let (outcome, why) = match renewed.outcome {
            Outcome::Ready => (UnitOutcome::Ready, None),
            Outcome::Failed { why } if broken.contains(&renewed.unit) => {
                (UnitOutcome::Failed, Some(format!("{why}; it was not up before either")))
            }
            Outcome::Failed { why } => (UnitOutcome::Failed, Some(why)),
            Outcome::TimedOut if late.contains(&renewed.unit) || broken.contains(&renewed.unit) => (
                UnitOutcome::TimedOut,
                Some("it was not up before either; it takes its files once it is".into()),
            ),
            Outcome::TimedOut => (UnitOutcome::TimedOut, None),
        };
        UnitRenewal { unit: renewed.unit, how, outcome, why }
    });
    let waiting = owed.intersection(&waiting).map(|unit| skipped(unit.clone(), "it has not started yet"));
    let renewals = renewed.chain(waiting).collect();
    Ok(Told { renewals, late, broken })
}

fn in_words(renewal: &UnitRenewal) -> String {
    match (&renewal.why, renewal.outcome) {
        (Some(why), _) => format!("{}: {why}", renewal.unit),
        (None, UnitOutcome::TimedOut) => format!("{}: not ready in time", renewal.unit),
        (None, _) => format!("{}: failed", renewal.unit),
    }
}

fn fail(report: &mut Report, at: FailedAt, why: String) {
    report.ok = false;
    report.failure.get_or_insert(Failure { at, why });
}

fn failed(generation: u64, at: FailedAt, why: String) -> Report {
    Report {
        generation,
        ok: false,
        failure: Some(Failure { at, why }),
        files: Vec::new(),
        knobs: Vec::new(),
        units: Vec::new(),
        took_us: 0,
    }
}

fn owned(units: &[&str]) -> BTreeSet<String> {
    units.iter().map(|&unit| unit.to_owned()).collect()
}
