//! The verbs against the kernel they speak to, in a network namespace made for each test.
//!
//! Needs root; says so and passes without.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;

use netlink::nft::{Chain, Expr, Hook, Kind, Point, Table};
use netlink::{Address, Event, Events, Network, Peer, Route};

/// A namespace under a temporary name.
struct Space {
    path: PathBuf,
    netns: std::os::fd::OwnedFd,
}

impl Space {
    fn new(name: &str) -> Option<Space> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED {name}: making a network namespace needs root");
            return None;
        }
        let path = std::env::temp_dir().join(format!("netlink-{name}-{}", std::process::id()));
        let netns = sys::netns::create(&path).unwrap();
        Some(Space { path, netns })
    }

    fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        sys::netns::within(&self.netns, work).unwrap()
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        sys::netns::remove(&self.path).unwrap();
        assert!(!self.path.exists());
    }
}

const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];

#[test]
fn a_new_namespace_holds_its_loopback_down_until_it_is_set_up() {
    let Some(space) = Space::new("loopback") else { return };
    space.within(|| {
        let mut network = Network::open().unwrap();
        let links = network.links().unwrap();
        assert_eq!(links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["lo"]);
        assert!(links[0].loopback && !links[0].up && links[0].kind.is_none() && links[0].mac.is_none());
        network.set_up(links[0].index).unwrap();
        assert!(network.link("lo").unwrap().unwrap().up);
        assert_eq!(network.link("absent").unwrap(), None);
    });
}

#[test]
fn a_pair_across_namespaces_joins_a_bridge_and_carries_an_address_and_a_route() {
    let Some(outside) = Space::new("outside") else { return };
    let Some(inside) = Space::new("inside") else { return };
    outside.within(|| {
        let mut network = Network::open().unwrap();
        network.create_bridge("br", MAC).unwrap();
        let bridge = network.link("br").unwrap().unwrap();
        assert_eq!((bridge.kind.as_deref(), bridge.mac), (Some("bridge"), Some(MAC)));
        assert!(network.create_bridge("br", MAC).unwrap_err().is_present());

        network.create_veth("port", Peer { name: "eth0", mac: MAC, netns: inside.netns.as_fd() }).unwrap();
        let port = network.link("port").unwrap().unwrap();
        network.set_master(port.index, bridge.index).unwrap();
        network.set_up(port.index).unwrap();
        network.set_up(bridge.index).unwrap();
        assert_eq!(network.link("port").unwrap().unwrap().master, Some(bridge.index));
    });
    inside.within(|| {
        let mut network = Network::open().unwrap();
        let eth0 = network.link("eth0").unwrap().unwrap();
        let address = Address { address: Ipv4Addr::new(10, 88, 0, 2), prefix: 16 };
        network.set_up(eth0.index).unwrap();
        network.set_mtu(eth0.index, 1400).unwrap();
        network.set_address(eth0.index, address, None).unwrap();
        network.set_address(eth0.index, address, Some(300)).unwrap();
        assert_eq!(network.addresses(eth0.index).unwrap(), [address]);
        let route = Route {
            to: Address { address: Ipv4Addr::UNSPECIFIED, prefix: 0 },
            via: Some(Ipv4Addr::new(10, 88, 0, 1)),
            onlink: false,
            link: eth0.index,
            source: Some(address.address),
            metric: 100,
            protocol: 16,
        };
        network.set_route(&route).unwrap();
        network.set_route(&route).unwrap();
        let shown = Command::new("ip").args(["-4", "route", "show", "default"]).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert_eq!(shown.trim(), "default via 10.88.0.1 dev eth0 proto dhcp src 10.88.0.2 metric 100");
        network.remove_route(&route).unwrap();
        network.remove_route(&route).unwrap();
        network.remove_address(eth0.index, address).unwrap();
        network.remove_address(eth0.index, address).unwrap();
        assert_eq!(network.addresses(eth0.index).unwrap(), []);
        assert_eq!(network.link("eth0").unwrap().unwrap().mtu, 1400);
    });
    outside.within(|| {
        let mut network = Network::open().unwrap();
        let port = network.link("port").unwrap().unwrap();
        assert!(port.carrier, "{port:?}");
        network.remove_link(port.index).unwrap();
        network.remove_link(port.index).unwrap();
        assert_eq!(network.link("port").unwrap(), None);
    });
}

#[test]
fn a_subscription_tells_of_carrier_coming_and_links_going() {
    let Some(space) = Space::new("events") else { return };
    space.within(|| {
        let mut network = Network::open().unwrap();
        let mut events = Events::open().unwrap();
        assert_eq!(events.take().unwrap(), []);
        let here = sys::netns::open(&space.path).unwrap().unwrap();
        network.create_veth("one", Peer { name: "two", mac: MAC, netns: here.as_fd() }).unwrap();
        let (one, two) = (network.link("one").unwrap().unwrap(), network.link("two").unwrap().unwrap());
        network.set_up(one.index).unwrap();
        network.set_up(two.index).unwrap();
        // Carrier is worked out a moment later; the subscription is what tells.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        let mut carrier = false;
        while !carrier {
            assert!(std::time::Instant::now() < deadline, "no news of carrier");
            let mut polled = [rustix::event::PollFd::new(&events, rustix::event::PollFlags::IN)];
            let second = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
            rustix::event::poll(&mut polled, Some(&second)).unwrap();
            carrier = events
                .take()
                .unwrap()
                .iter()
                .any(|event| matches!(event, Event::Changed(link) if link.name == "one" && link.carrier));
        }
        network.remove_link(one.index).unwrap();
        let news = events.take().unwrap();
        assert!(
            news.iter().any(|event| matches!(event, Event::Gone(link) if link.name == "one")),
            "{news:?}"
        );
    });
}

fn table(rules: usize) -> Table {
    let accept =
        (0..rules).map(|n| vec![Expr::Source(Ipv4Addr::from_bits(n as u32), 32), Expr::Accept]).collect();
    let hook = Hook { kind: Kind::Filter, point: Point::Forward, priority: 0 };
    Table {
        name: "test".into(),
        chains: vec![Chain { name: "forward".into(), hook: Some(hook), rules: accept }],
    }
}

#[test]
fn replacing_a_table_leaves_the_new_one_only_and_a_refusal_leaves_the_old() {
    let Some(space) = Space::new("nft") else { return };
    space.within(|| {
        for rules in [1, 3000, 2] {
            netlink::nft::replace(&table(rules)).unwrap();
            if let Some(listed) = list() {
                assert_eq!(
                    listed.matches("accept").count(),
                    rules + 1,
                    "one for each rule and one for the policy"
                );
            }
        }
        // A rule that jumps nowhere: the transaction is refused as a whole.
        let mut bad = table(5);
        bad.chains[0].rules.push(vec![Expr::Jump("nowhere".into())]);
        assert!(netlink::nft::replace(&bad).unwrap_err().is_absent());
        if let Some(listed) = list() {
            assert_eq!(listed.matches("accept").count(), 3, "{listed}");
        }
        netlink::nft::remove("test").unwrap();
        netlink::nft::remove("test").unwrap();
    });
}

/// The table in the words of the foreign tool, when the machine has it.
fn list() -> Option<String> {
    let listed = Command::new("nft").args(["list", "table", "ip", "test"]).output();
    let Ok(listed) = listed else {
        eprintln!("SKIPPED comparison with nft: not installed");
        return None;
    };
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    Some(String::from_utf8(listed.stdout).unwrap())
}
