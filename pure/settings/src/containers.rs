//! What the `containers` service is told to run: the valid form of `settings.containers` and
//! `settings.container-registry`.
//!
//! Holds always: every value here passed `validate`, so names, references and ports need no second look by whoever
//! reads them. `configure` writes one [`Workloads`] to `/run/gantry/containers.json` (mode 0600: it holds registry
//! passwords) and the `containers` service reads it back; nothing else is passed between the two.
//! How these values are written in user data (`"8080:80"`, `"256Mi"`) is `scalar`'s and `read`'s business.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::scalar::{ContainerName, ImageRef, Secret, secret};

/// Everything the `containers` service needs, in one document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Workloads {
    /// The containers to run, by name.
    pub containers: BTreeMap<ContainerName, Container>,
    /// Where images come from.
    pub registry: Registry,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Container {
    /// The image, in full (registry and repository always present).
    pub image: ImageRef,
    /// Replaces the image's entrypoint and command together; `None` keeps both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Added to the image's environment; a name here wins over the image's.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Mounts, in the order written. No two have the same destination.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Published ports. Empty unless `network` is [`Network::Bridge`].
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Which network the container sees.
    #[serde(default)]
    pub network: Network,
    /// What to do when it exits.
    #[serde(default)]
    pub restart: Restart,
    /// The container's root file system cannot be written.
    #[serde(default)]
    pub read_only: bool,
    /// Who runs it; `None` takes the image's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// Limits.
    #[serde(default)]
    pub resources: Resources,
    /// `false`: known, but not run.
    #[serde(default = "yes")]
    pub enabled: bool,
}

impl Container {
    /// A container with this image and every other setting at its default.
    pub fn new(image: ImageRef) -> Self {
        Container {
            image,
            command: None,
            env: BTreeMap::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
            network: Network::default(),
            restart: Restart::default(),
            read_only: false,
            user: None,
            resources: Resources::default(),
            enabled: true,
        }
    }
}

fn yes() -> bool {
    true
}

/// Something of the host's that a container sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mount {
    /// What is mounted.
    pub source: Source,
    /// Absolute path in the container.
    pub destination: String,
    /// The container cannot write through it.
    #[serde(default)]
    pub read_only: bool,
}

/// Where a mount comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A named volume, made on first use, kept under `/var/lib/gantry/volumes/`. The name is one path component.
    Volume(String),
    /// An absolute path of the host.
    Path(String),
}

/// One port of the host that leads to a port of the container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Port {
    /// Only traffic to this address of the host; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<IpAddr>,
    /// Port on the host, never 0.
    pub host: u16,
    /// Port in the container, never 0.
    pub container: u16,
    /// Transport.
    #[serde(default)]
    pub protocol: Protocol,
}

/// Transport protocol of a published port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// Which network a container sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Its own network namespace on the host's bridge, behind NAT.
    #[default]
    Bridge,
    /// The host's own network.
    Host,
}

/// What happens when a container exits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// Start it again, whatever its exit status.
    #[default]
    Always,
    /// Start it again unless it exited with 0.
    OnFailure,
    /// Leave it.
    Never,
}

/// Numeric user and group of a container's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Group id; `None` means the same number as `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// Limits of one container; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Resources {
    /// Memory, bytes.
    pub memory_bytes: Option<u64>,
    /// CPU time, thousandths of one CPU.
    pub cpu_millis: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
}

/// Where images come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Registry {
    /// Mirrors. One entry per registry; `*` is every registry that has no entry of its own.
    pub mirrors: Vec<Mirror>,
    /// Credentials, one entry per registry.
    pub credentials: Vec<Credential>,
}

impl Registry {
    /// The endpoints to try for `registry` before the registry itself, in order.
    pub fn mirrors_of(&self, registry: &str) -> &[String] {
        let named = |name: &str| self.mirrors.iter().find(|mirror| mirror.registry == name);
        named(registry).or_else(|| named("*")).map_or(&[], |mirror| &mirror.endpoint)
    }

    /// How to log in to `registry`, when that is known.
    pub fn credential_of(&self, registry: &str) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.registry == registry)
    }
}

/// Endpoints that serve a registry's images in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mirror {
    /// `host` or `host:port` as in image references, or `*`.
    pub registry: String,
    /// Base URLs (`http://` or `https://`, no trailing slash), tried in order.
    pub endpoint: Vec<String>,
}

/// How to log in to a registry. Any of: `username` with `password`, `auth`, `identitytoken`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Credential {
    /// `host` or `host:port` as in image references.
    pub registry: String,
    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Password.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "secret::expose")]
    pub password: Option<Secret>,
    /// Base64 of `username:password`.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "secret::expose")]
    pub auth: Option<Secret>,
    /// Token exchanged for an access token at the registry's token service.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "secret::expose")]
    pub identitytoken: Option<Secret>,
}
