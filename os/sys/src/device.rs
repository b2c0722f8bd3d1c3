//! Tying an IP socket to one link: socket(7), `SO_BINDTODEVICE`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// From now on `socket` sends and receives on the link named `link` only. Needs `CAP_NET_RAW` if it was bound before.
pub fn bind_to_device(socket: impl AsFd, link: &str) -> io::Result<()> {
    // SAFETY: the name is valid for the length given; the kernel copies at most IFNAMSIZ of it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            link.as_ptr().cast(),
            link.len() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
