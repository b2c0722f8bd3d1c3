//! Laws of the machine: every cell of the table, the stories behind the rules, storms.

mod cells;
mod dice;
mod renewals;
mod stories;
mod storms;

use std::string::String;
use std::vec::Vec;

use super::*;
use crate::source::compile;
use crate::unit::Signal;

/// A machine on these units, with a handle for scripted hosts: events by name, time under control.
struct Host {
    machine: Machine,
    now: Instant,
    log: Vec<Action>,
}

impl Host {
    fn new(files: &[(&str, &str)]) -> Self {
        let set = compile(files).unwrap_or_else(|problems| panic!("{problems:#?}"));
        Self { machine: Machine::new(set), now: Instant::from_ms(1_000), log: Vec::new() }
    }

    fn id(&self, name: &str) -> UnitId {
        self.machine.set().find(name).unwrap()
    }

    fn state(&self, name: &str) -> State {
        self.machine.state(self.id(name)).unwrap()
    }

    fn run(&self, name: &str) -> Run {
        self.state(name).run().unwrap_or(Run(u64::MAX))
    }

    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.machine.step(event, self.now);
        self.log.extend(actions.iter().cloned());
        actions
    }

    fn spawned(&mut self, name: &str) -> Vec<Action> {
        self.step(Event::Spawned { unit: self.id(name), run: self.run(name) })
    }

    fn ready(&mut self, name: &str) -> Vec<Action> {
        self.step(Event::Ready { unit: self.id(name), run: self.run(name) })
    }

    fn reloading(&mut self, name: &str) -> Vec<Action> {
        self.step(Event::Reloading { unit: self.id(name), run: self.run(name) })
    }

    fn not_taken(&mut self, name: &str) -> Vec<Action> {
        self.step(Event::NotTaken { unit: self.id(name), run: self.run(name) })
    }

    fn exit(&mut self, name: &str, code: i32) -> Vec<Action> {
        self.step(Event::Exited { unit: self.id(name), run: self.run(name), status: Exit::Code(code) })
    }

    fn ask(&mut self, request: Request) -> Answer {
        let actions = self.step(Event::Asked { by: Asker(7), request });
        let answer = actions.iter().find_map(|action| match action {
            Action::Reply { to: Asker(7), answer } => Some(*answer),
            _ => None,
        });
        answer.expect("every request is answered")
    }

    fn wait(&mut self, ms: u64) -> Vec<Action> {
        self.now = self.now.after_ms(ms);
        self.step(Event::Tick)
    }

    /// Goes to the state's own deadline.
    fn due(&mut self, name: &str) -> Vec<Action> {
        self.now = self.state(name).deadline().unwrap_or(self.now);
        self.step(Event::Tick)
    }

    fn names(&self, names: &[&str]) -> Vec<&'static str> {
        names.iter().map(|name| self.state(name).name()).collect()
    }
}

fn spawns(actions: &[Action], set: &UnitSet) -> Vec<String> {
    let name = |action: &Action| match action {
        Action::Spawn { unit, .. } => set.get(*unit).map(|unit| unit.name.clone()),
        _ => None,
    };
    actions.iter().filter_map(name).collect()
}
