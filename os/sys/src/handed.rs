//! File descriptors handed over: by the parent at a fixed number, or by a peer over a unix socket (unix(7)).
#![allow(unsafe_code)]

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

/// Takes the descriptor that the parent left open at `number`, and keeps children from having it too.
///
/// Call it once per number, before anything else of this process opens files: descriptors 0 to 2 belong to std.
pub fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= 2 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: fcntl(F_GETFD) touches no memory and fails on a closed number.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the number is open (checked above) and nothing in this process owns it: it was there at exec, and the
    // caller takes each number once, before opening others.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
    Ok(fd)
}

/// What a socket gave.
#[derive(Debug)]
pub enum Received {
    /// One message: its length in the buffer, and the descriptor that came with it.
    Message(usize, Option<OwnedFd>),
    /// Nothing for now.
    Nothing,
    /// The peer has closed its end.
    Closed,
}

/// Takes one message with at most one descriptor from a seqpacket socket, without blocking.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let message = loop {
        match rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, flags) {
            Ok(message) => break message,
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
            Err(rustix::io::Errno::CONNRESET) => return Ok(Received::Closed),
            Err(err) => return Err(err.into()),
        }
    };
    let fd = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    if message.bytes == 0 && fd.is_none() {
        return Ok(Received::Closed);
    }
    Ok(Received::Message(message.bytes, fd))
}
