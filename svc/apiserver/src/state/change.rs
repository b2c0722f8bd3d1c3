//! A change, from what a caller wants to what came of it: check, commit, apply; undo, if applying fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use generation::{Draft, Generation, Why};
use hyper::StatusCode;
use log::{error, info, warn};
use render::Plan;
use settings::layers::Layers;
use settings::{Layer, Problem, Settings, Value, check_change, diff, validate};
use store::{CommitError, Store};
use wire::apply::{FailedAt, Failure, Renewal, UnitOutcome, UnitRenewal};
use wire::types::{Outcome, Pending, Report};

use super::owed::Owed;
use super::{News, Snapshot, Turn, lock, say};
use crate::answer::{Refusal, changed};

/// Who follows `settings.api`, in reports.
const SERVER: &str = "apiserver";

/// What a change is for, and how far it goes.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Who wants it, as generations and records name callers.
    pub by: String,
    /// What for.
    pub why: Why,
    /// The generation it is meant for, if it says so.
    pub if_match: Option<u64>,
    /// How far.
    pub how: How,
}

/// How far a change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// To what it would do.
    Preview,
    /// Committed; somebody applies it later.
    Commit,
    /// Committed and applied; undone unless it is confirmed within so many seconds, if there is a number.
    Apply(Option<u32>),
}

/// What came of going back.
pub(super) struct Undone {
    /// The settings that were gone back to.
    pub(super) snapshot: Arc<Snapshot>,
    /// What applying them did.
    report: Report,
    /// Why the store does not say so: it still names what they are to take the place of.
    pub(super) unstored: Option<CommitError>,
}

impl Turn {
    /// Makes the change that `edit` makes to the layers. An error has changed nothing, or says what was undone.
    pub fn change(
        &self,
        wanted: &Wanted,
        edit: impl FnOnce(&mut Layers) -> Result<(), Refusal>,
    ) -> Result<Outcome, Refusal> {
        let store = self.api.store()?;
        if wanted.how != How::Preview {
            self.repay()?;
        }
        let base = self.look()?;
        self.expect(wanted, &base)?;
        let mut layers = base.layers.clone();
        edit(&mut layers)?;
        let settings = meaning(wanted.why, &base.layers, &layers).map_err(|problems| invalid(&problems))?;
        let value = settings.write();
        let differing = diff(&base.value, &value);
        let mut outcome = Outcome {
            generation: base.number(),
            base: base.number(),
            applied: false,
            unread: self.unread(&differing, &value),
            changed: differing.iter().map(changed).collect(),
            preview: None,
            confirm_within_s: None,
            apply: None,
        };
        if wanted.how == How::Preview {
            let plan = self
                .plan(&settings)
                .map_err(|failure| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, failure.why))?;
            outcome.preview = Some(self.api.applier.preview(&plan));
            return Ok(outcome);
        }
        if layers == base.layers {
            return Ok(outcome);
        }
        let provisional = match wanted.how {
            How::Apply(seconds) => seconds,
            How::Preview | How::Commit => None,
        };
        let user_data = base.generation.as_ref().map(|base| base.user_data.clone()).unwrap_or_default();
        let draft = Draft {
            unix_s: unix_s(),
            by: wanted.by.clone(),
            why: wanted.why,
            release: self.api.release.version_id.clone(),
            provisional,
            layers,
            user_data,
        };
        let committed = settled(store, store.commit(draft, Some(base.number())));
        let committed = committed.map_err(|err| uncommitted(&err))?;
        store.take_problems().iter().for_each(say);
        info!(generation = committed.number, by:% = wanted.by, why:% = wanted.why; "settings committed");
        let snapshot = self.publish(committed.clone(), Some(settings));
        outcome.generation = snapshot.number();
        if wanted.how == How::Commit {
            return Ok(outcome);
        }
        let report = self.apply(&snapshot);
        if !report.ok {
            return Err(self.undo(base.generation.as_deref(), &committed, report, &wanted.by));
        }
        if let Some(seconds) = provisional {
            self.await_confirmation(snapshot.number(), Duration::from_secs(seconds.into()));
        }
        Ok(Outcome { applied: true, confirm_within_s: provisional, apply: Some(report), ..outcome })
    }

    /// Applies what is committed. What fails is undone, if it never was in effect and there is something to go back to.
    pub fn apply_current(&self, by: &str) -> Result<Report, Refusal> {
        self.repay()?;
        let current = self.look()?;
        let was_in_effect = self.api.applied() == Some(current.number());
        let report = self.apply(&current);
        if report.ok {
            self.api.in_effect();
            return Ok(report);
        }
        if was_in_effect {
            let then = "it was in effect before, and stays the current one";
            return Err(failed(&report, then).with_report(report).current(current.number()));
        }
        let Some(generation) = current.generation.as_deref() else {
            return Err(
                failed(&report, "it is the image's own, and nothing is before it").with_report(report)
            );
        };
        if matches!(generation.why, Why::ApplyFailed { .. } | Why::NotConfirmed { .. }) {
            // Before it is what it undid.
            let then = "it undoes an earlier one already, and stays the current one";
            return Err(failed(&report, then).with_report(report).current(generation.number));
        }
        let store = self.api.store()?;
        let earlier = store.list().unwrap_or_default().into_iter().find(|one| one.number < generation.number);
        let base = earlier.and_then(|one| store.read(one.number).ok());
        Err(self.undo(base.as_deref(), generation, report, by))
    }

    /// What is in effect now; another process may have committed.
    pub fn look(&self) -> Result<Arc<Snapshot>, Refusal> {
        let store = self.api.store()?;
        let current =
            store.refresh().map_err(|err| Refusal::host("the settings store cannot be read", &err))?;
        store.take_problems().iter().for_each(say);
        if let Some(current) = current {
            let here = self.api.now();
            if (current.number, current.provisional.is_none()) != here.state() {
                return Ok(self.publish(current, None));
            }
        }
        Ok(self.api.now())
    }

    pub(super) fn publish(&self, generation: Arc<Generation>, settings: Option<Settings>) -> Arc<Snapshot> {
        // Another in its place, by whomever: there is nothing left to confirm.
        self.forget_provisional(|one| one != generation.number);
        self.api.publish(Snapshot::of(Some(generation), &self.api.image, settings));
        self.api.now()
    }

    /// Whether the change is meant for what is in effect.
    fn expect(&self, wanted: &Wanted, base: &Snapshot) -> Result<(), Refusal> {
        if let Some(expected) = wanted.if_match.filter(|expected| *expected != base.number()) {
            let error = format!("generation {} is in effect, not {expected}", base.number());
            let refusal = Refusal::conflict(error)
                .remedy("read the settings again, and ask again with their generation");
            return Err(refusal.current(base.number()));
        }
        match lock(&self.api.provisional).as_ref() {
            Some(provisional) if wanted.how != How::Preview => {
                let Pending { generation, left_ms, undo } = provisional.pending();
                let (error, remedy) = match undo {
                    Some(why) => (
                        format!(
                            "generation {generation} was not confirmed, and undoing it could not be stored: {why}"
                        ),
                        "free space on STATE; it is tried again every 10 s".to_owned(),
                    ),
                    None => (
                        format!("generation {generation} awaits confirmation"),
                        format!(
                            "POST /v1/generations/{generation}/confirm, or wait {} s until it is undone",
                            left_ms / 1000
                        ),
                    ),
                };
                Err(Refusal::conflict(error).remedy(remedy).current(base.number()))
            }
            _ => Ok(()),
        }
    }

    fn plan(&self, settings: &Settings) -> Result<Plan, Failure> {
        let (plan, errors) = render::render(settings, &self.api.facts);
        match errors.first() {
            None => Ok(plan),
            Some(err) => Err(Failure { at: FailedAt::Start, why: files::chain(err) }),
        }
    }

    pub(super) fn apply(&self, snapshot: &Snapshot) -> Report {
        let generation = snapshot.number();
        let report = match self.plan(&snapshot.settings) {
            Ok(plan) => self.listen(snapshot, self.api.applier.apply(&plan, generation)),
            Err(failure) => Report {
                generation,
                ok: false,
                failure: Some(failure),
                files: Vec::new(),
                knobs: Vec::new(),
                units: Vec::new(),
                took_us: 0,
            },
        };
        let (files, units) = (report.files.len(), report.units.len());
        match &report.failure {
            None => info!(generation, files, units, took_us = report.took_us; "settings applied"),
            Some(failure) => error!(generation, files, units, why:% = failure.why; "settings not applied"),
        }
        *lock(&self.api.last) = Some(report.clone());
        // Nobody watches: nobody is told.
        let _ = self.api.news.send(News::Applied(Box::new(report.clone())));
        report
    }

    /// Has the remote listener follow, once everything else did: who set it may be calling through it. What it could not follow
    /// before this change, either, is not this change's fault.
    fn listen(&self, snapshot: &Snapshot, mut report: Report) -> Report {
        let blameless = self.api.remote().could_not(&snapshot.settings.api);
        if report.ok
            && let Err(err) = self.api.remote().take(&self.api, &snapshot.settings.api)
            && !err.passes()
        {
            let why = files::chain(&err);
            report.units.push(UnitRenewal {
                unit: SERVER.to_owned(),
                how: Renewal::Reloaded,
                outcome: UnitOutcome::Failed,
                why: Some(why.clone()),
            });
            if !blameless {
                report.ok = false;
                report.failure = Some(Failure { at: FailedAt::Units, why });
            }
        }
        report
    }

    /// Goes back to what was before `of`, which could not be applied, and says so.
    fn undo(&self, base: Option<&Generation>, of: &Generation, report: Report, by: &str) -> Refusal {
        let Some(base) = base else {
            let refusal = failed(&report, "there are no settings before it to go back to");
            return refusal.with_report(report).current(of.number);
        };
        let why = Why::ApplyFailed { of: of.number };
        let Undone { snapshot, report: undone, unstored } = self.return_to(base, of, why, by);
        let number = snapshot.number();
        let back = match (&unstored, undone.ok) {
            (None, true) => {
                format!("generation {number} has the settings of {} again, and is in effect", base.number)
            }
            (None, false) => format!(
                "generation {number} has the settings of {} again, and could not be applied either",
                base.number
            ),
            (Some(err), ok) => format!(
                "the settings of {} {} in effect again; that could not be stored, is tried again every 10 s, and nothing \
                 can be changed until it is: {}",
                base.number,
                if ok { "are" } else { "could not be put" },
                files::chain(err)
            ),
        };
        if let Some(err) = unstored {
            let (base, of, by) = (base.clone(), of.clone(), by.to_owned());
            self.owe(Owed { base, of, why, by, unstored: files::chain(&err) });
        }
        let mut refusal = failed(&report, &back).with_report(report).current(number);
        refusal.failure.undone = Some(undone);
        refusal.remedy("the report names what failed; GET /v1/logs?unit=NAME has the unit's own words")
    }

    /// Commits the content of `base` again, after `of`, and applies it. What another process has committed over `of` meanwhile stays.
    pub(super) fn return_to(&self, base: &Generation, of: &Generation, why: Why, by: &str) -> Undone {
        let draft = |over: &Generation| Draft {
            unix_s: unix_s(),
            by: by.to_owned(),
            why,
            release: self.api.release.version_id.clone(),
            provisional: None,
            ..taken_back(base, of, over)
        };
        let Ok(store) = &self.api.store else {
            let snapshot = self.api.now();
            return Undone { report: self.apply(&snapshot), snapshot, unstored: None };
        };
        let mut outcome = settled(store, store.commit(draft(of), Some(of.number)));
        if matches!(outcome, Err(CommitError::Conflict { .. }))
            && let Ok(now) = self.look()
            && let Some(over) = &now.generation
        {
            outcome = settled(store, store.commit(draft(over), Some(over.number)));
        }
        let of = of.number;
        match outcome {
            Ok(committed) => {
                warn!(generation = committed.number, settings_of = base.number, why:% = why; "settings undone");
                let snapshot = self.publish(committed, None);
                Undone { report: self.apply(&snapshot), snapshot, unstored: None }
            }
            Err(err) => {
                error!(of, settings_of = base.number, why:% = files::chain(&err); "settings not undone in the store");
                // The host at least runs by them: what is stored is undone at the next try.
                let settings = Snapshot::of(
                    Some(Arc::new(Generation { number: of, ..base.clone() })),
                    &self.api.image,
                    None,
                );
                Undone { report: self.apply(&settings), snapshot: Arc::new(settings), unstored: Some(err) }
            }
        }
    }

    /// Keys that now have a value and that nothing on this host reads.
    fn unread(&self, changed: &[settings::Changed], after: &Value) -> Vec<String> {
        let new: BTreeSet<_> = changed.iter().filter(|one| one.after.is_some()).map(|one| &one.key).collect();
        if new.is_empty() {
            return Vec::new();
        }
        let unread = render::unread(after, &self.api.facts);
        unread.iter().filter(|key| new.contains(key)).map(ToString::to_string).collect()
    }
}

/// What the layers mean. A change by its author is refused for any problem it brings; what was in effect before, and is
/// wanted back, is taken as it was: the valid part.
fn meaning(why: Why, before: &Layers, after: &Layers) -> Result<Settings, Vec<Problem>> {
    match why {
        Why::Rollback { .. } => Ok(validate(&after.merged()).0),
        _ => check_change(before, after),
    }
}

/// 400 with every problem.
pub fn invalid(problems: &[Problem]) -> Refusal {
    let count = problems.len();
    let error =
        if count == 1 { "a setting is wrong".to_owned() } else { format!("{count} settings are wrong") };
    Refusal::bad(format!("{error}; nothing was changed"))
        .with(problems)
        .remedy("GET /v1/settings/schema says what may be set")
}

/// What `over` says without what `of` changed of `base`: each layer that it changed is as it was.
fn taken_back(base: &Generation, of: &Generation, over: &Generation) -> Draft {
    let mut draft = Draft::from(over.clone());
    for layer in Layer::ALL {
        if base.layers.get(layer) != of.layers.get(layer) {
            draft.layers.set(layer, base.layers.get(layer).cloned().unwrap_or_default());
        }
        let digest = base.user_data.get(&layer);
        if digest != of.user_data.get(&layer) {
            draft.user_data.remove(&layer);
            draft.user_data.extend(digest.map(|digest| (layer, digest.clone())));
        }
    }
    draft
}

fn failed(report: &Report, then: &str) -> Refusal {
    let why = report.failure.as_ref().map_or("for no reason that is known", |failure| failure.why.as_str());
    let error = format!("generation {} could not be applied: {why}; {then}", report.generation);
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error)
}

/// What is current after a commit. One that the disk did not confirm is: the host runs by what it would read now.
pub(super) fn settled(
    store: &Store,
    outcome: Result<Arc<Generation>, CommitError>,
) -> Result<Arc<Generation>, CommitError> {
    match outcome {
        Err(err @ CommitError::InDoubt { .. }) => {
            warn!(why:% = files::chain(&err); "settings committed, in doubt");
            store.current().ok_or(err)
        }
        outcome => outcome,
    }
}

fn uncommitted(err: &CommitError) -> Refusal {
    match err {
        CommitError::Conflict { current, .. } => {
            Refusal::conflict("another process changed the settings at this moment")
                .remedy("read the settings again, and ask again")
                .current(current.unwrap_or(0))
        }
        CommitError::Full { .. } => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, files::chain(err)),
        _ => Refusal::host("the change cannot be committed", err),
    }
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
