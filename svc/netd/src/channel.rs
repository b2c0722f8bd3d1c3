//! How DHCP messages leave and arrive: below IP while there is no address, by UDP once there is.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use sys::packet::PacketSocket;

use crate::dhcp::machine::{Hearing, To};
use crate::dhcp::{CLIENT_PORT, SERVER_PORT, frame, message};

/// Messages taken at one waking, so that a flood does not keep the clock from being looked at.
const AT_ONCE: usize = 32;

/// The socket in use, if one is.
#[derive(Debug, Default)]
pub enum Channel {
    /// No answer is awaited.
    #[default]
    Closed,
    /// Below IP.
    Packet(PacketSocket),
    /// By UDP, on this link alone.
    Udp(UdpSocket),
}

impl Channel {
    /// Sends to whom the machine says, over the socket that fits, which is opened if it is not.
    pub fn send(&mut self, link: (u32, &str), message: &[u8], to: To) -> io::Result<()> {
        match (to, &self) {
            (To::Everyone, Channel::Packet(_)) => {}
            (To::Everyone, _) => *self = Channel::Packet(PacketSocket::open(link.0, &frame::FILTER)?),
            (_, Channel::Udp(_)) => {}
            _ => *self = Channel::Udp(open_udp(link.1)?),
        }
        match (&self, to) {
            (Channel::Packet(socket), _) => socket.broadcast(&frame::wrap(message)),
            (Channel::Udp(socket), To::Server(server)) => {
                socket.send_to(message, (server, SERVER_PORT)).map(drop)
            }
            (Channel::Udp(socket), _) => {
                socket.send_to(message, (Ipv4Addr::BROADCAST, SERVER_PORT)).map(drop)
            }
            (Channel::Closed, _) => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Closes the socket if no answer is awaited on it.
    pub fn settle(&mut self, hearing: Hearing) {
        if hearing == Hearing::Nothing {
            *self = Channel::Closed;
        }
    }

    /// The messages that have come, as they are; hostile ones among them.
    pub fn receive(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let mut buffer = [0; message::limits::MESSAGE_BYTES + 100];
        let mut messages = Vec::new();
        for _ in 0..AT_ONCE {
            match self {
                Channel::Closed => break,
                Channel::Packet(socket) => match socket.receive(&mut buffer)? {
                    Some(packet) => messages.extend(frame::unwrap(packet).map(<[u8]>::to_vec)),
                    None => break,
                },
                Channel::Udp(socket) => match socket.recv_from(&mut buffer) {
                    Ok((length, from)) if from.port() == SERVER_PORT => {
                        messages.push(buffer[..length].to_vec())
                    }
                    Ok(_) => {}
                    Err(err) if err.kind() == io::ErrorKind::WouldBlock => break,
                    Err(err) => return Err(err),
                },
            }
        }
        Ok(messages)
    }

    /// What to poll.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Channel::Closed => None,
            Channel::Packet(socket) => Some(socket.as_fd()),
            Channel::Udp(socket) => Some(socket.as_fd()),
        }
    }
}

/// Bound to every address, because a refusal is broadcast; to one link, because other links are not this lease's.
fn open_udp(link: &str) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, CLIENT_PORT))?;
    sys::device::bind_to_device(&socket, link)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
