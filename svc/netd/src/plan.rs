//! What a link shall look like: which link it is, and what a lease puts on it. Pure.

use std::net::Ipv4Addr;

use netlink::{Address, Link, Route};

use crate::dhcp::lease::{Lease, Way};

/// Least preferred of what an administrator would set by hand, so that such a route wins.
const METRIC: u32 = 1024;
/// rtnetlink(7), `rtm_protocol`: set by DHCP.
const DHCP: u8 = 16;

/// What a lease puts on its link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnLink {
    /// The address.
    pub address: Address,
    /// After how long the kernel takes the address away by itself, should nobody be left to; `None` is never.
    pub lifetime_s: Option<u32>,
    /// The largest packet, where the network says one.
    pub mtu: Option<u32>,
    /// Routes in the order in which they can be set: gateways are reachable by those before.
    pub routes: Vec<Route>,
}

/// Whether the link is one that netd is for: Ethernet, and hardware (or the hypervisor's idea of it).
pub fn is_candidate(link: &Link) -> bool {
    link.mac.is_some() && link.kind.is_none() && !link.loopback
}

/// The link to use now: the named one, or the first candidate by index that has carrier.
pub fn choose<'a>(links: &'a [Link], named: Option<&str>) -> Option<&'a Link> {
    let fits = |link: &&Link| match named {
        Some(name) => link.name == name,
        None => is_candidate(link),
    };
    links.iter().filter(fits).filter(|link| link.carrier && link.mac.is_some()).min_by_key(|link| link.index)
}

/// What the lease puts on link `index`.
pub fn on_link(lease: &Lease, index: u32) -> OnLink {
    let mut ways = lease.routes.clone();
    // What is on the link comes first: others may have their gateway there.
    ways.sort_by_key(|way| way.via.is_some());
    OnLink {
        address: lease.address,
        lifetime_s: lease.times.map(|times| times.lease_s),
        mtu: lease.mtu.map(u32::from),
        routes: ways.iter().map(|way| route(way, &ways, lease.address, index)).collect(),
    }
}

fn route(way: &Way, ways: &[Way], address: Address, index: u32) -> Route {
    let on_link = |gateway| {
        contains(address, gateway)
            || ways
                .iter()
                .any(|other| other.via.is_none() && other.to.prefix > 0 && contains(other.to, gateway))
    };
    Route {
        to: way.to,
        via: way.via,
        // Clouds give addresses of /32 whose gateway is a neighbour all the same.
        onlink: way.via.is_some_and(|gateway| !on_link(gateway)),
        link: index,
        source: Some(address.address),
        metric: METRIC,
        protocol: DHCP,
    }
}

fn contains(network: Address, address: Ipv4Addr) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(network.prefix.min(32))).unwrap_or(0);
    network.address.to_bits() & mask == address.to_bits() & mask
}

/// The name that the host takes from the lease: only when it has none of its own.
pub fn host_name<'a>(current: &str, lease: &'a Lease) -> Option<&'a str> {
    let nameless = matches!(current, "" | "(none)" | "localhost");
    lease.host_name.as_deref().filter(|_| nameless)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::dhcp::lease::Times;

    pub(crate) fn lease() -> Lease {
        Lease {
            address: Address { address: Ipv4Addr::new(192, 0, 2, 9), prefix: 24 },
            server: Ipv4Addr::new(192, 0, 2, 1),
            times: Some(Times { lease_s: 3600, renew_s: 1800, rebind_s: 3150 }),
            routes: vec![way([0, 0, 0, 0], 0, Some([192, 0, 2, 1]))],
            name_servers: vec![Ipv4Addr::new(192, 0, 2, 3)],
            search: vec!["example.com".into()],
            host_name: Some("node".into()),
            mtu: None,
        }
    }

    fn way(to: [u8; 4], prefix: u8, via: Option<[u8; 4]>) -> Way {
        Way { to: Address { address: to.into(), prefix }, via: via.map(Ipv4Addr::from) }
    }

    fn link(index: u32, carrier: bool) -> Link {
        Link {
            index,
            name: format!("eth{index}"),
            mac: Some([2, 0, 0, 0, 0, 1]),
            kind: None,
            loopback: false,
            up: true,
            carrier,
            mtu: 1500,
            master: None,
            tied_to: None,
        }
    }

    #[test]
    fn the_first_real_link_with_carrier_is_chosen() {
        let lo = Link { mac: None, loopback: true, ..link(1, true) };
        let bridge = Link { kind: Some("bridge".into()), ..link(2, true) };
        let links = [lo, bridge, link(5, true), link(3, false), link(4, true)];
        assert_eq!(choose(&links, None).map(|link| link.index), Some(4));
        assert_eq!(choose(&links, Some("eth2")).map(|link| link.index), Some(2));
        assert_eq!(choose(&links, Some("eth3")), None);
        assert_eq!(choose(&links[..2], None), None);
    }

    #[test]
    fn a_gateway_beyond_every_network_is_said_to_be_on_the_link() {
        let mut lease = lease();
        assert!(!on_link(&lease, 2).routes[0].onlink);
        lease.address.prefix = 32;
        assert!(on_link(&lease, 2).routes[0].onlink);
        // RFC 3442 as clouds use it: the gateway gets a route of its own, told after the one that needs it.
        lease.routes.push(way([192, 0, 2, 1], 32, None));
        let routes = on_link(&lease, 2).routes;
        assert_eq!(routes.iter().map(|route| route.to.prefix).collect::<Vec<_>>(), [32, 0]);
        assert!(routes.iter().all(|route| !route.onlink && route.source == Some(lease.address.address)));
    }

    #[test]
    fn a_host_with_a_name_keeps_it() {
        let lease = lease();
        assert_eq!(host_name("localhost", &lease), Some("node"));
        assert_eq!(host_name("(none)", &lease), Some("node"));
        assert_eq!(host_name("mine", &lease), None);
    }
}
