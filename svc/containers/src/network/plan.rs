//! Which container has which address, and the rules that make the network of them. Pure: values in, values out.
//!
//! Holds always: no two containers have the same address; a container that has one keeps it; no published port leads to
//! two containers. What cannot be had is a [`Problem`] of one container and does not touch the others.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use netlink::nft::{Chain, Expr, Hook, Kind, Point, Rule, Table};
use settings::containers::{Port, Protocol};

/// The bridge that containers are on.
pub const BRIDGE: &str = "gantry0";
/// Its network, 10.88.0.0/16.
pub const NETWORK: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 0);
/// Length of the network's prefix.
pub const PREFIX: u8 = 16;
/// The bridge's own address: the containers' gateway.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 0, 1);
/// The nftables table that is ours alone.
pub const TABLE: &str = "gantry";

/// The first and last addresses for containers, counted from the network's.
const HOSTS: std::ops::RangeInclusive<u32> = 2..=0xfffe;

/// What one container may not have, and why. Its owner is the requester.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Another container has published that port.
    #[error("host port {host}/{protocol} of container {container} is taken by container {by}")]
    PortTaken {
        /// Whose port is refused.
        container: String,
        /// The port on the host.
        host: u16,
        /// "tcp" or "udp".
        protocol: &'static str,
        /// Who has it (maybe the same container, which then names it twice).
        by: String,
    },
    /// Containers have IPv4 only, and the port is published on another family's address.
    #[error("container {container} publishes a port on {host_ip}, but the container network is IPv4")]
    NotIpv4 {
        /// Whose port is refused.
        container: String,
        /// The address.
        host_ip: IpAddr,
    },
    /// Every address is in use.
    #[error("no address is left for container {container}")]
    Exhausted {
        /// Who gets none.
        container: String,
    },
}

impl Problem {
    /// The container that this keeps from running.
    pub fn container(&self) -> &str {
        match self {
            Problem::PortTaken { container, .. }
            | Problem::NotIpv4 { container, .. }
            | Problem::Exhausted { container } => container,
        }
    }
}

/// The network as it shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each container's address, and the ports that lead to it.
    pub containers: BTreeMap<String, Place>,
}

/// One container's place in the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its address.
    pub address: Ipv4Addr,
    /// Its published ports.
    pub ports: Vec<Port>,
}

impl Plan {
    /// Plans for the containers in `wanted` with their published ports. `held` are the addresses that containers have
    /// now: one that is wanted keeps its own, a new one gets the lowest that nobody holds. Of two containers that want
    /// the same port, the first by name has it.
    pub fn new(
        wanted: &BTreeMap<String, Vec<Port>>,
        held: &BTreeMap<String, Ipv4Addr>,
    ) -> (Plan, Vec<Problem>) {
        let mut plan = Plan::default();
        let mut problems = Vec::new();
        let mut owners: Vec<(Port, &str)> = Vec::new();
        let mut in_use: Vec<Ipv4Addr> = held.values().copied().collect();
        in_use.sort_unstable();
        for (name, ports) in wanted {
            let found = refuse(name, ports, &owners);
            if !found.is_empty() {
                problems.extend(found);
                continue;
            }
            let given = |address: &Ipv4Addr| plan.containers.values().any(|place| place.address == *address);
            let kept =
                held.get(name).copied().filter(|address| is_for_containers(*address) && !given(address));
            let Some(address) = kept.or_else(|| lowest_free(&in_use)) else {
                problems.push(Problem::Exhausted { container: name.clone() });
                continue;
            };
            if let Err(at) = in_use.binary_search(&address) {
                in_use.insert(at, address);
            }
            owners.extend(ports.iter().map(|port| (*port, name.as_str())));
            plan.containers.insert(name.clone(), Place { address, ports: ports.clone() });
        }
        (plan, problems)
    }

    /// The rules that make this network: who may speak to whom, and whose address is rewritten.
    pub fn table(&self) -> Table {
        let published = self
            .containers
            .values()
            .flat_map(|place| place.ports.iter().map(|port| redirect(place.address, port)))
            .collect();
        let jump = || vec![vec![Expr::ToThisHost, Expr::Jump("published".into())]];
        Table {
            name: TABLE.into(),
            chains: vec![
                chain("published", None, published),
                // Before connection tracking, so before any rewriting: 127.0.0.0/8 is no address to send to from
                // outside the host. Redirection and `route_localnet` would otherwise open what listens on loopback,
                // and ports published on 127.0.0.1, to the containers and to the neighbours on the link.
                chain(
                    "martians",
                    Some(hook(Kind::Filter, Point::Prerouting, -300)),
                    vec![vec![
                        in_link("lo", false),
                        Expr::Destination(Ipv4Addr::new(127, 0, 0, 0), 8),
                        Expr::Drop,
                    ]],
                ),
                chain("prerouting", Some(hook(Kind::Nat, Point::Prerouting, -100)), jump()),
                chain("output", Some(hook(Kind::Nat, Point::Output, -100)), jump()),
                chain("postrouting", Some(hook(Kind::Nat, Point::Postrouting, 100)), sources()),
                // Forwarding is on for the containers' sake; what is not published stays out of reach also for a
                // neighbour that routes to the container's address through this host.
                chain(
                    "forward",
                    Some(hook(Kind::Filter, Point::Forward, 0)),
                    vec![
                        vec![out_link(BRIDGE, true), Expr::Established, Expr::Accept],
                        vec![out_link(BRIDGE, true), Expr::Redirected, Expr::Accept],
                        vec![out_link(BRIDGE, true), Expr::Drop],
                    ],
                ),
            ],
        }
    }
}

/// Why the ports of `name` cannot be had beside those in `owners`; empty when they can.
fn refuse(name: &str, ports: &[Port], owners: &[(Port, &str)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        if let Some(host_ip @ IpAddr::V6(_)) = port.host_ip {
            problems.push(Problem::NotIpv4 { container: name.into(), host_ip });
        }
        let own = ports.iter().take(at).map(|other| (other, name));
        let others = owners.iter().map(|(other, owner)| (other, *owner));
        if let Some((_, by)) = others.chain(own).find(|(other, _)| overlap(port, other)) {
            problems.push(Problem::PortTaken {
                container: name.into(),
                host: port.host,
                protocol: protocol(port.protocol).0,
                by: by.into(),
            });
        }
    }
    problems
}

/// Whether some packet would match both.
fn overlap(one: &Port, other: &Port) -> bool {
    let any = |port: &Port| port.host_ip.is_none_or(|ip| ip.is_unspecified());
    one.host == other.host
        && one.protocol == other.protocol
        && (any(one) || any(other) || one.host_ip == other.host_ip)
}

fn is_for_containers(address: Ipv4Addr) -> bool {
    address.to_bits().checked_sub(NETWORK.to_bits()).is_some_and(|host| HOSTS.contains(&host))
}

/// The lowest address that is not in `in_use`, which is sorted.
fn lowest_free(in_use: &[Ipv4Addr]) -> Option<Ipv4Addr> {
    let mut hosts = HOSTS.map(|host| Ipv4Addr::from_bits(NETWORK.to_bits() + host));
    let taken = in_use.iter().filter(|address| is_for_containers(**address));
    let mut expected = hosts.next()?;
    for address in taken {
        if *address > expected {
            break;
        }
        if *address == expected {
            expected = hosts.next()?;
        }
    }
    Some(expected)
}

/// Rewrites the source of what must come back through this host.
fn sources() -> Vec<Rule> {
    let containers = || Expr::Source(NETWORK, PREFIX);
    vec![
        // To the world: nobody out there has a route to the containers.
        vec![containers(), out_link(BRIDGE, false), Expr::Masquerade],
        // A container that reaches a container (or itself) by the host's address: the answer would go straight across
        // the bridge and carry an address that the asker never wrote to.
        vec![containers(), out_link(BRIDGE, true), Expr::Redirected, Expr::Masquerade],
        // A process of the host that reaches a container by 127.0.0.1, an address without meaning over there.
        vec![
            Expr::Source(Ipv4Addr::new(127, 0, 0, 0), 8),
            out_link(BRIDGE, true),
            Expr::Redirected,
            Expr::Masquerade,
        ],
    ]
}

fn redirect(address: Ipv4Addr, port: &Port) -> Rule {
    let mut rule = Rule::new();
    if let Some(IpAddr::V4(host_ip)) = port.host_ip
        && !host_ip.is_unspecified()
    {
        rule.push(Expr::Destination(host_ip, 32));
    }
    rule.push(Expr::ToPort { protocol: protocol(port.protocol).1, port: port.host });
    rule.push(Expr::RedirectTo(address, port.container));
    rule
}

/// A transport's name and its number in IP.
fn protocol(protocol: Protocol) -> (&'static str, u8) {
    match protocol {
        Protocol::Tcp => ("tcp", 6),
        Protocol::Udp => ("udp", 17),
    }
}

fn chain(name: &str, hook: Option<Hook>, rules: Vec<Rule>) -> Chain {
    Chain { name: name.into(), hook, rules }
}

fn hook(kind: Kind, point: Point, priority: i32) -> Hook {
    Hook { kind, point, priority }
}

fn in_link(name: &str, is: bool) -> Expr {
    Expr::InLink { name: name.into(), is }
}

fn out_link(name: &str, is: bool) -> Expr {
    Expr::OutLink { name: name.into(), is }
}
