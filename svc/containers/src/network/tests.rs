//! The plan's laws, and the network in the kernel with real packets, in namespaces of its own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use netlink::{Address, Peer, Route};
use settings::containers::{Port, Protocol};

use super::plan::{BRIDGE, GATEWAY};
use super::{Error, Layout, Network, Plan, Problem};

fn port(host: u16, container: u16) -> Port {
    Port { host_ip: None, host, container, protocol: Protocol::Tcp }
}

fn on(host_ip: &str, port: Port) -> Port {
    Port { host_ip: Some(host_ip.parse().unwrap()), ..port }
}

fn udp(port: Port) -> Port {
    Port { protocol: Protocol::Udp, ..port }
}

fn wanted<const N: usize>(containers: [(&str, &[Port]); N]) -> BTreeMap<String, Vec<Port>> {
    containers.into_iter().map(|(name, ports)| (name.to_owned(), ports.to_vec())).collect()
}

fn host(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 88, 0, last)
}

#[test]
fn a_container_keeps_its_address_and_a_new_one_gets_the_lowest_free() {
    let (plan, problems) = Plan::new(&wanted([("a", &[]), ("b", &[]), ("c", &[])]), &BTreeMap::new());
    assert_eq!(problems, []);
    let addresses: Vec<_> = plan.containers.values().map(|place| place.address).collect();
    assert_eq!(addresses, [host(2), host(3), host(4)]);

    // "a" went, "0" came: nobody moves, and the address of "a" (in use until it is removed) is not handed on yet.
    let held = plan.containers.iter().map(|(name, place)| (name.clone(), place.address)).collect();
    let (plan, _) = Plan::new(&wanted([("0", &[]), ("b", &[]), ("c", &[])]), &held);
    let addresses: Vec<_> = plan.containers.values().map(|place| place.address).collect();
    assert_eq!(addresses, [host(5), host(3), host(4)]);
}

#[test]
fn addresses_are_unique_and_in_range_whatever_is_held() {
    let outsider = Ipv4Addr::new(192, 0, 2, 7);
    for held in [
        [GATEWAY, host(0), outsider],
        [host(2), host(2), host(2)],
        [Ipv4Addr::new(10, 88, 255, 255), host(2), host(3)],
    ] {
        let names = ["a", "b", "c"];
        let held = names.iter().map(|name| name.to_string()).zip(held).collect();
        let (plan, problems) = Plan::new(&wanted([("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])]), &held);
        assert_eq!(problems, []);
        let mut addresses: Vec<_> = plan.containers.values().map(|place| place.address).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "{plan:?}");
        assert!(
            addresses.iter().all(|address| (host(2)..=Ipv4Addr::new(10, 88, 255, 254)).contains(address))
        );
    }
}

#[test]
fn two_containers_that_want_one_port_are_both_named_and_the_first_has_it() {
    let cases: [(Port, Port, bool); 8] = [
        (port(80, 1), port(80, 2), true),
        (port(80, 1), port(81, 1), false),
        (port(80, 1), udp(port(80, 1)), false),
        (port(80, 1), on("192.0.2.1", port(80, 1)), true),
        (on("192.0.2.1", port(80, 1)), on("192.0.2.2", port(80, 1)), false),
        (on("192.0.2.1", port(80, 1)), on("192.0.2.1", port(80, 2)), true),
        (on("0.0.0.0", port(80, 1)), on("127.0.0.1", port(80, 1)), true),
        (on("127.0.0.1", port(80, 1)), on("127.0.0.1", udp(port(80, 1))), false),
    ];
    for (one, two, clash) in cases {
        let (plan, problems) = Plan::new(&wanted([("one", &[one]), ("two", &[two])]), &BTreeMap::new());
        assert_eq!(plan.containers.contains_key("two"), !clash, "{one:?} {two:?}");
        let said: Vec<_> = problems.iter().map(Problem::to_string).collect();
        let expected = "host port 80/tcp of container two is taken by container one".to_owned();
        assert_eq!(said, if clash { vec![expected] } else { vec![] });
        assert!(plan.containers.contains_key("one"));
    }
    let (_, problems) = Plan::new(&wanted([("one", &[port(80, 1), port(80, 2)])]), &BTreeMap::new());
    assert!(
        matches!(&problems[..], [Problem::PortTaken { container, by, .. }] if container == by),
        "{problems:?}"
    );
    let (_, problems) = Plan::new(&wanted([("one", &[on("::1", port(80, 1))])]), &BTreeMap::new());
    assert!(matches!(&problems[..], [Problem::NotIpv4 { .. }]), "{problems:?}");
}

/// A host with a neighbour, in namespaces that nobody else sees.
struct World {
    dir: PathBuf,
    host: OwnedFd,
    neighbour: OwnedFd,
}

const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

impl World {
    fn new(test: &str) -> Option<World> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED {test}: making a network namespace needs root");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("containers-{test}-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("netns")).unwrap();
        let host = sys::netns::create(&dir.join("host")).unwrap();
        let neighbour = sys::netns::create(&dir.join("neighbour")).unwrap();
        let peer = Peer { name: "eth0", mac: [2, 0, 0, 0, 0, 2], netns: neighbour.as_fd() };
        sys::netns::within(&host, || {
            // The image does not load br_netfilter. A test machine may have it, and then bridged packets meet the
            // rules of routed ones; a container could not reach itself by its published port.
            let _ = std::fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
            netlink::Network::open().unwrap().create_veth("uplink", peer).unwrap();
            set_up("uplink", HOST);
        })
        .unwrap();
        sys::netns::within(&neighbour, || set_up("eth0", NEIGHBOUR)).unwrap();
        Some(World { dir, host, neighbour })
    }

    fn start(&self, wanted: &BTreeMap<String, Vec<Port>>) -> Network {
        let layout = Layout { netns: self.dir.join("netns"), ..Layout::default() };
        self.on_host(|| Network::start(layout, wanted)).unwrap()
    }

    fn on_host<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        sys::netns::within(&self.host, work).unwrap()
    }

    fn on_neighbour<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        sys::netns::within(&self.neighbour, work).unwrap()
    }

    fn in_container<T: Send>(&self, name: &str, work: impl FnOnce() -> T + Send) -> T {
        let netns = sys::netns::open(&self.dir.join("netns").join(name)).unwrap().unwrap();
        sys::netns::within(&netns, work).unwrap()
    }

    /// Starts a server in the container that answers each connection with `name`, and the caller's address.
    fn serve(&self, name: &'static str, port: u16) {
        let listener = self.in_container(name, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let from = stream.peer_addr().unwrap().ip();
                let _ = stream.write_all(format!("{name} {from}").as_bytes());
            }
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for name in super::kernel::names(&self.dir.join("netns")).unwrap() {
            sys::netns::remove(&self.dir.join("netns").join(name)).unwrap();
        }
        sys::netns::remove(&self.dir.join("host")).unwrap();
        sys::netns::remove(&self.dir.join("neighbour")).unwrap();
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

fn set_up(link: &str, address: Ipv4Addr) {
    let mut network = netlink::Network::open().unwrap();
    for (name, address) in [("lo", None), (link, Some(address))] {
        let link = network.link(name).unwrap().unwrap();
        network.set_up(link.index).unwrap();
        if let Some(address) = address {
            network.set_address(link.index, Address { address, prefix: 24 }, None).unwrap();
        }
    }
}

/// What the server at this address says, or the error.
fn ask(address: Ipv4Addr, port: u16) -> Result<String, std::io::ErrorKind> {
    let timeout = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(IpAddr::V4(address), port), timeout)
        .map_err(|err| err.kind())?;
    stream.set_read_timeout(Some(timeout)).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).map_err(|err| err.kind())?;
    Ok(said)
}

#[test]
fn a_published_port_is_reached_from_everywhere_and_nothing_else_is() {
    let Some(world) = World::new("published") else { return };
    let mut network = world.start(&wanted([
        ("web", &[port(8080, 80), on("127.0.0.1", port(9090, 81)), on("192.0.2.1", port(7070, 80))]),
        ("db", &[udp(port(5353, 53))]),
    ]));
    assert_eq!(network.problems(), []);
    let db = network.attach("db").unwrap();
    let web = network.attach("web").unwrap();
    assert_eq!((db.address, web.address), (host(2), host(3)));
    world.serve("web", 80);
    world.serve("web", 81);
    world.serve("db", 80);
    let loopback = Ipv4Addr::LOCALHOST;

    // From the neighbour, the host itself by either address, another container, and the container itself.
    assert_eq!(world.on_neighbour(|| ask(HOST, 8080)), Ok(format!("web {NEIGHBOUR}")));
    assert_eq!(world.on_neighbour(|| ask(HOST, 7070)), Ok(format!("web {NEIGHBOUR}")));
    assert_eq!(world.on_host(|| ask(HOST, 8080)), Ok(format!("web {HOST}")));
    assert_eq!(world.on_host(|| ask(loopback, 8080)), Ok(format!("web {GATEWAY}")));
    assert_eq!(world.on_host(|| ask(loopback, 9090)), Ok(format!("web {GATEWAY}")));
    assert_eq!(world.in_container("db", || ask(HOST, 8080)), Ok(format!("web {GATEWAY}")));
    assert_eq!(world.in_container("web", || ask(HOST, 8080)), Ok(format!("web {GATEWAY}")));
    assert_eq!(world.in_container("web", || ask(GATEWAY, 8080)), Ok(format!("web {GATEWAY}")));
    // Containers see each other as they are.
    assert_eq!(world.in_container("db", || ask(web.address, 80)), Ok(format!("web {}", db.address)));

    // Loopback's port from outside, another address's port, and a port nobody published.
    assert!(world.on_neighbour(|| ask(HOST, 9090)).is_err());
    assert!(world.on_host(|| ask(loopback, 7070)).is_err());
    assert!(world.on_neighbour(|| ask(HOST, 80)).is_err());
    // A neighbour that routes straight to the containers reaches nothing, published or not.
    world.on_neighbour(|| {
        let mut neighbour = netlink::Network::open().unwrap();
        let link = neighbour.link("eth0").unwrap().unwrap().index;
        let to = Address { address: Ipv4Addr::new(10, 88, 0, 0), prefix: 16 };
        let route = Route { to, via: Some(HOST), onlink: false, link, source: None, metric: 0, protocol: 4 };
        neighbour.set_route(&route).unwrap();
    });
    assert_eq!(world.on_neighbour(|| ask(db.address, 80)), Err(std::io::ErrorKind::TimedOut));
    assert_eq!(world.on_neighbour(|| ask(web.address, 80)), Err(std::io::ErrorKind::TimedOut));
}

#[test]
fn loopback_of_the_host_is_closed_to_containers() {
    let Some(world) = World::new("martians") else { return };
    let mut network = world.start(&wanted([("bad", &[])]));
    network.attach("bad").unwrap();
    let secret = world.on_host(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 4444)).unwrap());
    secret.set_nonblocking(true).unwrap();
    world.in_container("bad", || {
        // What root in a container can do: send to 127.0.0.1 by way of the bridge.
        std::fs::write("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1").unwrap();
        let run = |args: &[&str]| std::process::Command::new("ip").args(args).status().unwrap();
        assert!(run(&["addr", "flush", "dev", "lo"]).success());
        assert!(run(&["rule", "add", "pref", "0", "to", "127.0.0.1", "lookup", "100"]).success());
        assert!(run(&["route", "add", "127.0.0.1", "via", "10.88.0.1", "table", "100"]).success());
        assert!(ask(Ipv4Addr::LOCALHOST, 4444).is_err());
    });
    assert_eq!(secret.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn containers_reach_the_world_under_the_hosts_address_by_tcp_and_are_reached_by_udp() {
    let Some(world) = World::new("world") else { return };
    let mut network = world.start(&wanted([("db", &[udp(port(5353, 53))])]));
    network.attach("db").unwrap();
    let outside = world.on_neighbour(|| TcpListener::bind((NEIGHBOUR, 80)).unwrap());
    let inside = world.in_container("db", || TcpStream::connect((NEIGHBOUR, 80)).unwrap());
    let (_, seen) = outside.accept().unwrap();
    assert_eq!(seen.ip(), IpAddr::V4(HOST));
    drop(inside);

    let server = world.in_container("db", || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 53)).unwrap());
    let client = world.on_neighbour(|| UdpSocket::bind((NEIGHBOUR, 0)).unwrap());
    client.connect((HOST, 5353)).unwrap();
    for socket in [&client, &server] {
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    }
    client.send(b"question").unwrap();
    let mut buffer = [0; 16];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"question");
    server.send_to(b"answer", from).unwrap();
    let length = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"answer");
}

#[test]
fn a_restart_of_the_service_keeps_running_containers_and_their_connections() {
    let Some(world) = World::new("restart") else { return };
    let before = wanted([("gone", &[]), ("web", &[port(8080, 80)])]);
    let mut network = world.start(&before);
    network.attach("gone").unwrap();
    let web = network.attach("web").unwrap();
    let listener = world.in_container("web", || TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80)).unwrap());
    let mut client = world.on_neighbour(|| TcpStream::connect((HOST, 8080)).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    drop(network);

    let mut network = world.start(&wanted([("new", &[]), ("web", &[port(8080, 80)])]));
    assert_eq!(network.attach("web").unwrap(), web);
    // The address of "gone" was still in use when the plan was made.
    assert_eq!(network.attach("new").unwrap().address, host(4));
    assert!(!world.dir.join("netns/gone").exists());
    client.write_all(b"still here").unwrap();
    let mut said = [0; 10];
    server.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"still here");
    assert!(matches!(network.attach("gone"), Err(Error::Unplanned { .. })));
}

#[test]
fn attach_mends_what_is_half_there_and_detach_leaves_nothing() {
    let Some(world) = World::new("mend") else { return };
    // A crash between the two steps of making a name leaves an empty file.
    std::fs::write(world.dir.join("netns/web"), "").unwrap();
    let mut network = world.start(&wanted([("web", &[]), ("x", &[port(1, 1)]), ("y", &[port(1, 1)])]));
    let web = network.attach("web").unwrap();
    let links = || world.on_host(|| netlink::Network::open().unwrap().links().unwrap());
    let ports = || links().iter().filter(|link| link.master.is_some()).count();
    assert_eq!(ports(), 1);
    world.in_container("web", || {
        let mut inside = netlink::Network::open().unwrap();
        let end = inside.link("eth0").unwrap().unwrap();
        inside.remove_link(end.index).unwrap();
    });
    assert_eq!(ports(), 0);
    assert_eq!(network.attach("web").unwrap(), web);
    world.serve("web", 80);
    assert_eq!(world.on_host(|| ask(web.address, 80)), Ok(format!("web {GATEWAY}")));
    assert!(matches!(network.attach("y"), Err(Error::Refused { .. })));

    network.detach("web").unwrap();
    network.detach("web").unwrap();
    assert!(!web.netns.exists());
    assert!(links().iter().all(|link| link.name == BRIDGE || link.master.is_none()));
    // The server's socket still holds the old namespace; the container comes back with its address all the same.
    assert_eq!(network.attach("web").unwrap(), web);
    network.update(&wanted([])).unwrap();
    assert!(!web.netns.exists());
}
