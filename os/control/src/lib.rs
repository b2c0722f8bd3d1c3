//! Talking to PID 1: units, their states, and what to do with them.
//!
//! Each verb is one request over PID 1's socket (docs/formats/init-control.md) and waits for its answer, never longer than a
//! deadline: [`ANSWER_WITHIN`], or the one it is given. What to do about an answer is the caller's.
//! [`Units`] is the part of it that whoever applies settings needs; a test gives its own.

mod connection;
mod renew;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use supervise::control::{Answer, Request};
pub use supervise::control::{Milestone, Outcome, Refusal, Renewal, SOCKET, Shutdown, UnitState, UnitStatus};

use connection::Connection;
pub use renew::Renewed;

/// PID 1 answers at once; one that does not in this time is in trouble of its own.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why PID 1 did not do it, or why nothing is known of that.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens, or this user may not ask.
    #[error("cannot reach PID 1 at {}", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        err: std::io::Error,
    },
    /// The connection broke.
    #[error("lost the connection to PID 1")]
    Lost(#[source] std::io::Error),
    /// No answer came in time.
    #[error("PID 1 did not answer within {} s", within.as_secs())]
    NoAnswer {
        /// The time.
        within: Duration,
    },
    /// It said something that is no answer to the request.
    #[error("PID 1 answered what makes no sense here: {what}")]
    Answer {
        /// What is wrong with it.
        what: String,
    },
    /// It said no.
    #[error("PID 1 refuses to {what}: {refusal}")]
    Refused {
        /// What was asked, with the unit's name.
        what: String,
        /// Why not.
        refusal: Refusal,
    },
}

/// What an order came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is under way.
    Accepted,
    /// It is so, or was under way.
    Already,
}

/// What whoever changes files needs of PID 1.
pub trait Units: Send + Sync {
    /// Has each of these units take its files again, one after the other in the order in which they start, and waits until it
    /// is up. All together take no longer than `deadline`: what is left by then has timed out, untouched.
    ///
    /// Each unit named has exactly one entry in the answer; a unit named twice is renewed once.
    fn renew(&self, units: &[&str], deadline: Duration) -> Result<Vec<Renewed>, ControlError>;

    /// Every unit, in the order in which they start.
    fn list(&self) -> Result<Vec<UnitStatus>, ControlError>;
}

/// PID 1 behind its socket, with a fresh connection for each call: for processes that live long and ask now and then.
#[derive(Debug, Clone)]
pub struct Pid1 {
    path: PathBuf,
}

impl Pid1 {
    /// At this socket; [`SOCKET`] on a host.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// A connection.
    pub fn connect(&self) -> Result<Control, ControlError> {
        Control::connect(&self.path)
    }
}

impl Units for Pid1 {
    fn renew(&self, units: &[&str], deadline: Duration) -> Result<Vec<Renewed>, ControlError> {
        self.connect()?.renew(units, deadline)
    }

    fn list(&self) -> Result<Vec<UnitStatus>, ControlError> {
        self.connect()?.list()
    }
}

/// A connection to PID 1. Requests over one connection are answered in turn.
#[derive(Debug)]
pub struct Control {
    connection: Connection,
}

impl Control {
    /// Connects to PID 1 at this socket; [`SOCKET`] on a host.
    pub fn connect(path: &Path) -> Result<Self, ControlError> {
        Ok(Self { connection: Connection::open(path, ANSWER_WITHIN)? })
    }

    /// Every unit, in the order in which they start.
    pub fn list(&mut self) -> Result<Vec<UnitStatus>, ControlError> {
        match self.ask(&Request::List {}, "list the units")? {
            Answer::Units { units } => Ok(units),
            other => Err(stray(&other)),
        }
    }

    /// One unit.
    pub fn status(&mut self, unit: &str) -> Result<UnitStatus, ControlError> {
        match self.ask(&Request::Status { unit: unit.into() }, &format!("show {unit}"))? {
            Answer::Unit { unit } => Ok(unit),
            other => Err(stray(&other)),
        }
    }

    /// Brings a unit up, with what it requires and wants. Does not wait for it.
    pub fn start(&mut self, unit: &str) -> Result<Taken, ControlError> {
        self.order(&Request::Start { unit: unit.into() }, &format!("start {unit}"))
    }

    /// Takes a unit down. Does not wait for it.
    pub fn stop(&mut self, unit: &str) -> Result<Taken, ControlError> {
        self.order(&Request::Stop { unit: unit.into() }, &format!("stop {unit}"))
    }

    /// Takes a unit down if it is up, and brings it up. Does not wait for it.
    pub fn restart(&mut self, unit: &str) -> Result<Taken, ControlError> {
        self.order(&Request::Restart { unit: unit.into() }, &format!("restart {unit}"))
    }

    /// Has a unit take its files again while it runs. Does not wait for it.
    pub fn reload(&mut self, unit: &str) -> Result<Taken, ControlError> {
        self.order(&Request::Reload { unit: unit.into() }, &format!("reload {unit}"))
    }

    /// What becomes of a unit after all that was asked of it so far: answers once it is up, or will not be.
    pub fn wait(&mut self, unit: &str, deadline: Duration) -> Result<Outcome, ControlError> {
        let deadline_ms = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Wait { unit: unit.into(), deadline_ms };
        let within = deadline.saturating_add(ANSWER_WITHIN);
        match self.ask_within(&request, &format!("wait for {unit}"), within)? {
            Answer::Settled { outcome } => Ok(outcome),
            other => Err(stray(&other)),
        }
    }

    /// See [`Units::renew`].
    pub fn renew(&mut self, units: &[&str], deadline: Duration) -> Result<Vec<Renewed>, ControlError> {
        renew::all(self, units, deadline)
    }

    /// What was reached when, in that order.
    pub fn timeline(&mut self) -> Result<Vec<Milestone>, ControlError> {
        match self.ask(&Request::Timeline {}, "show the timeline")? {
            Answer::Timeline { milestones } => Ok(milestones),
            other => Err(stray(&other)),
        }
    }

    /// Ends the host: every unit in order, then the machine. Does not wait for it.
    pub fn shutdown(&mut self, how: Shutdown) -> Result<Taken, ControlError> {
        self.order(&Request::Shutdown { how }, "end the host")
    }

    fn order(&mut self, request: &Request, what: &str) -> Result<Taken, ControlError> {
        match self.ask(request, what)? {
            Answer::Accepted {} => Ok(Taken::Accepted),
            Answer::Already {} => Ok(Taken::Already),
            other => Err(stray(&other)),
        }
    }

    fn ask(&mut self, request: &Request, what: &str) -> Result<Answer, ControlError> {
        self.ask_within(request, what, ANSWER_WITHIN)
    }

    fn ask_within(
        &mut self,
        request: &Request,
        what: &str,
        within: Duration,
    ) -> Result<Answer, ControlError> {
        match self.connection.exchange(request, within)? {
            Answer::Refused { refusal } => Err(ControlError::Refused { what: what.to_owned(), refusal }),
            answer => Ok(answer),
        }
    }
}

fn stray(answer: &Answer) -> ControlError {
    ControlError::Answer { what: format!("{answer:?}").chars().take(200).collect() }
}
