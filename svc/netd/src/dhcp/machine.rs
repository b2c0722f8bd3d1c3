//! When to ask for an address, whom, and what to make of the answers (RFC 2131 section 4.4).
//!
//! Events and time in, actions out; nothing here blocks, fails or knows a socket. Holds always: an address is on the
//! link only between [`Action::Apply`] and [`Action::Withdraw`], each tells of one lease, and they alternate, but that
//! an extended lease is applied again; nothing is sent while there is no carrier; two sends of one question are at
//! least [`FIRST_RETRY_MS`](super::pace::FIRST_RETRY_MS) less a quarter apart; a server that refuses again and again is asked ever less often.
//!
//! | state \ event | LinkUp | LinkDown | Offer | Ack | Nak | Refused | time |
//! |---|---|---|---|---|---|---|---|
//! | Down | lease: ask for it, Rebooting; none: Selecting | - | - | - | - | - | end of lease: withdraw |
//! | Pausing | - | Down | - | - | - | - | Selecting |
//! | Selecting | - | Down | ask that server, Requesting | - | - | - | ask again |
//! | Requesting | - | Down | - | apply, Bound | Pausing | - | ask again; too often: Selecting |
//! | Rebooting | - | Down, keep | - | apply, Bound | withdraw, Pausing | - | ask again; too often: Bound as it was; end: Selecting |
//! | Bound | - | Down, keep | - | - | - | decline, withdraw, Pausing | T1: Renewing |
//! | Renewing | - | Down, keep | - | apply, Bound | withdraw, Pausing | as Bound | ask again; T2: Rebinding |
//! | Rebinding | - | Down, keep | - | apply, Bound | withdraw, Pausing | as Bound | ask again; end: withdraw, Selecting |
//!
//! A dash is no action and no change. Replies with another question's number fall under it. Pausing is skipped the
//! first time: whoever moved to another network asks there at once.

use std::net::Ipv4Addr;

use super::lease::Lease;
use super::message::{Answer, Ask, Reply, Verb};
pub use super::pace::Millis;
use super::pace::{Random, doubled, jittered};

/// Questions for an offered address before the offer counts as void: 1 + 2 + 4 + 8 s.
const REQUEST_TRIES: u32 = 4;
/// Questions for the address from before the link was lost. RFC 2131 section 3.2: without an answer the client may
/// keep using it.
const REBOOT_TRIES: u32 = 3;
/// RFC 2131 section 3.1, step 5: the least wait after a DECLINE, "to avoid excessive network traffic".
const DECLINE_PAUSE_MS: Millis = 10_000;
/// RFC 2131 section 4.4.5: the least wait between questions for more time.
const LEAST_EXTEND_RETRY_MS: Millis = 60_000;

/// What happens to the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The link has carrier.
    LinkUp,
    /// The link lost its carrier.
    LinkDown,
    /// A server's message came.
    Received(Reply),
    /// The address of the lease last applied cannot be used.
    Refused,
    /// Time passed; [`Machine::deadline`] has come.
    Tick,
}

/// What the shell does for the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Sends a message.
    Send {
        /// What it says.
        ask: Ask,
        /// To whom.
        to: To,
    },
    /// Puts the lease on the link, in the place of the one before.
    Apply(Lease),
    /// Takes the lease off the link.
    Withdraw {
        /// Which.
        lease: Lease,
        /// Why.
        why: Why,
    },
}

/// To whom a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Everyone on the link, from 0.0.0.0: we have no address.
    Everyone,
    /// Everyone on the link, from our address.
    EveryoneFromAddress,
    /// One server, from our address.
    Server(Ipv4Addr),
}

/// Where a client listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// Nowhere: it awaits no answer.
    Nothing,
    /// On the link, below IP: it has no address, or not surely.
    Link,
    /// On its address.
    Address,
}

/// Why a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nobody extended it in time.
    Expired,
    /// A server says that it is not ours (any more).
    Refused,
    /// The address cannot be used here.
    Unusable,
}

/// A question on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Exchange {
    xid: u32,
    began: Millis,
    tries: u32,
    again: Millis,
}

/// A lease and when its times come; `None` when it does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    lease: Lease,
    times: Option<HeldTimes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct HeldTimes {
    renew: Millis,
    rebind: Millis,
    end: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Down { held: Option<Held> },
    Pausing { until: Millis },
    Selecting { exchange: Exchange },
    Requesting { exchange: Exchange, offer: Lease },
    Rebooting { exchange: Exchange, held: Held },
    Bound { held: Held },
    Renewing { exchange: Exchange, held: Held },
    Rebinding { exchange: Exchange, held: Held },
}

/// The client's side of one link.
#[derive(Debug, Clone)]
pub struct Machine {
    state: State,
    random: Random,
    /// Since when an address, or more time for it, has been wanted: the `secs` of messages.
    since: Millis,
    /// Leases refused or unusable since the last good one.
    failures: u32,
}

impl Machine {
    /// A client on a link without carrier. `seed` makes its question numbers and its jitter: random on a network.
    pub fn new(seed: u64) -> Self {
        Machine { state: State::Down { held: None }, random: Random(seed), since: 0, failures: 0 }
    }

    /// When [`Event::Tick`] is due; `None` while only other events can change anything.
    pub fn deadline(&self) -> Option<Millis> {
        let end = |held: &Held| held.times.map(|times| times.end);
        match &self.state {
            State::Down { held } => held.as_ref().and_then(end),
            State::Pausing { until } => Some(*until),
            State::Selecting { exchange } | State::Requesting { exchange, .. } => Some(exchange.again),
            State::Rebooting { exchange, held } => Some(exchange.again.min(end(held).unwrap_or(Millis::MAX))),
            State::Bound { held } => held.times.map(|times| times.renew),
            State::Renewing { exchange, held } => {
                Some(exchange.again.min(held.times.map_or(Millis::MAX, |times| times.rebind)))
            }
            State::Rebinding { exchange, held } => Some(exchange.again.min(end(held).unwrap_or(Millis::MAX))),
        }
    }

    /// Where answers may come now; elsewhere nobody need listen.
    pub fn hearing(&self) -> Hearing {
        match self.state {
            State::Down { .. } | State::Pausing { .. } | State::Bound { .. } => Hearing::Nothing,
            State::Selecting { .. } | State::Requesting { .. } | State::Rebooting { .. } => Hearing::Link,
            State::Renewing { .. } | State::Rebinding { .. } => Hearing::Address,
        }
    }

    /// The lease whose address is on the link.
    pub fn lease(&self) -> Option<&Lease> {
        self.held().map(|held| &held.lease)
    }

    /// Advances on one event. Returns the actions to perform, in order.
    pub fn step(&mut self, event: Event, now: Millis) -> Vec<Action> {
        let mut actions = Vec::new();
        // First of all, so that nothing is sent into a dead link.
        if event == Event::LinkDown {
            self.state = State::Down { held: self.held().cloned() };
        }
        if let Some(held) =
            self.held().filter(|held| held.times.is_some_and(|times| times.end <= now)).cloned()
        {
            let down = matches!(self.state, State::Down { .. });
            self.withdraw(held.lease, Why::Expired, now, &mut actions);
            match down {
                true => self.state = State::Down { held: None },
                false => self.discover(now, &mut actions),
            }
        }
        match event {
            Event::LinkUp => self.link_up(now, &mut actions),
            Event::LinkDown => {}
            Event::Received(reply) => self.received(&reply, now, &mut actions),
            Event::Refused => self.refused(now, &mut actions),
            Event::Tick => self.tick(now, &mut actions),
        }
        actions
    }

    fn held(&self) -> Option<&Held> {
        match &self.state {
            State::Down { held } => held.as_ref(),
            State::Rebooting { held, .. }
            | State::Bound { held }
            | State::Renewing { held, .. }
            | State::Rebinding { held, .. } => Some(held),
            State::Pausing { .. } | State::Selecting { .. } | State::Requesting { .. } => None,
        }
    }

    fn link_up(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let State::Down { held } = &self.state else { return };
        self.since = now;
        match held.clone() {
            Some(held) => {
                let exchange = self.begin(now);
                self.state = State::Rebooting { exchange, held };
                self.send(now, actions);
            }
            None => self.discover(now, actions),
        }
    }

    fn received(&mut self, reply: &Reply, now: Millis, actions: &mut Vec<Action>) {
        let (exchange, held, expected) = match &self.state {
            State::Selecting { exchange } if reply.xid == exchange.xid && reply.answer == Answer::Offer => {
                if let Ok(offer) = Lease::read(reply) {
                    // RFC 2131 section 4.3.2: the question keeps the offer's number.
                    let exchange = Exchange { xid: exchange.xid, began: now, tries: 0, again: now };
                    self.state = State::Requesting { exchange, offer };
                    self.send(now, actions);
                }
                return;
            }
            State::Requesting { exchange, offer } => (exchange, None, Some(offer.server)),
            State::Renewing { exchange, held } => (exchange, Some(held), Some(held.lease.server)),
            State::Rebooting { exchange, held } | State::Rebinding { exchange, held } => {
                (exchange, Some(held), None)
            }
            _ => return,
        };
        // Only the server that was asked may answer, where one was.
        let from = reply.server();
        if reply.xid != exchange.xid || expected.is_some_and(|server| from.is_some_and(|from| from != server))
        {
            return;
        }
        match reply.answer {
            Answer::Offer => {}
            Answer::Ack => {
                let began = exchange.began;
                if let Ok(lease) = Lease::read(reply) {
                    self.bind(lease, began, actions);
                }
            }
            Answer::Nak => {
                if let Some(lease) = held.map(|held| held.lease.clone()) {
                    self.withdraw(lease, Why::Refused, now, actions);
                }
                self.pause(0, now, actions);
            }
        }
    }

    fn refused(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let (State::Bound { held } | State::Renewing { held, .. } | State::Rebinding { held, .. }) =
            &self.state
        else {
            return;
        };
        let lease = held.lease.clone();
        let decline = Ask {
            verb: Verb::Decline,
            xid: self.random.next() as u32,
            secs: 0,
            current: Ipv4Addr::UNSPECIFIED,
            requested: Some(lease.address.address),
            server: Some(lease.server),
        };
        self.withdraw(lease, Why::Unusable, now, actions);
        actions.push(Action::Send { ask: decline, to: To::Everyone });
        self.pause(DECLINE_PAUSE_MS, now, actions);
    }

    fn tick(&mut self, now: Millis, actions: &mut Vec<Action>) {
        match &self.state {
            State::Down { .. } => {}
            State::Pausing { until } if now >= *until => self.discover(now, actions),
            State::Selecting { exchange } if now >= exchange.again => self.send(now, actions),
            State::Requesting { exchange, .. } if now >= exchange.again => {
                match exchange.tries < REQUEST_TRIES {
                    true => self.send(now, actions),
                    false => self.discover(now, actions),
                }
            }
            State::Rebooting { exchange, held } if now >= exchange.again => {
                match exchange.tries < REBOOT_TRIES {
                    true => self.send(now, actions),
                    false => {
                        self.state = State::Bound { held: held.clone() };
                        // Its time for renewal may have come meanwhile.
                        self.tick(now, actions);
                    }
                }
            }
            State::Bound { held } if held.times.is_some_and(|times| now >= times.renew) => {
                let held = held.clone();
                self.since = now;
                let exchange = self.begin(now);
                self.state = State::Renewing { exchange, held };
                self.extend(now, actions);
            }
            State::Renewing { .. } | State::Rebinding { .. } => self.extend(now, actions),
            _ => {}
        }
    }

    /// Asks for more time if it is due: the server that gave it, and after T2 every server.
    fn extend(&mut self, now: Millis, actions: &mut Vec<Action>) {
        if let State::Renewing { held, .. } = &self.state
            && held.times.is_some_and(|times| now >= times.rebind)
        {
            let held = held.clone();
            let exchange = self.begin(now);
            self.state = State::Rebinding { exchange, held };
        }
        if let State::Renewing { exchange, .. } | State::Rebinding { exchange, .. } = &self.state
            && now >= exchange.again
        {
            self.send(now, actions);
        }
    }

    fn bind(&mut self, lease: Lease, asked: Millis, actions: &mut Vec<Action>) {
        // RFC 2131 section 4.4.1: a lease counts from when it was asked for, so that ours never outlives the server's.
        let at = |seconds: u32| asked + Millis::from(seconds) * 1000;
        let times = lease.times.map(|times| HeldTimes {
            renew: at(times.renew_s),
            rebind: at(times.rebind_s),
            end: at(times.lease_s),
        });
        // An acknowledgement of another address than the one we have: that one goes.
        if let Some(old) = self.lease().filter(|old| old.address != lease.address).cloned() {
            actions.push(Action::Withdraw { lease: old, why: Why::Refused });
        }
        self.failures = 0;
        actions.push(Action::Apply(lease.clone()));
        self.state = State::Bound { held: Held { lease, times } };
    }

    fn withdraw(&mut self, lease: Lease, why: Why, now: Millis, actions: &mut Vec<Action>) {
        self.since = now;
        actions.push(Action::Withdraw { lease, why });
    }

    /// Begins again: at once the first time, later and later when it does not get better.
    fn pause(&mut self, least: Millis, now: Millis, actions: &mut Vec<Action>) {
        let wait = match self.failures {
            0 => 0,
            n => doubled(n - 1),
        };
        self.failures = self.failures.saturating_add(1);
        match wait.max(least) {
            0 => self.discover(now, actions),
            wait => self.state = State::Pausing { until: now + wait },
        }
    }

    fn discover(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let exchange = self.begin(now);
        self.state = State::Selecting { exchange };
        self.send(now, actions);
    }

    fn begin(&mut self, now: Millis) -> Exchange {
        Exchange { xid: self.random.next() as u32, began: now, tries: 0, again: now }
    }

    /// Sends the state's question, once more, and sets when it is asked again.
    fn send(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let secs = u16::try_from(now.saturating_sub(self.since) / 1000).unwrap_or(u16::MAX);
        let jitter = self.random.next();
        // RFC 2131, table 4: which fields which question carries.
        let (exchange, until, to, current, requested, server) = match &mut self.state {
            State::Selecting { exchange } => (exchange, None, To::Everyone, None, None, None),
            State::Requesting { exchange, offer } => {
                (exchange, None, To::Everyone, None, Some(offer.address.address), Some(offer.server))
            }
            State::Rebooting { exchange, held } => {
                (exchange, None, To::Everyone, None, Some(held.lease.address.address), None)
            }
            State::Renewing { exchange, held } => {
                let until = held.times.map(|times| times.rebind);
                (exchange, until, To::Server(held.lease.server), Some(held.lease.address.address), None, None)
            }
            State::Rebinding { exchange, held } => {
                let until = held.times.map(|times| times.end);
                (exchange, until, To::EveryoneFromAddress, Some(held.lease.address.address), None, None)
            }
            State::Down { .. } | State::Pausing { .. } | State::Bound { .. } => return,
        };
        let verb = match (requested, current) {
            (None, None) => Verb::Discover,
            _ => Verb::Request,
        };
        exchange.again = now
            + match until {
                // RFC 2131 section 4.4.5: half of what is left, but not less than a minute.
                Some(until) => (until.saturating_sub(now) / 2).max(LEAST_EXTEND_RETRY_MS),
                None => jittered(doubled(exchange.tries), jitter),
            };
        exchange.tries = exchange.tries.saturating_add(1);
        let current = current.unwrap_or(Ipv4Addr::UNSPECIFIED);
        actions.push(Action::Send {
            ask: Ask { verb, xid: exchange.xid, secs, current, requested, server },
            to,
        });
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
