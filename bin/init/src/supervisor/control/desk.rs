//! The listener and its callers, each with one request at a time and its share of patience.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use supervise::control::{Answer, Outcome, Refusal};
use supervise::machine::Asker;
use supervise::{Instant, Machine, UnitId};
use sys::events::{Interest, Poller};

use super::caller::{Caller, Doing, Next};

/// The poller's token of the listener.
pub const LISTENER: u64 = 3;
/// And of the callers: above every other token.
const CALLERS: u64 = 1 << 32;

/// Callers at a time. A host has a handful of programs that ask; a caller that has nothing to do makes room for a new one.
pub const CALLERS_MAX: usize = 16;
/// Taken before looking elsewhere.
const ACCEPTED_AT_ONCE: usize = 8;
/// When no more descriptors are to be had, nobody is let in for so long: the listener would wake the loop without end.
const DEAF_MS: u64 = 1_000;
const MODE: u32 = 0o600;

/// Whether a token is a caller's.
pub fn is_caller(token: u64) -> bool {
    token >= CALLERS
}

#[derive(Debug)]
pub struct Desk {
    listener: UnixListener,
    /// Who may ask.
    uid: u32,
    callers: BTreeMap<u32, Caller>,
    next: u32,
    deaf_until: Option<Instant>,
}

impl Desk {
    /// Listens at `path` for programs of this user. What was there is replaced.
    pub fn open(path: &Path, uid: u32, poller: &Poller) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::remove_file(path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        // Until here others could connect; each caller's user is looked at all the same.
        std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
        listener.set_nonblocking(true)?;
        poller.add(&listener, LISTENER, Interest::Read)?;
        Ok(Self { listener, uid, callers: BTreeMap::new(), next: 1, deaf_until: None })
    }

    /// Lets in who waits at the door.
    pub fn accept(&mut self, poller: &Poller, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            match self.listener.accept() {
                Ok((stream, _)) => self.admit(stream, poller, now),
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return,
                // The caller was gone before it was let in, or a signal came.
                Err(err)
                    if matches!(
                        err.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted
                    ) => {}
                Err(_) => {
                    let _ = poller.change(&self.listener, LISTENER, Interest::End);
                    self.deaf_until = Some(now.after_ms(DEAF_MS));
                    return;
                }
            }
        }
    }

    fn admit(&mut self, stream: UnixStream, poller: &Poller, now: Instant) {
        let may_ask = sys::peer::of(&stream).is_ok_and(|peer| peer.uid == self.uid);
        if stream.set_nonblocking(true).is_err() {
            return;
        }
        let caller = Caller::new(stream, now);
        if !may_ask {
            return caller.turn_away(&Answer::Refused { refusal: Refusal::Forbidden }, now);
        }
        if self.callers.len() >= CALLERS_MAX && !self.let_go_of_an_idle_one() {
            return caller.turn_away(&Answer::Refused { refusal: Refusal::Busy }, now);
        }
        while self.callers.contains_key(&self.next) || self.next == 0 {
            self.next = self.next.wrapping_add(1);
        }
        if poller.add(&caller, token(self.next), caller.interest()).is_ok() {
            self.callers.insert(self.next, caller);
            self.next = self.next.wrapping_add(1);
        }
    }

    /// The one that has had nothing to do for the longest time. Says whether there was one.
    fn let_go_of_an_idle_one(&mut self) -> bool {
        let idle = self.callers.iter().filter_map(|(id, caller)| Some((caller.idle_since()?, *id)));
        let longest = idle.min().map(|(_, id)| id);
        longest.and_then(|id| self.callers.remove(&id)).is_some()
    }

    /// Something is to be done for this caller.
    pub fn woken(&mut self, token: u64, poller: &Poller, now: Instant) {
        self.with(u32::try_from(token.saturating_sub(CALLERS)).unwrap_or(0), poller, |caller| {
            caller.woken(now)
        });
    }

    /// The lines that have come: one of each caller, so that nobody is served twice before others are once.
    pub fn take_lines(&mut self, poller: &Poller, now: Instant) -> Vec<(Asker, Vec<u8>)> {
        let mut lines = Vec::new();
        let ready: Vec<u32> =
            self.callers.iter().filter(|(_, caller)| caller.has_line()).map(|(id, _)| *id).collect();
        for id in ready {
            self.with(id, poller, |caller| {
                lines.extend(caller.take_line(now).map(|line| (Asker(id), line)));
                Next::Stay
            });
        }
        lines
    }

    /// Answers a caller, if it is still there.
    pub fn answer(&mut self, to: Asker, answer: &Answer, poller: &Poller, now: Instant) {
        self.with(to.0, poller, |caller| caller.answer(answer, now));
    }

    /// The process behind a caller; for the log.
    pub fn pid_of(&self, asker: Asker) -> Option<u32> {
        sys::peer::of(self.callers.get(&asker.0)?).ok()?.pid
    }

    /// Makes a caller wait for what becomes of a unit.
    pub fn wait(&mut self, asker: Asker, unit: UnitId, until: Instant, poller: &Poller) {
        self.with(asker.0, poller, |caller| {
            caller.doing = Doing::Waiting { unit, until };
            Next::Stay
        });
    }

    /// Answers who waited for what is so by now, or long enough.
    pub fn settle(&mut self, machine: &Machine, poller: &Poller, now: Instant) {
        let settled = |caller: &Caller| match caller.doing {
            Doing::Waiting { unit, until } => {
                machine.outcome(unit).or_else(|| (until <= now).then_some(Outcome::TimedOut))
            }
            _ => None,
        };
        let answers: Vec<(u32, Outcome)> =
            self.callers.iter().filter_map(|(id, caller)| Some((*id, settled(caller)?))).collect();
        for (id, outcome) in answers {
            self.with(id, poller, |caller| caller.answer(&Answer::Settled { outcome }, now));
        }
    }

    /// Lets go of callers who are too slow, and listens again after a while without descriptors.
    pub fn expire(&mut self, poller: &Poller, now: Instant) {
        self.callers.retain(|_, caller| {
            matches!(caller.doing, Doing::Waiting { .. }) || caller.deadline().is_none_or(|until| until > now)
        });
        if self.deaf_until.is_some_and(|until| until <= now) {
            self.deaf_until = None;
            let _ = poller.change(&self.listener, LISTENER, Interest::Read);
        }
    }

    /// When there is something to do though nothing happens: at once, when a caller has sent more than one line.
    pub fn wake(&self, now: Instant) -> Option<Instant> {
        if self.callers.values().any(Caller::has_line) {
            return Some(now);
        }
        self.callers.values().filter_map(Caller::deadline).chain(self.deaf_until).min()
    }

    /// How many callers there are.
    #[cfg(test)]
    pub fn callers(&self) -> usize {
        self.callers.len()
    }

    /// What is kept of all of them.
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.callers.values().map(Caller::held_bytes).sum()
    }

    /// Does something with a caller, then waits for what it waits for next, or lets it go.
    fn with(&mut self, id: u32, poller: &Poller, act: impl FnOnce(&mut Caller) -> Next) {
        let Some(caller) = self.callers.get_mut(&id) else { return };
        let before = caller.interest();
        let next = act(caller);
        let after = caller.interest();
        let lost = before != after && poller.change(&*caller, token(id), after).is_err();
        // Closing ends the waiting as well.
        if next == Next::Leave || lost {
            self.callers.remove(&id);
        }
    }
}

fn token(id: u32) -> u64 {
    CALLERS + u64::from(id)
}
