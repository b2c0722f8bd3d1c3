//! Making the kernel agree with the plan. Each verb looks first and changes what differs.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use netlink::{Address, Peer, Route};

use super::Error;
use super::plan::{BRIDGE, GATEWAY, NETWORK, PREFIX};

/// The container's end, the name that images expect.
const INSIDE: &str = "eth0";
/// rtnetlink(7): set by the administrator, not by a protocol.
const STATIC: u8 = 4;

/// Makes the bridge what it shall be, lets the host forward, and returns the bridge's index.
pub(super) fn ensure_bridge(host: &mut netlink::Network, sysctl: &Path) -> Result<u32, Error> {
    let mut ensure = || {
        match host.create_bridge(BRIDGE, station(GATEWAY)) {
            Err(err) if err.is_present() => {}
            other => other?,
        }
        let bridge = host.link(BRIDGE)?.map_or(0, |link| link.index);
        host.set_address(bridge, Address { address: GATEWAY, prefix: PREFIX }, None)?;
        host.set_up(bridge)?;
        Ok(bridge)
    };
    let bridge = ensure().map_err(Error::Bridge)?;
    set(sysctl, "net/ipv4/ip_forward", "1")?;
    // Lets the host's processes reach a published port by 127.0.0.1: the answer comes in by the bridge. The table's
    // `martians` chain keeps what this would open closed.
    set(sysctl, &format!("net/ipv4/conf/{BRIDGE}/route_localnet"), "1")?;
    Ok(bridge)
}

fn set(sysctl: &Path, name: &str, value: &str) -> Result<(), Error> {
    std::fs::write(sysctl.join(name), value).map_err(|err| Error::Sysctl { name: name.into(), err })
}

/// The names in the directory of namespaces, which is made if need be.
pub(super) fn names(netns: &Path) -> Result<Vec<String>, Error> {
    let list = || -> std::io::Result<Vec<String>> {
        std::fs::create_dir_all(netns)?;
        std::fs::read_dir(netns)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    list().map_err(Error::List)
}

/// The address that each namespace has now, for those that have one.
pub(super) fn held(netns: &Path) -> Result<BTreeMap<String, Ipv4Addr>, Error> {
    let mut held = BTreeMap::new();
    for name in names(netns)? {
        let namespace = |err| Error::Namespace { container: name.clone(), err };
        let Some(fd) = sys::netns::open(&netns.join(&name)).map_err(namespace)? else { continue };
        let address = sys::netns::within(&fd, || -> Result<_, netlink::Error> {
            let mut inside = netlink::Network::open()?;
            let Some(link) = inside.link(INSIDE)? else { return Ok(None) };
            Ok(inside.addresses(link.index)?.first().map(|address| address.address))
        });
        let address = address.map_err(namespace)?;
        if let Some(address) = address.map_err(|err| Error::Link { container: name.clone(), err })? {
            held.insert(name, address);
        }
    }
    Ok(held)
}

/// Makes the namespace, the pair of links and what is on them.
pub(super) fn attach(
    host: &mut netlink::Network,
    bridge: u32,
    container: &str,
    path: &Path,
    address: Ipv4Addr,
) -> Result<(), Error> {
    let namespace = |err| Error::Namespace { container: container.into(), err };
    let link = |err| Error::Link { container: container.into(), err };
    let netns = ensure_namespace(path).map_err(namespace)?;
    let name = outside(address);
    let ours = host.link(&name).map_err(link)?;
    let whole = sys::netns::within(&netns, || clear_half_pair(ours.is_some())).map_err(namespace)?;
    if !whole.map_err(link)? {
        make_pair(host, &netns, address, ours).map_err(link)?;
    }
    let joined = host.link(&name).and_then(|port| {
        let port = port.map_or(0, |port| port.index);
        host.set_master(port, bridge).and_then(|()| host.set_up(port))
    });
    joined.map_err(link)?;
    sys::netns::within(&netns, || set_up_inside(address)).map_err(namespace)?.map_err(link)
}

/// Takes the pair and the name of the namespace away.
pub(super) fn detach(
    host: &mut netlink::Network,
    container: &str,
    path: &Path,
    address: Option<Ipv4Addr>,
) -> Result<(), Error> {
    // The pair would go with the namespace, but that only when its last process has gone.
    if let Some(address) = address {
        let port = host.link(&outside(address));
        let removed = port.and_then(|port| port.map_or(Ok(()), |port| host.remove_link(port.index)));
        removed.map_err(|err| Error::Link { container: container.into(), err })?;
    }
    sys::netns::remove(path).map_err(|err| Error::Namespace { container: container.into(), err })
}

fn ensure_namespace(path: &Path) -> std::io::Result<OwnedFd> {
    if let Some(netns) = sys::netns::open(path)? {
        return Ok(netns);
    }
    // A name without a namespace is what a crash between the two steps of making one leaves.
    sys::netns::remove(path)?;
    sys::netns::create(path)
}

/// Whether both ends of the pair are there. An end inside that has none outside (its address was another once) goes.
/// Runs inside the container's namespace.
fn clear_half_pair(ours: bool) -> Result<bool, netlink::Error> {
    let mut inside = netlink::Network::open()?;
    match inside.link(INSIDE)? {
        Some(_) if ours => Ok(true),
        Some(end) => inside.remove_link(end.index).map(|()| false),
        None => Ok(false),
    }
}

/// Makes the pair anew. `old` is an end of ours whose other end is in a namespace that nobody can name any more.
fn make_pair(
    host: &mut netlink::Network,
    netns: &OwnedFd,
    address: Ipv4Addr,
    old: Option<netlink::Link>,
) -> Result<(), netlink::Error> {
    if let Some(old) = old {
        host.remove_link(old.index)?;
    }
    host.create_veth(&outside(address), Peer { name: INSIDE, mac: station(address), netns: netns.as_fd() })
}

/// Loopback, address and way out; runs inside the container's namespace.
fn set_up_inside(address: Ipv4Addr) -> Result<(), netlink::Error> {
    let mut inside = netlink::Network::open()?;
    for link in inside.links()?.into_iter().filter(|link| link.loopback || link.name == INSIDE) {
        inside.set_up(link.index)?;
        if link.name == INSIDE {
            inside.set_address(link.index, Address { address, prefix: PREFIX }, None)?;
            inside.set_route(&Route {
                to: Address { address: Ipv4Addr::UNSPECIFIED, prefix: 0 },
                via: Some(GATEWAY),
                onlink: false,
                link: link.index,
                source: None,
                metric: 0,
                protocol: STATIC,
            })?;
        }
    }
    Ok(())
}

/// The name of the host's end: short enough for any container, and found again from the address alone.
fn outside(address: Ipv4Addr) -> String {
    format!("gantry-{:x}", address.to_bits().wrapping_sub(NETWORK.to_bits()))
}

/// A station address made from the IP address, in the range for local use. A container that comes back with its old
/// address is then the same station, and no neighbour's table is wrong.
fn station(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x0a, 0x58, a, b, c, d]
}
