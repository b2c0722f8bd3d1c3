//! The valid form: every setting there is, typed.
//!
//! One file per top-level group. A group's struct is the one place that knows its keys: reading, errors,
//! suggestions and docs/reference/settings.md come from it. Keys and rules that Bottlerocket has too are
//! Bottlerocket's.

mod container;
mod dns;
mod kernel;
mod network;
mod registry;

pub use container::Containers;
pub use dns::Dns;
pub use kernel::Kernel;
pub use network::{HostsEntry, Network};

use crate::containers::{Registry, Workloads};
use crate::read::group;
use crate::scalar::Text;

group! {
    /// The top of a document.
    pub struct Document {
        /// Everything.
        pub settings: Settings = "settings",
    }
}

group! {
    /// Everything a host is told.
    pub struct Settings {
        /// Message of the day: the content of `/etc/motd`.
        pub motd: Option<Text> = "motd",
        /// The host's own name, and names it knows without DNS.
        pub network: Network = "network",
        /// Name resolution; what is set here takes the place of what DHCP says.
        pub dns: Dns = "dns",
        /// The kernel's run-time parameters.
        pub kernel: Kernel = "kernel",
        /// Where container images come from.
        pub container_registry: Registry = "container-registry",
        /// Containers to run, by name. A container with a problem in it is not run at all.
        pub containers: Containers = "containers",
    }
}

impl Settings {
    /// What the `containers` service is told.
    pub fn workloads(&self) -> Workloads {
        Workloads { containers: self.containers.0.clone(), registry: self.container_registry.clone() }
    }
}
