//! The machine in a storm: random failures, with a printed seed, invariants after each.

use super::tests::machine;
use super::*;

/// A containerd that does what it is asked, at random moments, and is killed at random moments.
#[test]
fn storm_of_failures_never_wedges_a_container_nor_runs_two() {
    let seed = std::env::var("STORM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed);
    println!("STORM_SEED={seed}");
    let mut random = Random(seed);
    for round in 0..400 {
        let policy = [Restart::Always, Restart::OnFailure, Restart::Never][random.below(3) as usize];
        let mut world = World { machine: machine(policy), ..World::default() };
        for _ in 0..400 {
            world.shake(&mut random, round);
        }
        world.settle(round);
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What containerd and the keeper would hold: the operation under way, the process, when to tick.
struct World {
    machine: Machine,
    now: u64,
    connected: bool,
    under_way: Option<Action>,
    task: Option<Op>,
    parts: bool,
    mark: bool,
    asked_to_end: bool,
    wake_at: Option<u64>,
    stopped: bool,
}

impl Default for World {
    fn default() -> Self {
        World {
            machine: machine(Restart::Always),
            now: 0,
            connected: false,
            under_way: None,
            task: None,
            parts: false,
            mark: false,
            asked_to_end: false,
            wake_at: None,
            stopped: false,
        }
    }
}

impl World {
    fn feed(&mut self, event: Event) {
        for action in self.machine.step(event, self.now) {
            match action {
                Action::Pull(_) | Action::Start(_) | Action::Clean(..) => {
                    assert!(self.under_way.is_none(), "two operations: {:?} and {action:?}", self.under_way);
                    if matches!(action, Action::Start(_)) {
                        assert!(self.task.is_none() && !self.parts, "a start over a leftover");
                    }
                    self.under_way = Some(action);
                }
                Action::Abort(_) => self.under_way = None,
                Action::Adopt(op) => self.task = self.task.map(|_| op),
                Action::Terminate | Action::Kill => self.asked_to_end = true,
                Action::WakeAt(at) => self.wake_at = Some(at),
                Action::Tell(_) => {}
            }
        }
    }

    fn look(&mut self) {
        self.connected = true;
        let found = match (self.task, self.parts, self.mark) {
            (Some(_), ..) => Found::Running { current: true },
            (None, true, _) => Found::Leftover,
            (None, false, true) => Found::Ended { code: 0 },
            (None, false, false) => Found::Nothing,
        };
        self.feed(Event::Found(found));
    }

    fn finish(&mut self, ok: bool) {
        match self.under_way.take() {
            Some(Action::Pull(op)) => self.feed(Event::Pulled(op, ok)),
            Some(Action::Start(op)) => {
                self.parts = true;
                self.task = ok.then_some(op);
                self.asked_to_end = false;
                self.feed(Event::Started(op, ok));
            }
            Some(Action::Clean(op, keep)) => {
                if ok {
                    self.parts = false;
                    self.task = None;
                    self.mark = keep != Keep::Nothing;
                }
                self.feed(Event::Cleaned(op, ok));
            }
            _ => {}
        }
    }

    fn exit(&mut self, code: u32) {
        if let Some(op) = self.task.take() {
            self.feed(Event::Exited(op, code));
        }
    }

    fn lose(&mut self) {
        self.connected = false;
        self.under_way = None;
        self.feed(Event::Lost);
    }

    fn tick(&mut self) {
        if let Some(at) = self.wake_at.take() {
            self.now = self.now.max(at);
            self.feed(Event::Tick);
        }
    }

    fn shake(&mut self, random: &mut Random, round: u32) {
        self.now += random.below(5_000);
        match random.below(40) {
            0 if round.is_multiple_of(2) => {
                self.stopped = true;
                self.feed(Event::Stop);
            }
            1 | 2 => self.lose(),
            3..=8 if !self.connected => self.look(),
            9..=14 if self.connected => self.finish(false),
            15..=28 if self.connected => self.finish(true),
            29..=32 if self.connected => self.exit(random.below(2) as u32),
            33 => self.task = self.task.filter(|_| self.connected),
            _ => self.tick(),
        }
    }

    /// With everything working again, a wanted container comes to run (or has ended) and an unwanted one to
    /// be gone.
    fn settle(&mut self, round: u32) {
        for _ in 0..20 {
            if !self.connected {
                self.look();
            }
            self.finish(true);
            if self.asked_to_end {
                self.exit(0);
            }
            self.tick();
        }
        let state = self.machine.state;
        if self.stopped {
            assert_eq!(state, State::Gone, "round {round}");
            assert!(self.task.is_none() && !self.parts && !self.mark, "round {round}: something is left");
        } else {
            assert!(matches!(state, State::Running { .. } | State::Ended), "round {round}: {state:?}");
        }
    }
}
