//! DHCP messages on the wire (RFC 2131 section 2, RFC 2132, RFC 3396).
//!
//! Holds always: no bytes make [`Reply::read`] panic or take more than a pass over them; a reply that is not for this
//! station's pending question is not a reply. An option that does not make sense is as good as absent, and does not
//! spoil the others. The layout is `smoltcp`'s; what the options mean is read here and in [`super::lease`].

use std::net::Ipv4Addr;

use smoltcp::wire::{
    ArpHardware, DhcpFlags, DhcpMessageType, DhcpOpCode, DhcpOption, DhcpPacket, EthernetAddress,
};

/// What limits a reply.
pub mod limits {
    /// Longest message that is read. Answers: a packet that makes us copy without end. Ethernet carries no more.
    pub const MESSAGE_BYTES: usize = 1500;
    /// Longest option after its parts are joined (RFC 3396). Answers: a thousand parts joined one by one.
    pub const OPTION_BYTES: usize = 1024;
}

/// Shortest message that servers and relays expect (RFC 1542, section 2.1).
const LEAST_BYTES: usize = 300;
const HEADER_BYTES: usize = 240;
const MAGIC: u32 = 0x6382_5363;

/// Option codes (RFC 2132; 119 RFC 3397; 121 RFC 3442).
pub mod code {
    #![expect(missing_docs, reason = "the RFCs' own names")]
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const DNS_SERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const MTU: u8 = 26;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER: u8 = 54;
    pub const PARAMETERS: u8 = 55;
    pub const MAX_SIZE: u8 = 57;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const CLIENT_ID: u8 = 61;
    pub const DOMAIN_SEARCH: u8 = 119;
    pub const CLASSLESS_ROUTES: u8 = 121;
}

/// What we ask servers to tell. RFC 3442: classless routes before routers.
const PARAMETERS: [u8; 11] = [
    code::SUBNET_MASK,
    code::CLASSLESS_ROUTES,
    code::ROUTER,
    code::DNS_SERVERS,
    code::HOST_NAME,
    code::DOMAIN_NAME,
    code::DOMAIN_SEARCH,
    code::MTU,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
];

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Who has an address for me?
    Discover,
    /// I want this address, or want to keep it.
    Request,
    /// This address cannot be used.
    Decline,
}

/// A message of the client, without what is the same in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// What it says.
    pub verb: Verb,
    /// Ties answers to questions.
    pub xid: u32,
    /// How long the client has been trying.
    pub secs: u16,
    /// The address that the client has and answers on; 0.0.0.0 before it has one.
    pub current: Ipv4Addr,
    /// The address asked for or declined, in an option.
    pub requested: Option<Ipv4Addr>,
    /// The server that is meant, in an option.
    pub server: Option<Ipv4Addr>,
}

/// Who asks: the same in every message of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The link's station address, also the client's identity (option 61), so that reservations by it hold.
    pub mac: [u8; 6],
    /// The host's name, told to servers that keep DNS; `None` when it has none yet.
    pub host_name: Option<String>,
}

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// You could have this address.
    Offer,
    /// You have it.
    Ack,
    /// You cannot have it.
    Nak,
}

/// A server's message to this station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What it says.
    pub answer: Answer,
    /// The question it answers.
    pub xid: u32,
    /// The address given.
    pub address: Ipv4Addr,
    /// Its options, each joined from its parts, in order of first appearance.
    options: Vec<(u8, Vec<u8>)>,
}

/// Why bytes are not a reply to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotForUs {
    /// Too short, too long, or without the magic cookie.
    #[error("not a DHCP message")]
    Form,
    /// A question, or an answer to another station.
    #[error("to another station")]
    Station,
    /// A kind of message that servers do not send to clients, or none.
    #[error("not an offer, an acknowledgement or a refusal")]
    Kind,
}

impl Ask {
    /// The message's bytes.
    pub fn write(&self, client: &Client) -> Vec<u8> {
        let host_name = client.host_name.as_deref().unwrap_or_default().as_bytes();
        let mut bytes = vec![0; HEADER_BYTES + 128 + host_name.len().min(255)];
        let mut packet = DhcpPacket::new_unchecked(bytes.as_mut_slice());
        packet.set_opcode(DhcpOpCode::Request);
        packet.set_hardware_type(ArpHardware::Ethernet);
        packet.set_hardware_len(6);
        packet.set_transaction_id(self.xid);
        packet.set_secs(self.secs);
        // Replies may come to our station address: the packet socket sees them whatever their IP address.
        packet.set_flags(DhcpFlags::empty());
        packet.set_client_ip(self.current);
        packet.set_client_hardware_address(EthernetAddress(client.mac));
        packet.set_magic_number(MAGIC);

        let kind = match self.verb {
            Verb::Discover => DhcpMessageType::Discover,
            Verb::Request => DhcpMessageType::Request,
            Verb::Decline => DhcpMessageType::Decline,
        };
        let [a, b, c, d, e, f] = client.mac;
        let mut options = packet.options_mut();
        // The buffer was made large enough for all of them; `emit` would only refuse for want of room.
        let mut option = |kind, data: &[u8]| {
            let _ = options.emit(DhcpOption { kind, data });
        };
        option(code::MESSAGE_TYPE, &[kind.into()]);
        option(code::CLIENT_ID, &[1, a, b, c, d, e, f]);
        if let Some(requested) = self.requested {
            option(code::REQUESTED_ADDRESS, &requested.octets());
        }
        if let Some(server) = self.server {
            option(code::SERVER, &server.octets());
        }
        if self.verb != Verb::Decline {
            option(code::MAX_SIZE, &(limits::MESSAGE_BYTES as u16).to_be_bytes());
            option(code::PARAMETERS, &PARAMETERS);
            if (1..=63).contains(&host_name.len()) {
                option(code::HOST_NAME, host_name);
            }
        }
        let _ = options.end();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.resize(used.max(LEAST_BYTES), 0);
        bytes
    }
}

impl Reply {
    /// Reads a server's message to the station `mac`.
    pub fn read(bytes: &[u8], mac: [u8; 6]) -> Result<Reply, NotForUs> {
        if bytes.len() > limits::MESSAGE_BYTES {
            return Err(NotForUs::Form);
        }
        let packet = DhcpPacket::new_checked(bytes).map_err(|_| NotForUs::Form)?;
        if packet.magic_number() != MAGIC {
            return Err(NotForUs::Form);
        }
        let ours = packet.hardware_len() == 6 && packet.client_hardware_address() == EthernetAddress(mac);
        if packet.opcode() != DhcpOpCode::Reply || !ours {
            return Err(NotForUs::Station);
        }
        let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
        for DhcpOption { kind, data } in packet.options() {
            match options.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, joined)) if joined.len() + data.len() > limits::OPTION_BYTES => {}
                Some((_, joined)) => joined.extend_from_slice(data),
                None => options.push((kind, data.to_vec())),
            }
        }
        let mut reply =
            Reply { answer: Answer::Nak, xid: packet.transaction_id(), address: packet.your_ip(), options };
        reply.answer = match reply.option(code::MESSAGE_TYPE) {
            Some([kind]) => match DhcpMessageType::from(*kind) {
                DhcpMessageType::Offer => Answer::Offer,
                DhcpMessageType::Ack => Answer::Ack,
                DhcpMessageType::Nak => Answer::Nak,
                _ => return Err(NotForUs::Kind),
            },
            _ => return Err(NotForUs::Kind),
        };
        Ok(reply)
    }

    /// An option's value, whole.
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(known, _)| *known == code).map(|(_, value)| value.as_slice())
    }

    /// The server that speaks.
    pub fn server(&self) -> Option<Ipv4Addr> {
        self.address_option(code::SERVER).filter(|server| !server.is_unspecified())
    }

    /// The value of an option that is one address.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        self.option(code).and_then(|value| value.try_into().ok()).map(|octets: [u8; 4]| octets.into())
    }

    /// The value of an option that is one number of 32 bits.
    pub fn number_option(&self, code: u8) -> Option<u32> {
        self.option(code).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 7];

    /// A server's message, written as tests need it.
    pub(crate) fn reply(kind: u8, xid: u32, address: Ipv4Addr, options: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0] = 2;
        bytes[1] = 1;
        bytes[2] = 6;
        bytes[4..8].copy_from_slice(&xid.to_be_bytes());
        bytes[16..20].copy_from_slice(&address.octets());
        bytes[28..34].copy_from_slice(&MAC);
        bytes[236..240].copy_from_slice(&MAGIC.to_be_bytes());
        bytes.extend([code::MESSAGE_TYPE, 1, kind]);
        for (code, value) in options {
            bytes.extend([*code, u8::try_from(value.len()).unwrap()]);
            bytes.extend(*value);
        }
        bytes.push(255);
        bytes
    }

    #[test]
    fn a_discover_has_the_form_that_the_rfcs_ask_for() {
        let client = Client { mac: MAC, host_name: Some("node-1".into()) };
        let ask = Ask {
            verb: Verb::Discover,
            xid: 0x0102_0304,
            secs: 5,
            current: Ipv4Addr::UNSPECIFIED,
            requested: None,
            server: None,
        };
        let bytes = ask.write(&client);
        assert_eq!(bytes.len(), LEAST_BYTES);
        assert_eq!(&bytes[..12], &[1, 1, 6, 0, 1, 2, 3, 4, 0, 5, 0, 0]);
        assert_eq!(&bytes[28..34], &MAC);
        assert_eq!(&bytes[236..243], &[0x63, 0x82, 0x53, 0x63, 53, 1, 1]);
        assert_eq!(&bytes[243..252], &[61, 7, 1, 2, 0, 0, 0, 0, 7]);
        let name_at = bytes.windows(8).position(|window| window == b"\x0c\x06node-1").unwrap();
        assert_eq!(bytes[name_at + 8], 255);
    }

    #[test]
    fn a_name_that_no_label_can_hold_is_left_out() {
        let ask = Ask {
            verb: Verb::Request,
            xid: 1,
            secs: 0,
            current: Ipv4Addr::UNSPECIFIED,
            requested: Some(Ipv4Addr::new(192, 0, 2, 9)),
            server: Some(Ipv4Addr::new(192, 0, 2, 1)),
        };
        for length in [0, 64, 300] {
            let bytes = ask.write(&Client { mac: MAC, host_name: Some("x".repeat(length)) });
            assert_eq!(bytes.iter().filter(|byte| **byte == b'x').count(), 0);
        }
    }

    #[test]
    fn options_in_parts_are_joined_and_never_beyond_the_limit() {
        let part = [7; 255];
        let parts: Vec<(u8, &[u8])> = vec![(119, &part); 4];
        let bytes = reply(2, 9, Ipv4Addr::new(192, 0, 2, 9), &parts);
        let read = Reply::read(&bytes, MAC).unwrap();
        assert_eq!((read.answer, read.xid), (Answer::Offer, 9));
        assert_eq!(read.option(119).unwrap().len(), 1020);
    }

    #[test]
    fn what_is_not_for_us_is_told_apart() {
        let address = Ipv4Addr::new(192, 0, 2, 9);
        let good = reply(5, 9, address, &[(54, &[192, 0, 2, 1])]);
        assert_eq!(Reply::read(&good, MAC).unwrap().server(), Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(Reply::read(&good, [9; 6]), Err(NotForUs::Station));
        let mut question = good.clone();
        question[0] = 1;
        assert_eq!(Reply::read(&question, MAC), Err(NotForUs::Station));
        assert_eq!(Reply::read(&reply(1, 9, address, &[]), MAC), Err(NotForUs::Kind));
        assert_eq!(Reply::read(&good[..239], MAC), Err(NotForUs::Form));
        assert_eq!(Reply::read(&[0; 1501], MAC), Err(NotForUs::Form));
    }
}
