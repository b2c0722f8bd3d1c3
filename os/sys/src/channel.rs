//! Unix sockets (unix(7)): datagrams that name their sender, and messages that carry a descriptor.
//!
//! The receiving side of the latter is in `handed`.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::Mode;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::process::Pid;

/// A datagram socket at a path; the kernel says who sent each datagram.
#[derive(Debug)]
pub struct Mailbox(OwnedFd);

impl Mailbox {
    /// Makes the socket at `path`, for root alone to write to when `mode` says so. What was there is replaced.
    pub fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
        rustix::net::sockopt::set_socket_passcred(&socket, true)?;
        match std::fs::remove_file(path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
            _ => {}
        }
        rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
        rustix::fs::chmod(path, Mode::from_raw_mode(mode))?;
        Ok(Self(socket))
    }

    /// Takes one datagram into `buffer`: its sender and its length. None when there is none, or none worth having.
    pub fn next(&self, buffer: &mut [u8]) -> io::Result<Option<(Pid, usize)>> {
        // Room for descriptors that a sender may attach: received, they are closed on drop.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8), ScmCredentials(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let message =
            match rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(buffer)], &mut ancillary, flags) {
                Ok(message) => message,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
                Err(err) => return Err(err.into()),
            };
        let sender = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmCredentials(sender) => Some(sender.pid),
            _ => None,
        });
        Ok(sender.map(|pid| (pid, message.bytes)))
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Two connected ends that keep messages apart. Ours does not block.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    Ok((ours, theirs))
}

/// Sends `text` with a copy of `fd`. An error of kind `WouldBlock` means: wait until the socket can be written.
pub fn send(socket: impl AsFd, text: &[u8], fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    // The space is made for exactly this.
    if !ancillary.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    rustix::net::sendmsg(
        socket,
        &[IoSlice::new(text)],
        &mut ancillary,
        SendFlags::NOSIGNAL | SendFlags::DONTWAIT,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[test]
    fn a_datagram_names_its_sender() {
        let path = std::env::temp_dir().join(format!("mailbox-{}", std::process::id()));
        let mailbox = Mailbox::bind(&path, 0o600).unwrap();
        let mut buffer = [0; 64];
        assert!(mailbox.next(&mut buffer).unwrap().is_none());
        UnixDatagram::unbound().unwrap().send_to(b"READY=1", &path).unwrap();
        let (pid, length) = mailbox.next(&mut buffer).unwrap().unwrap();
        assert_eq!(pid, rustix::process::getpid());
        assert_eq!(&buffer[..length], b"READY=1");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_descriptor_travels_with_its_message() {
        let (ours, theirs) = pair().unwrap();
        send(&ours, b"null", File::open("/dev/null").unwrap().as_fd()).unwrap();
        let mut buffer = [0; 16];
        let received = crate::handed::receive(&theirs, &mut buffer).unwrap();
        assert!(matches!(received, crate::handed::Received::Message(4, Some(_))), "{received:?}");
    }
}
