//! DHCP in UDP in IPv4, for a host without an address: from 0.0.0.0 to everyone, and back.
//!
//! Holds always: [`unwrap`] takes any bytes. The filter keeps everything but such packets away from us; what it lets
//! through is checked again here. UDP's checksum is not checked on the way in: a virtual link leaves it to hardware that
//! is not there (as packet(7) says of `TP_STATUS_CSUMNOTREADY`), and the link's own has been.

use std::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr};

use super::{CLIENT_PORT, SERVER_PORT};

/// Lets UDP to the client's port through, unless it is in fragments. Offsets count from the IP header (classic BPF).
pub const FILTER: [(u16, u8, u8, u32); 9] = [
    (0x30, 0, 0, 9),                  // the protocol
    (0x15, 0, 6, 17),                 // is UDP
    (0x28, 0, 0, 6),                  // the fragment's offset and flags
    (0x45, 4, 0, 0x3fff),             // are neither "more" nor "not the first"
    (0xb1, 0, 0, 0),                  // the header's length
    (0x48, 0, 0, 2),                  // and behind it the destination port
    (0x15, 0, 1, CLIENT_PORT as u32), // is the client's
    (0x06, 0, 0, u32::MAX),           // take it all
    (0x06, 0, 0, 0),                  // take nothing
];

/// The packet that carries `message` from a host without an address to every server on the link.
pub fn wrap(message: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let (from, to) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    let udp = UdpRepr { src_port: CLIENT_PORT, dst_port: SERVER_PORT };
    let ip = Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + message.len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; ip.buffer_len() + ip.payload_len];
    let mut packet = Ipv4Packet::new_unchecked(bytes.as_mut_slice());
    ip.emit(&mut packet, &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(packet.payload_mut()),
        &IpAddress::Ipv4(from),
        &IpAddress::Ipv4(to),
        message.len(),
        |payload| payload.copy_from_slice(message),
        &checksums,
    );
    bytes
}

/// The message in a packet from a server to a client.
pub fn unwrap(packet: &[u8]) -> Option<&[u8]> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let whole = !ip.more_frags() && ip.frag_offset() == 0;
    if ip.version() != 4 || !whole || ip.next_header() != IpProtocol::Udp || !ip.verify_checksum() {
        return None;
    }
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    (udp.src_port() == SERVER_PORT && udp.dst_port() == CLIENT_PORT).then(|| udp.payload())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_message_is_valid_ip_and_udp() {
        let bytes = wrap(b"message!!");
        let ip = Ipv4Packet::new_checked(bytes.as_slice()).unwrap();
        assert!(ip.verify_checksum());
        let udp = UdpPacket::new_checked(ip.payload()).unwrap();
        assert!(udp.verify_checksum(&Ipv4Addr::UNSPECIFIED.into(), &Ipv4Addr::BROADCAST.into()));
        assert_eq!((udp.src_port(), udp.dst_port(), udp.payload()), (68, 67, &b"message!!"[..]));
        assert_eq!(unwrap(&bytes), None, "it goes to servers, not to clients");
    }

    #[test]
    fn random_packets_never_panic() {
        let mut seed = 7_u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u8
        };
        for round in 0..100_000_usize {
            let mut bytes = wrap(&[9; 300]);
            bytes.truncate(round % 330);
            for _ in 0..round % 7 {
                let at = usize::from(next()) % bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = next();
                }
            }
            crate::fuzz::packet(&bytes);
        }
    }
}
