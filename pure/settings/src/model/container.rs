//! `settings.containers`.
//!
//! A container is a record: if anything in it is wrong it is not run, because half of a configuration may
//! mean the opposite (a `read-only` that was misspelled, a limit that was not understood). The others run.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::containers::{Container, Mount, Network, Port, Resources, Restart, User};
use crate::read::{Reader, Setting, group};
use crate::scalar::{
    Argument, ContainerName, Count, CpuMillis, Destination, EnvName, EnvValue, ImageRef, Invalid,
    MemoryBytes, MountSource, Scalar,
};
use crate::shape::{Facts, Shape};
use crate::tree::Node;
use crate::value::Value;

/// The containers that are valid and do not contradict each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Containers(pub BTreeMap<ContainerName, Container>);

impl Setting for Containers {
    fn shape() -> Shape {
        BTreeMap::<ContainerName, Container>::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let table = at.table(node)?;
        let mut containers = BTreeMap::new();
        for (key, node) in table {
            // No falling back to what a lower layer said: somebody wanted this container to be another one.
            let read = at.at_key(key, |at| match ContainerName::parse(key) {
                Ok(name) => Container::read(node, at).map(|container| (name, container)),
                Err(invalid) => {
                    at.problem(node, invalid.0);
                    None
                }
            });
            containers.extend(read);
        }
        let mut taken: BTreeMap<u16, Vec<(Port, String)>> = BTreeMap::new();
        // In the order of names, so that it is always the same one that gives way.
        containers.retain(|name, container| {
            if !container.enabled {
                return true;
            }
            let clash = container.ports.iter().find_map(|port| {
                let same_number = taken.get(&port.host)?;
                same_number.iter().find(|(other, _)| overlap(port, other)).map(|(_, owner)| (port, owner))
            });
            match (clash, table.get(name.as_str())) {
                (Some((port, owner)), Some(node)) => {
                    let why = format!(
                        "container is not run: container {owner} publishes the same host port {}",
                        port.host
                    );
                    at.at_key(name.as_str(), |at| at.problem(node, why));
                    at.discard(node);
                    false
                }
                _ => {
                    for port in &container.ports {
                        taken.entry(port.host).or_default().push((*port, name.to_string()));
                    }
                    true
                }
            }
        });
        Some(Containers(containers))
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

group! {
    /// One container as written.
    pub struct Written {
        /// Image to run: `[REGISTRY/]REPOSITORY[:TAG][@DIGEST]`, required. Without a registry it is Docker
        /// Hub's (`nginx:1` is `docker.io/library/nginx:1`), without tag and digest it is `latest`.
        pub image: Option<ImageRef> = "image",
        /// Program and arguments, in place of the image's entrypoint and command.
        pub command: Option<Vec<Argument>> = "command",
        /// Environment variables, added to the image's.
        pub env: BTreeMap<EnvName, EnvValue> = "env",
        /// What of the host the container sees.
        pub mounts: Vec<Mount> = "mounts",
        /// Published ports: `[ADDRESS:]HOST:CONTAINER[/tcp or /udp]`. Only with `network = "bridge"`.
        pub ports: Vec<Port> = "ports",
        /// `bridge` (default): its own network behind the host's. `host`: the host's network itself.
        pub network: Network = "network",
        /// What to do when it exits: `always` (default) start it again, `on-failure` only if its status is
        /// not 0, `never`.
        pub restart: Restart = "restart",
        /// Its root file system cannot be written. Default false.
        pub read_only: bool = "read-only",
        /// User and group, as numbers. Default: the image's.
        pub user: Option<User> = "user",
        /// Limits. Default: none.
        pub resources: WrittenResources = "resources",
        /// `false` keeps the declaration and does not run it. Default true.
        pub enabled: Option<bool> = "enabled",
    }
}

group! {
    /// Limits as written.
    pub struct WrittenResources {
        /// Memory, as a Kubernetes quantity: `256Mi`, `1.5Gi`, `300M`. At least `6Mi`.
        pub memory: Option<MemoryBytes> = "memory",
        /// CPU time, as a Kubernetes quantity: `500m`, `0.5`, `2`.
        pub cpu: Option<CpuMillis> = "cpu",
        /// Processes and threads.
        pub pids: Option<Count> = "pids",
    }
}

group! {
    /// A mount as written.
    pub struct WrittenMount {
        /// A volume's name (made on first use, kept in `/var/lib/gantry/volumes/`), or an absolute path of
        /// the host.
        pub source: Option<MountSource> = "source",
        /// Where the container sees it.
        pub destination: Option<Destination> = "destination",
        /// The container cannot write to it. Default false.
        pub read_only: bool = "read-only",
    }
}

impl Setting for Container {
    fn shape() -> Shape {
        Written::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let container = at.whole(node, |at| {
            let (written, clean) = at.checked(|at| Written::read(node, at));
            let written = written?;
            at.require(node, "image");
            // What was dropped would shift positions, and may be what a check asks for.
            if clean {
                cross_checks(&written, node, at);
            }
            written.valid()
        });
        if container.is_none() {
            at.problem(node, "container is not run, because of the problems in it");
        }
        container
    }

    fn write(&self) -> Option<Value> {
        let texts = |texts: &Vec<String>| Value::List(texts.iter().cloned().map(Value::Text).collect());
        let env = self.env.iter().map(|(name, value)| (name.clone(), Value::Text(value.clone())));
        let Resources { memory_bytes, cpu_millis, pids } = self.resources;
        let resources = Value::table([
            ("memory", memory_bytes.and_then(|bytes| MemoryBytes(bytes).write())),
            ("cpu", cpu_millis.and_then(|millis| CpuMillis(millis).write())),
            ("pids", pids.and_then(|count| Count(count).write())),
        ]);
        // What is as if nobody had written it is not there.
        Some(Value::table([
            ("image", self.image.write()),
            ("command", self.command.as_ref().map(texts)),
            ("env", (!self.env.is_empty()).then(|| Value::Table(env.collect()))),
            ("mounts", self.mounts.write().filter(|_| !self.mounts.is_empty())),
            ("ports", self.ports.write().filter(|_| !self.ports.is_empty())),
            ("network", self.network.write().filter(|_| self.network != Network::default())),
            ("restart", self.restart.write().filter(|_| self.restart != Restart::default())),
            ("read-only", self.read_only.then_some(Value::Boolean(true))),
            ("user", self.user.write()),
            ("resources", Some(resources).filter(|_| self.resources != Resources::default())),
            ("enabled", (!self.enabled).then_some(Value::Boolean(false))),
        ]))
    }
}

impl Written {
    /// The container, if nothing required is missing.
    fn valid(self) -> Option<Container> {
        Some(Container {
            image: self.image?,
            command: self.command.map(|words| words.iter().map(ToString::to_string).collect()),
            env: self.env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            mounts: self.mounts,
            ports: self.ports,
            network: self.network,
            restart: self.restart,
            read_only: self.read_only,
            user: self.user,
            resources: Resources {
                memory_bytes: self.resources.memory.map(|memory| memory.0),
                cpu_millis: self.resources.cpu.map(|cpu| cpu.0),
                pids: self.resources.pids.map(|pids| pids.0),
            },
            enabled: self.enabled.unwrap_or(true),
        })
    }
}

/// What no single value can be blamed for.
fn cross_checks(written: &Written, node: &Node, at: &mut Reader) {
    if written.command.as_ref().is_some_and(Vec::is_empty) {
        at.at_key("command", |at| at.problem(node, "empty; leave it out to run what the image says"));
    }
    if written.network == Network::Host && !written.ports.is_empty() {
        let why = "network = \"host\" publishes every port as it is; ports need network = \"bridge\"";
        at.at_key("ports", |at| at.problem(node, why));
    }
    // A hostile list has tens of thousands of entries: each is compared with those of its number only.
    let mut published: BTreeMap<u16, Vec<&Port>> = BTreeMap::new();
    for (index, port) in written.ports.iter().enumerate() {
        let others = published.entry(port.host).or_default();
        let taken = others.iter().any(|other| overlap(port, other));
        if !taken {
            others.push(port);
        } else {
            let why = format!("host port {} is published twice", port.host);
            at.at_key("ports", |at| at.at_index(index, |at| at.problem(node, why)));
        }
    }
    let mut destinations = BTreeSet::new();
    for (index, mount) in written.mounts.iter().enumerate() {
        if !destinations.insert(&mount.destination) {
            let why = "an earlier mount has the same destination";
            at.at_key("mounts", |at| at.at_index(index, |at| at.problem(node, why)));
        }
    }
}

/// Whether two published ports would have to listen to the same packets.
fn overlap(a: &Port, b: &Port) -> bool {
    let same_address = match (a.host_ip, b.host_ip) {
        (Some(IpAddr::V4(a)), Some(IpAddr::V4(b))) => a == b || a.is_unspecified() || b.is_unspecified(),
        (Some(IpAddr::V6(a)), Some(IpAddr::V6(b))) => a == b || a.is_unspecified() || b.is_unspecified(),
        (Some(_), Some(_)) => false,
        _ => true,
    };
    a.host == b.host && a.protocol == b.protocol && same_address
}

impl Setting for Mount {
    fn shape() -> Shape {
        WrittenMount::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let written = WrittenMount::read(node, at)?;
        at.require(node, "source");
        at.require(node, "destination");
        let (source, destination) = (written.source?.0, written.destination?.to_string());
        Some(Mount { source, destination, read_only: written.read_only })
    }

    fn write(&self) -> Option<Value> {
        Some(Value::table([
            ("source", MountSource(self.source.clone()).write()),
            ("destination", Some(Value::Text(self.destination.clone()))),
            ("read-only", self.read_only.then_some(Value::Boolean(true))),
        ]))
    }
}

impl Scalar for Network {
    const WANTED: &'static str = "`bridge` or `host`";
    const FACTS: Facts = Facts::text(Self::WANTED).one_of(&["bridge", "host"]);

    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "bridge" => Ok(Network::Bridge),
            "host" => Ok(Network::Host),
            _ => Err(Invalid::new("not bridge or host")),
        }
    }

    fn text(&self) -> String {
        match self {
            Network::Bridge => "bridge".into(),
            Network::Host => "host".into(),
        }
    }
}

impl Scalar for Restart {
    const WANTED: &'static str = "`always`, `on-failure` or `never`";
    const FACTS: Facts = Facts::text(Self::WANTED).one_of(&["always", "on-failure", "never"]);

    fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "always" => Ok(Restart::Always),
            "on-failure" => Ok(Restart::OnFailure),
            "never" => Ok(Restart::Never),
            _ => Err(Invalid::new("not always, on-failure or never")),
        }
    }

    fn text(&self) -> String {
        match self {
            Restart::Always => "always".into(),
            Restart::OnFailure => "on-failure".into(),
            Restart::Never => "never".into(),
        }
    }
}
