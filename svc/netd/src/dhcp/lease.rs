//! What a server's terms mean, once they are checked.
//!
//! Holds always: a [`Lease`] has an address that a host can have, a network that contains it, and times in order
//! (renewal before rebinding before the end). Terms that cannot be used are left out; without the few that a lease
//! cannot do without there is none. Putting it on a link is [`crate::plan`]'s and [`crate::apply`]'s.

use std::net::Ipv4Addr;

use netlink::Address;

use super::message::{Reply, code};
use super::names;

/// What limits a server's terms, each with the harm it averts.
pub mod limits {
    /// Most routes (a flood of routes fills the table and slows each lookup).
    pub const ROUTES: usize = 64;
    /// Most name servers (the C library reads three).
    pub const NAME_SERVERS: usize = 3;
    /// Most search domains (each failed lookup asks for every one).
    pub const SEARCH_DOMAINS: usize = 16;
    /// Shortest lease, in seconds (a server that gives none would have us ask in a loop).
    pub const LEAST_LEASE_S: u32 = 20;
    /// Smallest MTU that is believed (RFC 2132 allows 68, which no path needs and which cripples TCP).
    pub const LEAST_MTU: u16 = 576;
}

/// RFC 2131 section 3.3: a lease that does not end.
const FOREVER: u32 = u32::MAX;

/// An address and what belongs to it, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The address, with the network it is in.
    pub address: Address,
    /// Who gave it.
    pub server: Ipv4Addr,
    /// How long it lasts; `None` when it does not end.
    pub times: Option<Times>,
    /// Routes in the order given.
    pub routes: Vec<Way>,
    /// DNS servers in the order given.
    pub name_servers: Vec<Ipv4Addr>,
    /// Domains to search in the order given.
    pub search: Vec<String>,
    /// A name for this host.
    pub host_name: Option<String>,
    /// Largest packet on this network.
    pub mtu: Option<u16>,
}

/// A lease's times in seconds from when it was asked for. `renew <= rebind <= lease`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// It ends.
    pub lease_s: u32,
    /// The server that gave it is asked to extend it (T1).
    pub renew_s: u32,
    /// Any server is (T2).
    pub rebind_s: u32,
}

/// A route that a server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// Where to.
    pub to: Address,
    /// Through whom; `None` when it is on the link.
    pub via: Option<Ipv4Addr>,
}

/// Why terms make no lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No host can have that address.
    #[error("{0} is no address for a host")]
    Address(Ipv4Addr),
    /// The server does not say who it is.
    #[error("the server does not name itself")]
    Server,
    /// The server does not say for how long.
    #[error("no lease time")]
    Time,
}

impl Lease {
    /// Reads the terms of an offer or an acknowledgement.
    pub fn read(reply: &Reply) -> Result<Lease, Unusable> {
        let address = reply.address;
        let prefix =
            reply.address_option(code::SUBNET_MASK).and_then(prefix_of).unwrap_or(class_prefix(address));
        let address = Address { address, prefix };
        if !is_for_a_host(address) {
            return Err(Unusable::Address(address.address));
        }
        let server = reply.server().ok_or(Unusable::Server)?;
        let times = match reply.number_option(code::LEASE_TIME).ok_or(Unusable::Time)? {
            FOREVER => None,
            lease_s => Some(Times::new(
                lease_s,
                reply.number_option(code::RENEWAL_TIME),
                reply.number_option(code::REBINDING_TIME),
            )),
        };
        let domains = reply.option(code::DOMAIN_SEARCH).map(names::search_list).unwrap_or_default();
        let domain = || reply.option(code::DOMAIN_NAME).and_then(names::domain).into_iter().collect();
        Ok(Lease {
            address,
            server,
            times,
            routes: routes(reply),
            name_servers: addresses(reply.option(code::DNS_SERVERS)).take(limits::NAME_SERVERS).collect(),
            search: if domains.is_empty() { domain() } else { domains },
            host_name: reply.option(code::HOST_NAME).and_then(names::host),
            mtu: reply
                .option(code::MTU)
                .and_then(|value| Some(u16::from_be_bytes(value.try_into().ok()?)))
                .filter(|mtu| *mtu >= limits::LEAST_MTU),
        })
    }

    /// The gateway of the default route, if there is one.
    pub fn router(&self) -> Option<Ipv4Addr> {
        self.routes.iter().find(|way| way.to.prefix == 0).and_then(|way| way.via)
    }
}

impl Times {
    /// RFC 2131 section 4.4.5: renewal at a half and rebinding at seven eighths, unless the server says otherwise and
    /// makes sense.
    fn new(lease_s: u32, renew_s: Option<u32>, rebind_s: Option<u32>) -> Times {
        let lease_s = lease_s.max(limits::LEAST_LEASE_S);
        let usual = (lease_s / 2, lease_s - lease_s / 8);
        let (renew_s, rebind_s) = (renew_s.unwrap_or(usual.0), rebind_s.unwrap_or(usual.1));
        let (renew_s, rebind_s) =
            if renew_s >= limits::LEAST_LEASE_S / 2 && renew_s <= rebind_s && rebind_s <= lease_s {
                (renew_s, rebind_s)
            } else {
                usual
            };
        Times { lease_s, renew_s, rebind_s }
    }
}

/// The routes: the classless ones if there are any, else one through the first router (RFC 3442: not both).
fn routes(reply: &Reply) -> Vec<Way> {
    match reply.option(code::CLASSLESS_ROUTES).map(classless) {
        Some(routes) if !routes.is_empty() => routes,
        _ => addresses(reply.option(code::ROUTER))
            .take(1)
            .map(|router| Way {
                to: Address { address: Ipv4Addr::UNSPECIFIED, prefix: 0 },
                via: Some(router),
            })
            .collect(),
    }
}

/// RFC 3442: a prefix length, as many octets of the destination as it needs, the router. What follows the first
/// malformed one is dropped, and with one malformed at the front there are none.
fn classless(mut bytes: &[u8]) -> Vec<Way> {
    let mut routes = Vec::new();
    while let Some((&prefix, rest)) = bytes.split_first()
        && prefix <= 32
        && routes.len() < limits::ROUTES
    {
        let significant = usize::from(prefix.div_ceil(8));
        let (Some(to), Some(via)) = (rest.get(..significant), rest.get(significant..significant + 4)) else {
            break;
        };
        let mut octets = [0; 4];
        octets[..significant].copy_from_slice(to);
        let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
        let to = Address { address: Ipv4Addr::from_bits(u32::from_be_bytes(octets) & mask), prefix };
        let via: [u8; 4] = [via[0], via[1], via[2], via[3]];
        let via = Ipv4Addr::from(via);
        let way = Way { to, via: (!via.is_unspecified()).then_some(via) };
        if !routes.contains(&way) {
            routes.push(way);
        }
        bytes = &rest[significant + 4..];
    }
    routes
}

/// The addresses in an option that is a list of them, without those that no host has.
fn addresses(value: Option<&[u8]>) -> impl Iterator<Item = Ipv4Addr> {
    let (whole, _) = value.unwrap_or_default().as_chunks::<4>();
    whole.iter().map(|octets| Ipv4Addr::from(*octets)).filter(|address| is_unicast(*address))
}

fn is_unicast(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.octets()[0] == 0)
}

/// Unicast, not loopback, and neither the network's own address nor its broadcast.
fn is_for_a_host(Address { address, prefix }: Address) -> bool {
    let hosts = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    let host = address.to_bits() & hosts;
    let inside = prefix >= 31 || (host != 0 && host != hosts);
    is_unicast(address) && !address.is_loopback() && address.octets()[0] < 240 && inside
}

/// The length of a mask, if its ones are all at the front. Zero would put the whole world on the link.
fn prefix_of(mask: Ipv4Addr) -> Option<u8> {
    let bits = mask.to_bits();
    let ones = bits.leading_ones();
    (ones > 0 && bits.count_ones() == ones).then_some(ones as u8)
}

/// Before masks were told, the address's class had to do (RFC 791); servers that leave the mask out mean that.
fn class_prefix(address: Ipv4Addr) -> u8 {
    match address.octets()[0] {
        0..128 => 8,
        128..192 => 16,
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{MAC, reply};
    use super::*;

    fn read(address: [u8; 4], options: &[(u8, &[u8])]) -> Result<Lease, Unusable> {
        Lease::read(&Reply::read(&reply(5, 1, address.into(), options), MAC).unwrap())
    }

    const SERVER: (u8, &[u8]) = (code::SERVER, &[192, 0, 2, 1]);
    const HOUR: (u8, &[u8]) = (code::LEASE_TIME, &[0, 0, 0x0e, 0x10]);
    const MASK: (u8, &[u8]) = (code::SUBNET_MASK, &[255, 255, 255, 0]);

    #[test]
    fn a_usual_lease_is_read_whole() {
        let lease = read(
            [192, 0, 2, 9],
            &[
                SERVER,
                HOUR,
                MASK,
                (code::ROUTER, &[192, 0, 2, 1, 192, 0, 2, 2]),
                (code::DNS_SERVERS, &[192, 0, 2, 3, 0, 0, 0, 0, 192, 0, 2, 4, 1]),
                (code::DOMAIN_NAME, b"example.com"),
                (code::HOST_NAME, b"node"),
                (code::MTU, &[5, 180]),
            ],
        );
        let lease = lease.unwrap();
        assert_eq!(lease.address.to_string(), "192.0.2.9/24");
        assert_eq!(lease.times, Some(Times { lease_s: 3600, renew_s: 1800, rebind_s: 3150 }));
        assert_eq!(lease.router(), Some(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(lease.name_servers, [Ipv4Addr::new(192, 0, 2, 3), Ipv4Addr::new(192, 0, 2, 4)]);
        assert_eq!(
            (lease.search, lease.host_name, lease.mtu),
            (vec!["example.com".into()], Some("node".into()), Some(1460))
        );
    }

    #[test]
    fn without_what_a_lease_needs_there_is_none() {
        let good = [192, 0, 2, 9];
        assert_eq!(read(good, &[HOUR, MASK]), Err(Unusable::Server));
        assert_eq!(read(good, &[SERVER, MASK]), Err(Unusable::Time));
        for bad in [
            [0, 0, 0, 0],
            [127, 0, 0, 1],
            [224, 0, 0, 1],
            [255, 255, 255, 255],
            [0, 1, 2, 3],
            [192, 0, 2, 0],
            [192, 0, 2, 255],
            [250, 1, 1, 1],
        ] {
            assert_eq!(read(bad, &[SERVER, HOUR, MASK]), Err(Unusable::Address(bad.into())));
        }
    }

    #[test]
    fn masks_that_are_none_fall_back_to_the_class() {
        let prefix = |address, mask: &[u8]| {
            read(address, &[SERVER, HOUR, (code::SUBNET_MASK, mask)]).unwrap().address.prefix
        };
        assert_eq!(prefix([192, 0, 2, 9], &[255, 0, 255, 0]), 24);
        assert_eq!(prefix([10, 0, 2, 9], &[0, 0, 0, 0]), 8);
        assert_eq!(prefix([172, 16, 2, 9], &[255]), 16);
        assert_eq!(prefix([172, 16, 2, 9], &[255, 255, 255, 255]), 32);
    }

    #[test]
    fn times_are_in_order_whatever_a_server_says() {
        for lease_s in [0, 1, 19, 20, 3600, u32::MAX - 1] {
            for renew_s in [None, Some(0), Some(5), Some(15), Some(4000), Some(u32::MAX)] {
                for rebind_s in [None, Some(0), Some(18), Some(3000), Some(u32::MAX)] {
                    let times = Times::new(lease_s, renew_s, rebind_s);
                    assert!(10 <= times.renew_s && times.renew_s <= times.rebind_s, "{times:?}");
                    assert!(times.rebind_s <= times.lease_s && times.lease_s >= 20, "{times:?}");
                }
            }
        }
        assert_eq!(read([192, 0, 2, 9], &[SERVER, MASK, (code::LEASE_TIME, &[255; 4])]).unwrap().times, None);
    }

    #[test]
    fn classless_routes_replace_routers() {
        let lease = read(
            [192, 0, 2, 9],
            &[
                SERVER,
                HOUR,
                MASK,
                (code::ROUTER, &[192, 0, 2, 1]),
                (
                    code::CLASSLESS_ROUTES,
                    &[0, 192, 0, 2, 7, 24, 10, 1, 2, 0, 0, 0, 0, 25, 10, 9, 8, 255, 192, 0, 2, 8, 33, 1],
                ),
            ],
        );
        let lease = lease.unwrap();
        let shown: Vec<_> = lease.routes.iter().map(|way| (way.to.to_string(), way.via)).collect();
        let gateway = |last| Some(Ipv4Addr::new(192, 0, 2, last));
        assert_eq!(
            shown,
            [
                ("0.0.0.0/0".into(), gateway(7)),
                ("10.1.2.0/24".into(), None),
                ("10.9.8.128/25".into(), gateway(8))
            ]
        );
        let cut = read(
            [192, 0, 2, 9],
            &[SERVER, HOUR, MASK, (code::ROUTER, &[192, 0, 2, 1]), (code::CLASSLESS_ROUTES, &[24, 10])],
        );
        assert_eq!(cut.unwrap().router(), gateway(1));
    }

    #[test]
    fn random_bytes_never_panic_and_never_make_an_unlawful_lease() {
        let mut seed = 0x5eed_u64;
        for round in 0..200_000 {
            let mut bytes = reply(5, 1, Ipv4Addr::new(192, 0, 2, 9), &[SERVER, HOUR]);
            bytes.pop();
            let length = (next(&mut seed) % 120) as usize;
            // Most of the noise goes where the options are; some of it anywhere.
            bytes.extend((0..length).map(|_| next(&mut seed) as u8));
            if round % 3 == 0 {
                let at = next(&mut seed) as usize % bytes.len();
                bytes[at] = next(&mut seed) as u8;
            }
            crate::fuzz::reply(&bytes);
        }
    }

    fn next(seed: &mut u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *seed >> 33
    }
}
