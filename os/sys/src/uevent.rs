//! The kernel's announcements of devices: netlink(7), NETLINK_KOBJECT_UEVENT.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};

/// The group in which the kernel itself speaks (udev's own is 2).
const KERNEL_GROUP: u32 = 1;

/// An open ear. What happens after it was opened is not missed, so open it, look around, then wait.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Starts listening.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(KOBJECT_UEVENT))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self(socket))
    }

    /// Waits until the kernel announced something, or `longest` has passed; returns whether it did.
    ///
    /// What was announced is thrown away: the caller looks at /sys, which is the truth even when messages were lost.
    pub fn wait(&self, longest: Duration) -> io::Result<bool> {
        let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        if rustix::io::retry_on_intr(|| rustix::event::poll(&mut fds, Some(&longest)))? == 0 {
            return Ok(false);
        }
        let mut scrap = [0_u8; 4096];
        loop {
            match rustix::net::recv(&self.0, &mut scrap[..], RecvFlags::DONTWAIT) {
                // ENOBUFS: announcements were lost, which still means that something happened.
                Ok(_) | Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(true),
                Err(err) => return Err(err.into()),
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
