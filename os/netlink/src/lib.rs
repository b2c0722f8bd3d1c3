//! The kernel's network configuration as verbs: links, addresses, routes, and one nftables table at a time.
//!
//! Every verb is one request and its acknowledgement over a socket this crate owns: when it returns, the kernel has
//! done it or said why not. The kernel answers in the same call, so nothing here waits, except [`Events`], which can be
//! polled. Holds always: a socket belongs to the network namespace of the thread that opened it, and stays there. No
//! policy: which links, which addresses and which rules is the caller's. Codecs are generated from the kernel's own
//! specifications (`netlink-bindings`); rtnetlink(7), netlink(7), include/uapi/linux/netfilter/nf_tables.h.

mod address;
mod error;
mod events;
mod link;
pub mod nft;
mod route;
mod socket;

pub use address::Address;
pub use error::Error;
pub use events::{Event, Events};
pub use link::{Link, Peer};
pub use route::Route;

use socket::{Family, Socket};

/// An rtnetlink socket: links, addresses and routes of one network namespace.
#[derive(Debug)]
pub struct Network {
    socket: Socket,
}

impl Network {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open() -> Result<Self, Error> {
        Ok(Network { socket: Socket::open(Family::Route)? })
    }
}
