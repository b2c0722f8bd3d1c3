//! The life of one container: what it should do next, given what happened.
//!
//! [`Machine::step`] takes an event and the time and returns actions; it never blocks and never fails. The
//! keeper performs the actions against containerd and feeds results back. Each long action carries an
//! operation number and its result brings the number back, so a result of something given up since (a lost
//! connection, an aborted pull) changes nothing.
//!
//! Holds always: at most one operation is under way; no process is asked for while the container should stop;
//! between two starts lies a clean-up, and after a failure a pause; a container that should run is running,
//! on its way, or has a time to wake.
//!
//! | state \ event | `Found` | `Lost` | `Pulled` | `Started` | `Exited` | `Cleaned` | `Stop` | `Tick` |
//! |---|---|---|---|---|---|---|---|---|
//! | Unknown  | adopt, clean or begin | | | | | | (noted) | |
//! | Pulling  | | Unknown | start, or hold | | | | abort; Gone | |
//! | Starting | | Unknown | | run, or clean and hold | (noted) | | doomed | |
//! | Running  | | Unknown | | | clean, then by policy | | terminate | |
//! | Stopping | | Unknown | | | clean, then Gone or begin | | for good | kill when due |
//! | Cleaning | | Unknown | | | | by what follows; again after a pause if it failed | for good | |
//! | Held     | | keeps its time | | | | | Gone | begin when due |
//! | Ended    | | Unknown | | | | | clean, then Gone | |
//! | Gone     | | | | | | | | |

mod backoff;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod tests;
mod words;

use settings::containers::Restart;

pub use backoff::HELD_FROM;
use backoff::{pull_delay_ms, restart_delay_ms};
pub use words::{Action, Event, Found, Keep, News, Op};

/// How long a container has between SIGTERM and SIGKILL. Bottlerocket's value, and twice Docker's.
pub const GRACE_MS: u64 = 20_000;

/// A SIGKILL is repeated after this: a shim that was busy or a task stuck in the kernel may have missed one.
const KILL_AGAIN_MS: u64 = 10_000;

/// A container that ran this long was not crash-looping: its next failure is its first. Ten minutes is twice
/// the longest pause.
const STEADY_MS: u64 = 600_000;

/// Pause before a failed clean-up is tried again.
const CLEAN_AGAIN_MS: u64 = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// containerd was not asked yet. `hold_until`: not to be started before.
    Unknown {
        hold_until: u64,
    },
    Pulling {
        op: Op,
    },
    /// `exit`: it exited before the start was reported.
    Starting {
        op: Op,
        exit: Option<u32>,
    },
    Running {
        op: Op,
        since: u64,
    },
    Stopping {
        op: Op,
        kill_at: u64,
    },
    Cleaning {
        op: Op,
        then: Then,
        again_at: Option<u64>,
    },
    Held {
        until: u64,
    },
    Ended,
    Gone,
}

/// What follows a clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Begin,
    Hold {
        ms: u64,
    },
    End {
        code: u32,
    },
    /// The clean-up under way leaves a mark that is not wanted any more: another one.
    Unmark,
    Leave,
}

/// One container's life.
#[derive(Debug)]
pub struct Machine {
    state: State,
    wanted: bool,
    policy: Restart,
    have_image: bool,
    failures: u32,
    pull_failures: u32,
    last_op: Op,
    /// Random, so that a fleet that lost its registry does not come back to it in step.
    jitter: u32,
}

impl Machine {
    /// A container that should run.
    pub fn wanted(policy: Restart, jitter: u32) -> Self {
        Machine {
            state: State::Unknown { hold_until: 0 },
            wanted: true,
            policy,
            have_image: false,
            failures: 0,
            pull_failures: 0,
            last_op: 0,
            jitter,
        }
    }

    /// A container that containerd has and nobody wants.
    pub fn unwanted() -> Self {
        Machine { wanted: false, ..Machine::wanted(Restart::Never, 0) }
    }

    /// Nothing is left of it and nothing will happen to it.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// Advances on one event. Returns the actions to perform, in order.
    pub fn step(&mut self, event: Event, now: u64) -> Vec<Action> {
        let mut actions = Vec::new();
        let out = &mut actions;
        match (event, self.state) {
            (Event::Stop, state) => self.stop(state, now, out),
            (Event::Lost, state) => self.state = lost(state),
            (Event::Tick, state) => self.tick(state, now, out),
            (Event::Found(found), State::Unknown { hold_until }) => self.found(found, hold_until, now, out),
            (Event::Pulled(done, ok), State::Pulling { op }) if done == op => self.pulled(ok, now, out),
            (Event::Started(done, true), State::Starting { op, exit }) if done == op => {
                self.started(op, exit, now, out);
            }
            (Event::Started(done, false), State::Starting { op, .. }) if done == op => {
                // The image may have been collected under us; the next try looks.
                self.have_image = false;
                let then = self.after_failure();
                self.clean(then, out);
            }
            (Event::Exited(done, code), State::Starting { op, .. }) if done == op => {
                self.state = State::Starting { op, exit: Some(code) };
            }
            (Event::Exited(done, code), State::Running { op, since }) if done == op => {
                self.exited(code, now.saturating_sub(since), out);
            }
            (Event::Exited(done, _), State::Stopping { op, .. }) if done == op => {
                let then = if self.wanted { Then::Begin } else { Then::Leave };
                self.clean(then, out);
            }
            (Event::Cleaned(done, ok), State::Cleaning { op, then, .. }) if done == op => {
                self.cleaned(ok, op, then, now, out);
            }
            _ => {}
        }
        actions
    }

    fn next_op(&mut self) -> Op {
        self.last_op += 1;
        self.last_op
    }

    fn stop(&mut self, state: State, now: u64, out: &mut Vec<Action>) {
        self.wanted = false;
        match state {
            State::Pulling { op } => {
                out.push(Action::Abort(op));
                self.leave(out);
            }
            State::Held { .. } => self.leave(out),
            State::Running { op, .. } => self.terminate(op, now, out),
            State::Ended => self.clean(Then::Leave, out),
            State::Cleaning { op, then, again_at } => {
                let marks = matches!(then, Then::End { .. } | Then::Unmark);
                let then = if marks { Then::Unmark } else { Then::Leave };
                self.state = State::Cleaning { op, then, again_at };
            }
            // A start cannot be taken back half way: it ends first, and is terminated then.
            State::Unknown { .. } | State::Starting { .. } | State::Stopping { .. } | State::Gone => {}
        }
    }

    fn tick(&mut self, state: State, now: u64, out: &mut Vec<Action>) {
        match state {
            State::Held { until } if now >= until => self.begin(out),
            State::Held { until } => out.push(Action::WakeAt(until)),
            State::Stopping { op, kill_at } if now >= kill_at => {
                out.extend([Action::Tell(News::Killing), Action::Kill]);
                self.stopping(op, now + KILL_AGAIN_MS, out);
            }
            State::Stopping { kill_at, .. } => out.push(Action::WakeAt(kill_at)),
            State::Cleaning { then, again_at: Some(at), .. } if now >= at => self.clean(then, out),
            State::Cleaning { again_at: Some(at), .. } => out.push(Action::WakeAt(at)),
            _ => {}
        }
    }

    fn found(&mut self, found: Found, hold_until: u64, now: u64, out: &mut Vec<Action>) {
        match (found, self.wanted) {
            (Found::Nothing, false) => self.leave(out),
            (Found::Nothing, true) if now < hold_until => self.hold(hold_until, out),
            (Found::Nothing, true) => self.begin(out),
            (Found::Running { current }, wanted) => {
                let op = self.next_op();
                out.push(Action::Adopt(op));
                if current && wanted {
                    self.state = State::Running { op, since: now };
                    out.push(Action::Tell(News::Running { adopted: true }));
                } else {
                    self.terminate(op, now, out);
                }
            }
            (Found::Leftover | Found::Exited { .. } | Found::Ended { .. }, false) => {
                self.clean(Then::Leave, out)
            }
            (Found::Leftover, true) if now < hold_until => {
                self.clean(Then::Hold { ms: hold_until - now }, out)
            }
            (Found::Leftover, true) => self.clean(Then::Begin, out),
            (Found::Exited { code }, true) => self.exited(code, 0, out),
            (Found::Ended { .. }, true) => self.state = State::Ended,
        }
    }

    fn pulled(&mut self, ok: bool, now: u64, out: &mut Vec<Action>) {
        if ok {
            self.have_image = true;
            self.pull_failures = 0;
            self.begin(out);
        } else {
            self.pull_failures += 1;
            let in_ms = pull_delay_ms(self.pull_failures, &mut self.jitter);
            out.push(Action::Tell(News::PullAgain { in_ms, failures: self.pull_failures }));
            self.hold(now + in_ms, out);
        }
    }

    fn started(&mut self, op: Op, exit: Option<u32>, now: u64, out: &mut Vec<Action>) {
        match (self.wanted, exit) {
            (true, None) => {
                self.state = State::Running { op, since: now };
                out.push(Action::Tell(News::Running { adopted: false }));
            }
            (true, Some(code)) => {
                out.push(Action::Tell(News::Running { adopted: false }));
                self.exited(code, 0, out);
            }
            (false, None) => self.terminate(op, now, out),
            (false, Some(_)) => self.clean(Then::Leave, out),
        }
    }

    fn exited(&mut self, code: u32, ran_ms: u64, out: &mut Vec<Action>) {
        out.push(Action::Tell(News::Exited { code, ran_ms }));
        if ran_ms >= STEADY_MS {
            self.failures = 0;
        }
        let again = match self.policy {
            Restart::Always => true,
            Restart::OnFailure => code != 0,
            Restart::Never => false,
        };
        let then = if again { self.after_failure() } else { Then::End { code } };
        self.clean(then, out);
    }

    fn cleaned(&mut self, ok: bool, op: Op, then: Then, now: u64, out: &mut Vec<Action>) {
        if !ok {
            let at = now + CLEAN_AGAIN_MS;
            self.state = State::Cleaning { op, then, again_at: Some(at) };
            out.push(Action::WakeAt(at));
            return;
        }
        match then {
            Then::Begin => self.begin(out),
            Then::Hold { ms } => {
                out.push(Action::Tell(News::Paused { in_ms: ms, failures: self.failures }));
                self.hold(now + ms, out);
            }
            Then::End { code } => {
                self.state = State::Ended;
                out.push(Action::Tell(News::Ended { code }));
            }
            Then::Unmark => self.clean(Then::Leave, out),
            Then::Leave => self.leave(out),
        }
    }

    /// Counts a failed run; what follows is a pause.
    fn after_failure(&mut self) -> Then {
        if !self.wanted {
            return Then::Leave;
        }
        self.failures = self.failures.saturating_add(1);
        Then::Hold { ms: restart_delay_ms(self.failures) }
    }

    fn begin(&mut self, out: &mut Vec<Action>) {
        if !self.wanted {
            return self.leave(out);
        }
        let op = self.next_op();
        if self.have_image {
            self.state = State::Starting { op, exit: None };
            out.push(Action::Start(op));
        } else {
            self.state = State::Pulling { op };
            out.push(Action::Pull(op));
        }
    }

    fn terminate(&mut self, op: Op, now: u64, out: &mut Vec<Action>) {
        out.push(Action::Terminate);
        self.stopping(op, now + GRACE_MS, out);
    }

    fn stopping(&mut self, op: Op, kill_at: u64, out: &mut Vec<Action>) {
        self.state = State::Stopping { op, kill_at };
        out.push(Action::WakeAt(kill_at));
    }

    fn clean(&mut self, then: Then, out: &mut Vec<Action>) {
        let op = self.next_op();
        let keep = match then {
            Then::End { code } => Keep::Mark(code),
            _ => Keep::Nothing,
        };
        self.state = State::Cleaning { op, then, again_at: None };
        out.push(Action::Clean(op, keep));
    }

    fn hold(&mut self, until: u64, out: &mut Vec<Action>) {
        self.state = State::Held { until };
        out.push(Action::WakeAt(until));
    }

    fn leave(&mut self, out: &mut Vec<Action>) {
        self.state = State::Gone;
        out.push(Action::Tell(News::Gone));
    }
}

/// What a state is worth without containerd. A pause is kept: killing containerd must not hurry a crash loop.
fn lost(state: State) -> State {
    match state {
        State::Held { until } => State::Unknown { hold_until: until },
        State::Gone | State::Unknown { .. } => state,
        _ => State::Unknown { hold_until: 0 },
    }
}
