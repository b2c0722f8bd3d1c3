//! One netlink socket: a request out, its answers in (netlink(7)).
//!
//! Holds always: answers to an earlier request are never taken for this one's (sequence numbers), and a datagram is
//! read whole or not at all.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use netlink_bindings::builtin::{NlmsgerrAttrs, Nlmsghdr};
use netlink_bindings::consts;
use netlink_bindings::traits::{NetlinkRequest, Protocol};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, sockopt};

use crate::Error;

/// What the kernel fills at most with one datagram of a dump (NLMSG_GOODSIZE is 8 KiB, a dump asked for with a larger
/// buffer gets up to 32 KiB).
const DATAGRAM_BYTES: usize = 32 * 1024;

/// The kernel answers before `send` returns. This only turns a kernel that does not into an error.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    seq: u32,
    buffer: Vec<u8>,
}

/// Which part of the kernel is spoken to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Family {
    /// Links, addresses, routes: NETLINK_ROUTE, protocol 0.
    Route,
    /// nftables: NETLINK_NETFILTER.
    Netfilter,
}

/// One message of a datagram.
pub(crate) struct Message<'a> {
    pub header: Nlmsghdr,
    pub payload: &'a [u8],
}

impl Socket {
    pub(crate) fn open(family: Family) -> Result<Self, Error> {
        Self::bound(family, 0)
    }

    /// A socket that also gets the multicast groups in the mask `groups`.
    pub(crate) fn bound(family: Family, groups: u32) -> Result<Self, Error> {
        let open = || -> rustix::io::Result<OwnedFd> {
            let fd = rustix::net::socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                match family {
                    Family::Route => None,
                    Family::Netfilter => Some(rustix::net::netlink::NETFILTER),
                },
            )?;
            rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
            let _ = sys::netlink::explain_refusals(&fd);
            sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, Some(ANSWER_DEADLINE))?;
            Ok(fd)
        };
        let fd = open().map_err(|err| Error::Open(err.into()))?;
        Ok(Socket { fd, seq: 0, buffer: vec![0; DATAGRAM_BYTES] })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Carries out a request that answers with an acknowledgement only.
    pub(crate) fn ask<R: NetlinkRequest>(&mut self, verb: &'static str, request: &R) -> Result<(), Error> {
        self.list(verb, request, |_| ())
    }

    /// Carries out a request and hands each of its replies to `each`.
    pub(crate) fn list<R: NetlinkRequest>(
        &mut self,
        verb: &'static str,
        request: &R,
        mut each: impl for<'b> FnMut(R::ReplyType<'b>),
    ) -> Result<(), Error> {
        let Protocol::Raw { request_type, .. } = request.protocol() else {
            return Err(Error::Malformed { verb });
        };
        self.seq = self.seq.wrapping_add(1);
        let seq = self.seq;
        let flags = request.flags() | (consts::NLM_F_REQUEST | consts::NLM_F_ACK) as u16;
        let length = (Nlmsghdr::len() + request.payload().len()) as u32;
        let header = Nlmsghdr { len: length, r#type: request_type, flags, seq, pid: 0 };
        let mut bytes = header.as_slice().to_vec();
        bytes.extend_from_slice(request.payload());
        self.send(verb, &bytes)?;
        loop {
            for message in self.receive(verb, RecvFlags::empty())? {
                let Message { header, payload } = message.ok_or(Error::Malformed { verb })?;
                if header.seq != seq {
                    continue;
                }
                match header.r#type {
                    NLMSG_ERROR => return verdict(verb, &header, payload),
                    NLMSG_DONE => return Ok(()),
                    _ => each(R::decode_reply(payload)),
                }
            }
        }
    }

    pub(crate) fn send(&self, verb: &'static str, bytes: &[u8]) -> Result<(), Error> {
        match rustix::net::send(&self.fd, bytes, SendFlags::empty()) {
            Ok(sent) if sent == bytes.len() => Ok(()),
            Ok(_) => Err(Error::Exchange { verb, err: io::ErrorKind::WriteZero.into() }),
            Err(err) => Err(Error::Exchange { verb, err: err.into() }),
        }
    }

    /// Lets one message of `bytes` be sent at once, whatever the system's default is.
    pub(crate) fn make_room(&self, verb: &'static str, bytes: usize) -> Result<(), Error> {
        sockopt::set_socket_send_buffer_size_force(&self.fd, bytes)
            .map_err(|err| Error::Exchange { verb, err: err.into() })
    }

    /// Receives one datagram and walks its messages; a cut or misaligned one is `None`, and the last.
    pub(crate) fn receive(
        &mut self,
        verb: &'static str,
        flags: RecvFlags,
    ) -> Result<impl Iterator<Item = Option<Message<'_>>>, Error> {
        let length = loop {
            // With TRUNC the kernel returns the datagram's real length, so that one too long for us is noticed.
            match rustix::net::recv(&self.fd, self.buffer.as_mut_slice(), flags | RecvFlags::TRUNC) {
                Err(rustix::io::Errno::INTR) => {}
                Err(err) => return Err(Error::Exchange { verb, err: err.into() }),
                Ok((_, real)) if real > self.buffer.len() => return Err(Error::Malformed { verb }),
                Ok((_, real)) => break real,
            }
        };
        let mut rest = &self.buffer[..length];
        Ok(std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let message = split(rest);
            rest = message.as_ref().map_or(&[], |(_, rest)| rest);
            Some(message.map(|(message, _)| message))
        }))
    }
}

/// The first message of `bytes`, and what follows it.
fn split(bytes: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let header = Nlmsghdr::new_from_slice(bytes.get(..Nlmsghdr::len())?)?;
    let length = header.len as usize;
    let payload = bytes.get(Nlmsghdr::len()..length)?;
    Some((Message { header, payload }, bytes.get(length.next_multiple_of(4)..).unwrap_or(&[])))
}

/// Reads an NLMSG_ERROR message: zero is the acknowledgement of success.
pub(crate) fn verdict(verb: &'static str, header: &Nlmsghdr, payload: &[u8]) -> Result<(), Error> {
    let code = payload.first_chunk::<4>().map(|code| i32::from_ne_bytes(*code));
    match code.ok_or(Error::Malformed { verb })? {
        0 => Ok(()),
        code => Err(Error::Refused {
            verb,
            why: explanation(header, payload).unwrap_or_default(),
            err: io::Error::from_raw_os_error(code.saturating_neg()),
        }),
    }
}

/// The kernel's words in an extended acknowledgement. They come after the request, which is repeated whole unless capped.
fn explanation(header: &Nlmsghdr, payload: &[u8]) -> Option<String> {
    if header.flags & consts::NLM_F_ACK_TLVS as u16 == 0 {
        return None;
    }
    let repeated = match header.flags & consts::NLM_F_CAPPED as u16 {
        0 => Nlmsghdr::new_from_slice(payload.get(4..4 + Nlmsghdr::len())?)?.len as usize,
        _ => Nlmsghdr::len(),
    };
    let attributes = payload.get((4 + repeated).next_multiple_of(4)..)?;
    NlmsgerrAttrs::new(attributes).find_map(|attribute| match attribute {
        Ok(NlmsgerrAttrs::Msg(text)) => Some(text.to_string_lossy().into_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_messages_end_the_walk_without_a_panic() {
        for length in 0..40_usize {
            for claimed in [0_u32, 1, 15, 16, 17, 39, 40, 41, u32::MAX] {
                let mut bytes = vec![0xff; length];
                for (at, byte) in claimed.to_ne_bytes().into_iter().enumerate().take(length) {
                    bytes[at] = byte;
                }
                let _ = split(&bytes).map(|(message, rest)| (message.payload.len(), rest.len()));
            }
        }
    }

    #[test]
    fn a_short_error_message_is_malformed_not_a_panic() {
        let flags = consts::NLM_F_ACK_TLVS as u16;
        let header = Nlmsghdr { len: 0, r#type: NLMSG_ERROR, flags, seq: 0, pid: 0 };
        for length in 0..64 {
            let _ = verdict("test", &header, &vec![0xff; length]);
        }
        assert!(matches!(verdict("test", &header, &[1]), Err(Error::Malformed { .. })));
        assert!(verdict("test", &header, &[0; 4]).is_ok());
    }
}
