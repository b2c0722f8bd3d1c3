//! IP packets on one link, below the kernel's IP: packet(7), with a classic BPF filter (socket(7), `SO_ATTACH_FILTER`).
//!
//! For a host that has no address yet: what it sends carries source 0.0.0.0 whatever other addresses the machine has,
//! and what it receives reaches it whatever the routing table and `rp_filter` think. Frames are whole IPv4 packets; the
//! kernel makes and strips the Ethernet header.
#![allow(unsafe_code)]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// One instruction of a classic BPF program: `code`, `jt`, `jf`, `k` (linux/filter.h).
pub type Instruction = (u16, u8, u8, u32);

/// A packet socket on one link.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
    ifindex: u32,
}

impl PacketSocket {
    /// Opens a non-blocking socket that sees the IPv4 packets of link `ifindex` which `filter` lets through.
    ///
    /// The filter is in place before the socket is bound, so nothing it refuses is ever queued.
    pub fn open(ifindex: u32, filter: &[Instruction]) -> io::Result<Self> {
        // SAFETY: no pointers. Protocol 0 receives nothing until bind.
        let fd = check(unsafe {
            libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0)
        })?;
        // SAFETY: `fd` was just returned to us and has no other owner.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };

        let mut program: Vec<libc::sock_filter> =
            filter.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
        let len = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let fprog = libc::sock_fprog { len, filter: program.as_mut_ptr() };
        // SAFETY: `fprog` and the program it points to outlive the call; the kernel copies and verifies both.
        check(unsafe {
            libc::setsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const fprog).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            )
        })?;

        let address = link_address(ifindex, None);
        // SAFETY: `address` is a whole sockaddr_ll and its size is given.
        check(unsafe {
            libc::bind(
                fd.as_raw_fd(),
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        })?;
        Ok(PacketSocket { fd, ifindex })
    }

    /// Sends an IPv4 packet to every station on the link.
    pub fn broadcast(&self, packet: &[u8]) -> io::Result<()> {
        let to = link_address(self.ifindex, Some([0xff; 6]));
        // SAFETY: `packet` is valid for its length, `to` is a whole sockaddr_ll and its size is given.
        let sent = unsafe {
            libc::sendto(
                self.fd.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                (&raw const to).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Takes the next packet; `None` when there is none now. A packet longer than `buffer` is cut.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<Option<&'b [u8]>> {
        match rustix::net::recv(&self.fd, &mut *buffer, rustix::net::RecvFlags::DONTWAIT) {
            Ok((length, _)) => Ok(Some(&buffer[..length])),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(err) => Err(err.into()),
        }
    }
}

impl std::os::fd::AsFd for PacketSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn link_address(ifindex: u32, station: Option<[u8; 6]>) -> libc::sockaddr_ll {
    // SAFETY: sockaddr_ll is plain integers; all zero is a value of it.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
    address.sll_ifindex = ifindex.cast_signed();
    if let Some(station) = station {
        address.sll_halen = 6;
        address.sll_addr[..6].copy_from_slice(&station);
    }
    address
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
