//! The valid form: every setting there is, typed.
//!
//! One file per top-level group. A group's struct is the one place that knows its keys: reading, errors,
//! suggestions and docs/reference/settings.md come from it. Keys and rules that Bottlerocket has too are
//! Bottlerocket's.

mod api;
mod boot;
mod cloud;
mod container;
mod dns;
mod ecs;
mod host;
mod kernel;
mod kubernetes;
mod network;
mod ntp;
mod pki;
mod registry;
mod runtime;
mod updates;

pub use api::{Api, ConsoleLevel, Health, Logs};
pub use boot::Boot;
pub use cloud::{Autoscaling, Aws, Cloudformation, Metrics};
pub use container::Containers;
pub use dns::Dns;
pub use ecs::{AgentLogLevel, Ecs, ImagePullBehavior};
pub use host::{BootstrapCommand, BootstrapContainer, BootstrapMode, Command, HostContainer};
pub use kernel::{Hugepages, Kernel, Module, Pages, StaticHugepages, Transparent};
pub use kubernetes::{
    AuthenticationMode, CloudProvider, CpuManagerOption, CpuManagerPolicy, CredentialProvider,
    EvictionSignal, HostnameSource, IdsPerPod, Kubernetes, KubernetesKeys, MemoryManagerPolicy,
    MemoryReservationPolicy, NumaReservation, OneOrMany, Reserved, StaticPod, SwapBehavior, Taints,
    TopologyOptions, TopologyPolicy, TopologyScope,
};
pub use network::{HostsEntry, Network};
pub use ntp::{Directive, Ntp, TimeServer, TimeServers};
pub use pki::Bundle;
pub use runtime::{ContainerRuntime, Limit, OciDefaults, RuntimeLogLevel, Snapshotter};
pub use updates::Updates;

use alloc::collections::BTreeMap;

use crate::containers::{Registry, Workloads};
use crate::read::{Setting, group};
use crate::scalar::{Identifier, ItemName, Text};
use crate::value::Value;

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
        /// Which release this host runs, and where new ones come from.
        pub updates: Updates = "updates",
        /// Containers of the host's operators, by name.
        pub host_containers: BTreeMap<ItemName, HostContainer> = "host-containers",
        /// Containers that run at boot, to their end, by name. One with a problem in it is not run at all.
        pub bootstrap_containers: BTreeMap<ItemName, BootstrapContainer> = "bootstrap-containers",
        /// Commands of apiclient that run at boot, by name. One with a problem in it is not run at all.
        pub bootstrap_commands: BTreeMap<ItemName, BootstrapCommand> = "bootstrap-commands",
        /// Where the time comes from.
        pub ntp: Ntp = "ntp",
        /// The host's own name, names it knows without DNS, its proxy.
        pub network: Network = "network",
        /// Name resolution; what is set here takes the place of what DHCP says.
        pub dns: Dns = "dns",
        /// What the kernel is told at run time.
        pub kernel: Kernel = "kernel",
        /// What the kernel and PID 1 are told at boot.
        pub boot: Boot = "boot",
        /// How the host's programs use AWS.
        pub aws: Aws = "aws",
        /// What the host tells about its health.
        pub metrics: Metrics = "metrics",
        /// Bundles of certificates of authorities, by name.
        pub pki: BTreeMap<Identifier, Bundle> = "pki",
        /// The kubelet and how it joins its cluster. Only on the Kubernetes variant.
        pub kubernetes: Kubernetes = "kubernetes",
        /// The ECS agent. Only on the ECS variant.
        pub ecs: Ecs = "ecs",
        /// Where container images come from.
        pub container_registry: Registry = "container-registry",
        /// How containers of the orchestrator are run.
        pub container_runtime: ContainerRuntime = "container-runtime",
        /// What a container of the orchestrator may do when it does not say itself.
        pub oci_defaults: OciDefaults = "oci-defaults",
        /// Whether the host waits for its place in an autoscaling group.
        pub autoscaling: Autoscaling = "autoscaling",
        /// Whom to tell that the host is up.
        pub cloudformation: Cloudformation = "cloudformation",
        /// The API over the network.
        pub api: Api = "api",
        /// When the host counts as good.
        pub health: Health = "health",
        /// The host's log.
        pub logs: Logs = "logs",
        /// Containers to run, by name. A container with a problem in it is not run at all.
        pub containers: Containers = "containers",
    }
}

impl Settings {
    /// What is in effect, canonical: the document that says all this and nothing else. Its one top-level key is
    /// `settings`.
    pub fn write(&self) -> Value {
        Value::table([("settings", Setting::write(self))])
    }

    /// What the `containers` service is told.
    pub fn workloads(&self) -> Workloads {
        Workloads { containers: self.containers.0.clone(), registry: self.container_registry.clone() }
    }
}
