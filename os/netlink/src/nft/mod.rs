//! One nftables table as a value, and the act of putting it in place of what was there.
//!
//! A [`Table`] is plain data: chains of rules of [`Expr`]s, each of which is one thing the kernel's engine does. Holds
//! always: [`replace`] swaps the whole table in one transaction, so no packet ever meets half of it, and a refusal
//! leaves the old one standing. What the rules say is the caller's.

mod encode;

use std::net::Ipv4Addr;

use netlink_bindings::builtin::Nlmsghdr;
use netlink_bindings::consts;
use netlink_bindings::nftables::Chained;
use rustix::net::RecvFlags;

use crate::Error;
use crate::socket::{Family, Message, Socket, verdict};

/// A table of family `ip`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its chains. A chain that others jump to comes before them.
    pub chains: Vec<Chain>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where packets enter it; `None` when they come by [`Expr::Jump`] only. Its policy is to accept.
    pub hook: Option<Hook>,
    /// Its rules, tried in order.
    pub rules: Vec<Rule>,
}

/// Where in a packet's way a chain sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// What the chain may do.
    pub kind: Kind,
    /// The point.
    pub point: Point,
    /// Among chains at the same point, the least comes first. -300 is before connection tracking, -100 where
    /// destinations are rewritten, 100 where sources are.
    pub priority: i32,
}

/// What a chain may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Let pass or drop.
    Filter,
    /// Rewrite addresses; sees the first packet of a connection only.
    Nat,
}

/// A point in a packet's way (include/uapi/linux/netfilter.h, `nf_inet_hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the kernel's own words")]
pub enum Point {
    Prerouting = 0,
    Input = 1,
    Forward = 2,
    Output = 3,
    Postrouting = 4,
}

/// Expressions, carried out in order until one does not match.
pub type Rule = Vec<Expr>;

/// One thing the kernel does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// It came in by this link, or did not.
    InLink {
        /// The link's name.
        name: String,
        /// It did.
        is: bool,
    },
    /// It goes out by this link, or does not.
    OutLink {
        /// The link's name.
        name: String,
        /// It does.
        is: bool,
    },
    /// Its source lies in this network.
    Source(Ipv4Addr, u8),
    /// Its destination lies in this network.
    Destination(Ipv4Addr, u8),
    /// Its destination is an address of this host.
    ToThisHost,
    /// It is of this transport (6 TCP, 17 UDP) and goes to this port.
    ToPort {
        /// IP protocol number, one whose header starts with two ports.
        protocol: u8,
        /// Destination port.
        port: u16,
    },
    /// Its connection is known, or belongs to a known one.
    Established,
    /// Its connection's destination was rewritten.
    Redirected,
    /// Rewrites its destination.
    RedirectTo(Ipv4Addr, u16),
    /// Rewrites its source to the address of the link it leaves by.
    Masquerade,
    /// Goes on in another chain of the table, and comes back.
    Jump(String),
    /// Lets it pass this point.
    Accept,
    /// Drops it.
    Drop,
}

/// Puts `table` in the place of the table of the same name, if there is one, in one transaction.
pub fn replace(table: &Table) -> Result<(), Error> {
    transact("replace an nftables table", |batch| encode::replace(batch, table))
}

/// Removes the table of that name; that it is not there is no error.
pub fn remove(name: &str) -> Result<(), Error> {
    transact("remove an nftables table", |batch| encode::remove(batch, name))
}

/// Sends one transaction and waits for its outcome.
fn transact(
    verb: &'static str,
    fill: impl FnOnce(&mut Chained<'_>) -> Result<(), encode::Unnameable>,
) -> Result<(), Error> {
    const FIRST: u32 = 1;
    let mut batch = Chained::new(FIRST);
    batch.request().op_batch_begin_do(&encode::batch_header());
    fill(&mut batch).map_err(|encode::Unnameable(name)| Error::Name { verb, name })?;
    batch.request().op_batch_end_do(&encode::batch_header());
    let mut batch = batch.finalize();
    let last = acknowledge_last_only(batch.buf_mut()).ok_or(Error::Malformed { verb })?;

    let mut socket = Socket::open(Family::Netfilter)?;
    // A table travels as one message; the default send buffer would hold some hundred rules.
    socket.make_room(verb, batch.buf().len() + 4096)?;
    socket.send(verb, batch.buf())?;
    // Errors come in the order of the messages, the one acknowledgement after them. An error of the transaction
    // itself carries the first number, and nothing follows it.
    let mut outcome = Ok(());
    loop {
        for message in socket.receive(verb, RecvFlags::empty())? {
            let Message { header, payload } = message.ok_or(Error::Malformed { verb })?;
            let said = verdict(verb, &header, payload);
            outcome = outcome.and(said);
            if header.seq == last || header.seq == FIRST {
                return outcome;
            }
        }
    }
}

/// Asks for the acknowledgement of the last message before the end only, and returns its number.
///
/// An acknowledgement of each would overflow the receive buffer with a large table, and kernels before 6.10 do not
/// acknowledge the begin and the end.
fn acknowledge_last_only(batch: &mut [u8]) -> Option<u32> {
    let header = |batch: &[u8], at: usize| Nlmsghdr::new_from_slice(batch.get(at..at + Nlmsghdr::len())?);
    let mut starts = Vec::new();
    let mut at = 0;
    while at < batch.len() {
        starts.push(at);
        at += (header(batch, at)?.len as usize).next_multiple_of(4).max(Nlmsghdr::len());
    }
    let last = *starts.get(starts.len().checked_sub(2)?)?;
    for at in starts.into_iter().filter(|at| *at != last) {
        let mut quiet = header(batch, at)?;
        quiet.flags &= !(consts::NLM_F_ACK as u16);
        batch[at..at + Nlmsghdr::len()].copy_from_slice(quiet.as_slice());
    }
    Some(header(batch, last)?.seq)
}
