//! News of links, as they happen.

use std::os::fd::{AsFd, BorrowedFd};

use netlink_bindings::rt_link::OpGetlinkDo;
use netlink_bindings::traits::NetlinkRequest;
use rustix::net::RecvFlags;

use crate::socket::{Family, Socket};
use crate::{Error, Link};

/// rtnetlink(7): multicast group 1, as a mask.
const RTMGRP_LINK: u32 = 1;
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;

/// Something happened to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A link appeared or changed; this is how it is now.
    Changed(Link),
    /// A link went away.
    Gone(Link),
    /// More happened than the socket could hold: list the links again.
    Lost,
}

/// A subscription to the links of one namespace. Readable when there is news.
#[derive(Debug)]
pub struct Events {
    socket: Socket,
}

impl Events {
    /// Subscribes. What happened before is not told: subscribe first, list then.
    pub fn open() -> Result<Self, Error> {
        Ok(Events { socket: Socket::bound(Family::Route, RTMGRP_LINK)? })
    }

    /// The news there is, oldest first; empty when there is none. Does not wait.
    pub fn take(&mut self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        loop {
            match self.socket.receive("hear of links", RecvFlags::DONTWAIT) {
                Ok(messages) => events.extend(messages.flatten().filter_map(|message| {
                    let (header, attributes) = match message.payload {
                        payload if payload.len() < 16 => return None,
                        payload => OpGetlinkDo::decode_reply(payload),
                    };
                    let link = Link::read(&header, &attributes)?;
                    match message.header.r#type {
                        RTM_NEWLINK => Some(Event::Changed(link)),
                        RTM_DELLINK => Some(Event::Gone(link)),
                        _ => None,
                    }
                })),
                Err(Error::Exchange { err, .. }) if err.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(Error::Exchange { err, .. })
                    if rustix::io::Errno::from_io_error(&err) == Some(rustix::io::Errno::NOBUFS) =>
                {
                    events.push(Event::Lost);
                }
                Err(err) => return Err(err),
            }
        }
        Ok(events)
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }
}
