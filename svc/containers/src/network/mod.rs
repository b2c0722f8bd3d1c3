//! The containers' network: a bridge, an address for each container, NAT to the world, published ports.
//!
//! [`plan`] decides, this module makes the kernel agree. Everything here is idempotent and blocking (a few
//! milliseconds): after a restart of the service, [`Network::start`] finds the namespaces of the containers that still
//! run, keeps their addresses, and takes away what nobody wants any more. Holds always: the rules are replaced as a
//! whole, so no connection ever meets half of them; the host's own links are not touched. When a container is attached
//! and detached is the lifecycle's business.

mod kernel;
pub mod plan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use settings::containers::Port;

pub use plan::{Plan, Problem};

/// Where the kernel's files are.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Where namespaces have their names. The directory is ours: what else lies there is taken away.
    pub netns: PathBuf,
    /// The kernel's settings.
    pub sysctl: PathBuf,
}

impl Default for Layout {
    fn default() -> Self {
        Layout { netns: "/run/netns".into(), sysctl: "/proc/sys".into() }
    }
}

/// A container's network, ready for its processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The namespace: goes into the OCI specification as `linux.namespaces[type=network].path`.
    pub netns: PathBuf,
    /// The container's address.
    pub address: Ipv4Addr,
    /// Its way out, and an address under which it can reach the host.
    pub gateway: Ipv4Addr,
}

/// What went wrong with the containers' network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The container asks for what it cannot have. The requester's to mend.
    #[error("container {container} cannot be attached to the network")]
    Refused {
        /// Who.
        container: String,
        /// Why.
        #[source]
        problem: Problem,
    },
    /// The container is not among those this network was told of.
    #[error("container {container} is not planned to be on the network")]
    Unplanned {
        /// Who.
        container: String,
    },
    /// The bridge could not be made or set up.
    #[error("cannot set up the bridge")]
    Bridge(#[source] netlink::Error),
    /// A setting of the kernel's could not be made.
    #[error("cannot set {name}")]
    Sysctl {
        /// Its path below /proc/sys.
        name: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The rules could not be put in place; the former ones stand.
    #[error("cannot put the rules of {containers} containers in place")]
    Rules {
        /// How many containers they are for.
        containers: usize,
        /// Why.
        #[source]
        err: netlink::Error,
    },
    /// The directory of namespaces could not be made or read.
    #[error("cannot list network namespaces")]
    List(#[source] io::Error),
    /// A namespace could not be made, entered or removed.
    #[error("cannot use the network namespace of {container}")]
    Namespace {
        /// Whose.
        container: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A container's end or ours could not be set up.
    #[error("cannot link {container} to the bridge")]
    Link {
        /// Whose.
        container: String,
        /// Why.
        #[source]
        err: netlink::Error,
    },
}

/// The network of the containers on this host.
#[derive(Debug)]
pub struct Network {
    layout: Layout,
    plan: Plan,
    problems: Vec<Problem>,
    host: netlink::Network,
    bridge: u32,
}

impl Network {
    /// Sets up the bridge and the rules for the containers in `wanted`, each with its published ports, and takes over
    /// what a former run left: containers that are wanted keep their namespace and address, others lose them.
    ///
    /// Containers that ask for what they cannot have are in [`Network::problems`]; the others get their network.
    pub fn start(layout: Layout, wanted: &BTreeMap<String, Vec<Port>>) -> Result<Self, Error> {
        let mut host = netlink::Network::open().map_err(Error::Bridge)?;
        let bridge = kernel::ensure_bridge(&mut host, &layout.sysctl)?;
        let mut network = Network { layout, plan: Plan::default(), problems: Vec::new(), host, bridge };
        network.update(wanted)?;
        Ok(network)
    }

    /// As [`Network::start`], for another set of containers.
    pub fn update(&mut self, wanted: &BTreeMap<String, Vec<Port>>) -> Result<(), Error> {
        let held = kernel::held(&self.layout.netns)?;
        (self.plan, self.problems) = Plan::new(wanted, &held);
        netlink::nft::replace(&self.plan.table())
            .map_err(|err| Error::Rules { containers: self.plan.containers.len(), err })?;
        for name in kernel::names(&self.layout.netns)? {
            if !self.plan.containers.contains_key(&name) {
                self.remove(&name, held.get(&name).copied())?;
            }
        }
        Ok(())
    }

    /// What the containers asked for and cannot have. Each such container is not attached.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Gives the container its namespace, with an address and a way out, or completes the one it has.
    pub fn attach(&mut self, container: &str) -> Result<Attachment, Error> {
        let Some(place) = self.plan.containers.get(container) else {
            let problem = self.problems.iter().find(|problem| problem.container() == container);
            return Err(match problem {
                Some(problem) => Error::Refused { container: container.into(), problem: problem.clone() },
                None => Error::Unplanned { container: container.into() },
            });
        };
        let address = place.address;
        let netns = self.path(container);
        kernel::attach(&mut self.host, self.bridge, container, &netns, address)?;
        Ok(Attachment { netns, address, gateway: plan::GATEWAY })
    }

    /// Takes the container's namespace away. Its address stays reserved for it. For a container that has none this is
    /// no error. Call it when the container's processes have ended.
    pub fn detach(&mut self, container: &str) -> Result<(), Error> {
        let address = self.plan.containers.get(container).map(|place| place.address);
        self.remove(container, address)
    }

    fn remove(&mut self, container: &str, address: Option<Ipv4Addr>) -> Result<(), Error> {
        let netns = self.path(container);
        kernel::detach(&mut self.host, container, &netns, address)
    }

    fn path(&self, container: &str) -> PathBuf {
        self.layout.netns.join(Path::new(container).file_name().unwrap_or_default())
    }
}
