//! No power cut, and no refusal of the disk, leaves a host with half its settings.
//!
//! The store of `os/store` on a file system that forgets what was not flushed: every commit, confirmation, migration and prune, cut
//! after every operation; each outcome opened by the release that wrote it, by older ones that the host may fall back to, and again when
//! the power fails while it is opened. The same with a disk that is full, and one that refuses.
//!
//! `GANTRY_POWER=whole` walks the whole space instead of a sample, `GANTRY_POWER_SEED` takes another sample.

#![allow(clippy::unwrap_used)]

#[path = "../../../../pure/generation/tests/versions/mod.rs"]
mod versions;

mod scenarios;

use std::env;
use std::io::ErrorKind;

use power::careless::{Careless, Sin};
use power::fates::Dice;
use power::folder::{Fault, FileSystem};
use scenarios::{LITTLE, Scenario, Settings, after, change, commits, open, scenarios, seen, text};
use settings::Layer;
use settings::layers::Layers;
use settings::tree::Item;
use store::{CommitError, Generation, Opened, Problem, Store};
use versions::registry;

fn whole_space() -> bool {
    env::var("GANTRY_POWER").is_ok_and(|depth| depth == "whole")
}

fn dice() -> Dice {
    Dice::new(env::var("GANTRY_POWER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1))
}

#[derive(Default)]
struct Tally {
    cuts: usize,
    failures: Vec<String>,
}

struct Run<'a> {
    scenario: &'a Scenario,
    /// What the acting release leaves out; those that come after it are ours.
    sin: Option<Sin>,
    /// What each release takes for current before all steps and after each, on mains power.
    states: Vec<(u32, Vec<Option<Generation>>)>,
    fates: usize,
    nested: usize,
    dice: Dice,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, sin: Option<Sin>) -> Self {
        let folder = Careless::new(&scenario.before, None);
        let releases = || scenario.older.iter().copied().chain([scenario.acting]);
        let mut states: Vec<_> =
            releases().map(|schema| (schema, vec![seen(&folder.system(), schema)])).collect();
        let Opened { store, .. } = open(folder.clone(), scenario.acting);
        for step in &scenario.steps {
            let committed = step(&store).unwrap();
            for (schema, states) in &mut states {
                states.push(seen(&folder.system().restarted(), *schema));
            }
            assert_eq!(
                states.last().unwrap().1.last().unwrap().as_ref(),
                Some(&*committed),
                "{}",
                scenario.name
            );
            assert!(store.take_problems().is_empty());
        }
        let (fates, nested) = if whole_space() { (512, usize::MAX) } else { (12, 1) };
        Self { scenario, sin, states, fates, nested, dice: dice(), tally: Tally::default() }
    }

    /// Runs the steps until one fails, or the power does; returns how many did not, and the error.
    fn act(&self, folder: Careless) -> (usize, Option<CommitError>, Option<Settings>) {
        let opened = Store::open_in(folder.clone(), "/s".to_owned(), LITTLE, &registry(self.scenario.acting));
        let Ok(Opened { store, .. }) = opened else { return (0, None, None) };
        for (done, step) in self.scenario.steps.iter().enumerate() {
            if let Err(err) = step(&store) {
                return (done, Some(err), Some(store));
            }
            if folder.system().is_off() {
                return (done, None, Some(store));
            }
        }
        (self.scenario.steps.len(), None, Some(store))
    }

    fn operations(&self) -> usize {
        let folder = Careless::new(&self.scenario.before, self.sin);
        self.act(folder.clone());
        folder.system().operations()
    }

    fn cuts(&mut self) {
        let operations = self.operations();
        for last in 0..=operations {
            let folder = Careless::new(&self.scenario.before.clone().lasts(last), self.sin);
            let (done, ..) = self.act(folder.clone());
            for left in folder.system().after_cut(&mut self.dice, self.fates) {
                // One is enough to tell a sinner.
                if self.sin.is_some() && !self.tally.failures.is_empty() {
                    return;
                }
                self.tally.cuts += 1;
                let at = format!("cut after operation {last} of {operations}, {done} steps done");
                self.judge(&left, done, &at);
            }
        }
    }

    /// The writer is killed instead, and the power fails when somebody else has seen what it left.
    fn kills(&mut self) {
        for last in 0..=self.operations() {
            let folder = Careless::new(&self.scenario.before.clone().lasts(last), self.sin);
            let (done, ..) = self.act(folder.clone());
            let at = format!("killed after operation {last}, {done} steps done");
            let Some((side, seen)) = self.opens(&folder.system().survived(), done, &at) else { continue };
            self.goes_on(&seen, self.scenario.acting, &at);
            for left in seen.after_cut(&mut self.dice, self.fates) {
                self.tally.cuts += 1;
                if self.opens(&left, side, &at).is_some_and(|(still, _)| still != side) {
                    self.tally.failures.push(format!("{}: {at}: what was seen is gone", self.scenario.name));
                }
            }
        }
    }

    /// What must hold for what a cut left.
    fn judge(&mut self, left: &FileSystem, done: usize, at: &str) {
        let acting = self.scenario.acting;
        let Some((side, settled)) = self.opens(left, done, at) else { return };
        for &schema in self.scenario.older {
            self.falls_back(left, &settled, schema, (done, side), at);
        }
        self.goes_on(&settled, acting, at);
        let operations = settled.operations();
        for number in 0..self.nested.min(operations) {
            let last = if self.nested >= operations { number } else { self.dice.roll(operations) };
            let folder = Careless::new(&left.clone().lasts(last), None);
            drop(Store::open_in(folder.clone(), "/s".to_owned(), LITTLE, &registry(acting)));
            for left in folder.system().after_cut(&mut self.dice, self.fates / 4) {
                self.tally.cuts += 1;
                self.opens(&left, done, &format!("{at}, again after operation {last} of opening it"));
            }
        }
    }

    /// The release that acted sees the settings after all steps that were done, or after one more; nothing is damaged, and every
    /// generation that it lists can be read. Returns how many steps it sees, and the file system that it leaves.
    fn opens(&mut self, left: &FileSystem, done: usize, at: &str) -> Option<(usize, FileSystem)> {
        let folder = Careless::new(left, None);
        let Opened { store, problems } = open(folder.clone(), self.scenario.acting);
        if !problems.is_empty() {
            return self.fail(format!("{at}: {problems:?}"));
        }
        let current = store.current();
        let states = self.states.last().map(|(_, states)| states.as_slice()).unwrap_or_default();
        let either = states.iter().enumerate().skip(done).take(2);
        let side = either.rev().find(|(_, state)| state.as_ref() == current.as_deref()).map(|(side, _)| side);
        let Some(side) = side else {
            let number = current.map(|current| current.number);
            return self.fail(format!("{at}: neither old nor new: {number:?}"));
        };
        let standing = store.standing().unwrap();
        if current.is_some() && standing.is_none() {
            return self.fail(format!("{at}: nothing to go back to"));
        }
        let listed = store.list().unwrap();
        if let Some(bad) = listed.iter().find(|one| store.read(one.number).is_err()) {
            return self.fail(format!("{at}: generation {} is listed and cannot be read", bad.number));
        }
        if current.is_some_and(|current| listed.first().map(|one| one.number) != Some(current.number)) {
            return self.fail(format!("{at}: the newest listed is not the current one"));
        }
        Some((side, folder.system()))
    }

    /// An older release, started at once or after the newer one has been up once more, sees the same in its own form; and what it changes is
    /// there when the newer one is back, beside everything that it cannot know.
    fn falls_back(
        &mut self,
        left: &FileSystem,
        settled: &FileSystem,
        schema: u32,
        (done, side): (usize, usize),
        at: &str,
    ) -> Option<()> {
        let states = self.states.iter().find(|(of, _)| *of == schema).map(|(_, states)| states.clone())?;
        let at_once = seen(left, schema);
        if !states[done..].iter().take(2).any(|state| *state == at_once) {
            return self.fail(format!("{at}: release {schema}, at once: neither old nor new"));
        }
        if seen(&settled.clone().restarted(), schema) != states[side] {
            return self.fail(format!(
                "{at}: release {schema} does not see what release {} saw",
                self.scenario.acting
            ));
        }
        for (system, seen) in [(left, done..done + 2), (settled, side..side + 1)] {
            let after =
                after(system.clone().restarted(), schema, &[change("settings.mode", text("steady"), None)]);
            let newer = seen_by(&after, self.scenario.acting);
            let mode = newer.layers.get(Layer::Api).and_then(|tree| tree.node(&["settings", "mode"]));
            if mode.map(|node| &node.item) != Some(&text("steady")) {
                return self.fail(format!("{at}: what release {schema} changed is not there"));
            }
            let rest = without_mode(&newer);
            let states = &self.states.last()?.1;
            let mut states = states[seen.start..seen.end.min(states.len())].iter().flatten();
            if !states.any(|state| without_mode(state) == rest) {
                return self.fail(format!("{at}: after release {schema}, the rest is neither old nor new"));
            }
        }
        Some(())
    }

    /// The next commit works, has a number that nobody had, and stays.
    fn goes_on(&mut self, settled: &FileSystem, schema: u32, at: &str) -> Option<()> {
        let folder = Careless::new(settled, None);
        let Opened { store, .. } = open(folder.clone(), schema);
        let before = store.list().unwrap().first().map_or(0, |one| one.number);
        let committed = change("settings.hosts.z", Item::Integer(1), None)(&store).unwrap();
        let nothing_survived = folder.system().after_cut(&mut self.dice, 2).swap_remove(0);
        let stays = seen(&nothing_survived, schema).as_ref() == Some(&*committed);
        if !stays || committed.number <= before {
            return self.fail(format!("{at}: the next commit does not stay"));
        }
        Some(())
    }

    /// Every operation refused once, and the disk full from each on.
    fn refusals(&mut self) {
        let operations = self.operations();
        for after in 0..operations {
            for (kind, lasts) in
                [(ErrorKind::Other, false), (ErrorKind::StorageFull, false), (ErrorKind::StorageFull, true)]
            {
                self.tally.cuts += 1;
                let fault = Fault { after, kind, lasts };
                let folder = Careless::new(&self.scenario.before.clone().refuses(fault), self.sin);
                let (done, err, store) = self.act(folder.clone());
                self.refused(&folder, done, err.as_ref(), store.as_ref(), &format!("{fault:?}"));
            }
        }
    }

    fn refused(
        &mut self,
        folder: &Careless,
        done: usize,
        err: Option<&CommitError>,
        store: Option<&Settings>,
        at: &str,
    ) -> Option<()> {
        let states = &self.states.last()?.1;
        let full = at.contains("StorageFull");
        let want = match err {
            Some(CommitError::InDoubt { .. }) => &states[done + 1],
            None => &states[done],
            Some(CommitError::Full { .. }) if full => &states[done],
            Some(CommitError::Write { .. }) if !full => &states[done],
            Some(other) => return self.fail(format!("{at}: {other:?}")),
        };
        let (want, number) = (want.clone(), want.as_ref().map(|want| want.number));
        if store.is_some_and(|store| store.current().as_deref() != want.as_ref()) {
            return self.fail(format!("{at}: {err:?}: the process sees something else than {number:?}"));
        }
        if seen(&folder.system().restarted(), self.scenario.acting) != want {
            return self.fail(format!("{at}: {err:?}: a restart sees something else than {number:?}"));
        }
        // On a disk that works again everything is made good.
        let again = open(Careless::new(&folder.system().restarted(), None), self.scenario.acting);
        if !again.problems.is_empty() {
            return self.fail(format!("{at}: {:?}", again.problems));
        }
        Some(())
    }

    fn fail<T>(&mut self, why: String) -> Option<T> {
        self.tally.failures.push(format!("{}: {why}", self.scenario.name));
        None
    }
}

fn seen_by(system: &FileSystem, schema: u32) -> Generation {
    seen(system, schema).unwrap()
}

fn without_mode(generation: &Generation) -> Layers {
    let mut layers = generation.layers.clone();
    let mut api = layers.get(Layer::Api).cloned().unwrap_or_default();
    if let Some(Item::Table(settings)) = api.root.get_mut("settings").map(|node| &mut node.item) {
        settings.remove("mode");
    }
    layers.set(Layer::Api, api);
    layers
}

fn report(tally: &Tally) {
    println!("power: settings: {} cases, {} failures", tally.cuts, tally.failures.len());
    for failure in tally.failures.iter().take(20) {
        println!("{failure}");
    }
}

#[test]
fn every_cut_leaves_the_old_settings_or_the_new_ones() {
    for scenario in scenarios() {
        let mut run = Run::new(&scenario, None);
        run.cuts();
        println!("{}: {} operations", scenario.name, run.operations());
        report(&run.tally);
        assert!(run.tally.failures.is_empty());
    }
}

#[test]
fn what_a_killed_writer_left_stays_once_it_is_seen() {
    for scenario in scenarios() {
        let mut run = Run::new(&scenario, None);
        run.kills();
        report(&run.tally);
        assert!(run.tally.failures.is_empty());
    }
}

#[test]
fn every_refusal_of_the_disk_leaves_the_old_settings_or_the_new_ones() {
    for scenario in scenarios() {
        let mut run = Run::new(&scenario, None);
        run.refusals();
        report(&run.tally);
        assert!(run.tally.failures.is_empty());
    }
}

#[test]
fn a_store_that_forgets_to_flush_does_not_pass() {
    for sin in [Sin::NoFlush, Sin::NoFlushOfNames, Sin::RenameBeforeFlush] {
        for scenario in scenarios() {
            let mut run = Run::new(&scenario, Some(sin));
            run.nested = 0;
            run.cuts();
            println!("{sin:?}: after {} cuts: {:?}", run.tally.cuts, run.tally.failures);
            assert!(!run.tally.failures.is_empty(), "{}, {sin:?}", scenario.name);
        }
    }
}

#[test]
fn an_older_release_without_settings_of_its_own_says_so() {
    let newer = after(FileSystem::default(), 2, &commits(&[1]));
    let Opened { store, problems } = open(Careless::new(&newer, None), 1);
    assert_eq!(store.current(), None);
    assert!(matches!(problems[..], [Problem::OnlyNewer { newest: 2, ours: 1, .. }]), "{problems:?}");
    let committed = change("settings.motd", text("x"), None)(&store).unwrap();
    assert_eq!(committed.number, 2, "no number is used twice, whoever reads it");
}
