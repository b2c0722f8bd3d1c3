//! containerd 1.7's configuration (its format version 2) and, for CRI, hosts.toml of each mirrored registry.
//!
//! Only what differs from containerd's defaults is written. Our `containers` service brings mirrors and
//! credentials with each pull, so without CRI none of that is here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Serialize, Serializer};
use settings::containers::{Credential, Registry};

use crate::{Error, Facts, Rendered};

const CONFIG: &str = "/etc/containerd/config.toml";
const CERTS_D: &str = "/etc/containerd/certs.d";
const CRI: &str = "io.containerd.grpc.v1.cri";
/// Hooks into what CRI does, so nothing without it.
const NRI: &str = "io.containerd.nri.v1.nri";

/// Plugins that cannot work here or have nothing to do, each a cost at every start: they probe, log or poll.
const NEVER: &[&str] = &[
    // Snapshotters: images are unpacked with overlayfs on ext4, and there are no programs for these.
    "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.blockfile",
    "io.containerd.snapshotter.v1.btrfs",
    "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.native",
    "io.containerd.snapshotter.v1.zfs",
    // Would make /opt/containerd, on a read-only root.
    "io.containerd.internal.v1.opt",
    // Restarts containers by label every 10 s; here `containers` (or the kubelet) decides about restarts.
    "io.containerd.internal.v1.restart",
    // Traces go nowhere.
    "io.containerd.internal.v1.tracing",
    "io.containerd.tracing.processor.v1.otlp",
    // Not here, although dead: io.containerd.runtime.v1.linux. Without it the tasks service does not load.
];

#[derive(Serialize)]
struct Config {
    version: u8,
    root: &'static str,
    state: &'static str,
    oom_score: i32,
    disabled_plugins: Vec<&'static str>,
    grpc: Socket,
    debug: Debug,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    plugins: BTreeMap<&'static str, Plugin>,
}

#[derive(Serialize)]
struct Socket {
    address: &'static str,
}

#[derive(Serialize)]
struct Debug {
    level: &'static str,
}

#[derive(Serialize)]
struct Plugin {
    registry: CriRegistry,
}

#[derive(Serialize)]
struct CriRegistry {
    config_path: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    configs: BTreeMap<String, CriRegistryConfig>,
}

#[derive(Serialize)]
struct CriRegistryConfig {
    auth: Auth,
}

/// Exposes secrets: its file is 0600.
#[derive(Serialize)]
struct Auth {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identitytoken: Option<String>,
}

/// `/etc/containerd/config.toml`, 0600 in every case, because it may hold passwords and only containerd reads it.
pub(crate) fn config(registry: &Registry, facts: Facts) -> Result<Vec<Rendered>, Error> {
    let mut disabled_plugins = NEVER.to_vec();
    let mut plugins = BTreeMap::new();
    if facts.cri {
        let configs = registry.credentials.iter().map(|credential| {
            (server(&credential.registry).to_string(), CriRegistryConfig { auth: auth(credential) })
        });
        plugins.insert(
            CRI,
            Plugin { registry: CriRegistry { config_path: CERTS_D, configs: configs.collect() } },
        );
    } else {
        disabled_plugins.extend([CRI, NRI]);
    }
    let config = Config {
        version: 2,
        root: "/var/lib/containerd",
        state: "/run/containerd",
        // As for its unit: losing containerd to memory pressure would lose every container's supervision.
        oom_score: -999,
        disabled_plugins,
        grpc: Socket { address: "/run/containerd/containerd.sock" },
        // At its default level (info) containerd prints some fifty lines per start, onto a console that may
        // be a slow serial line.
        debug: Debug { level: "warn" },
        plugins,
    };
    let text = toml::to_string(&config).map_err(|err| Error::Toml { path: CONFIG, err })?;
    Ok(Vec::from([Rendered::secret(CONFIG, text)]))
}

fn auth(credential: &Credential) -> Auth {
    let exposed =
        |secret: &Option<settings::scalar::Secret>| secret.as_ref().map(|secret| secret.expose().into());
    Auth {
        username: credential.username.clone(),
        password: exposed(&credential.password),
        auth: exposed(&credential.auth),
        identitytoken: exposed(&credential.identitytoken),
    }
}

#[derive(Serialize)]
struct Hosts {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(serialize_with = "in_order")]
    host: Vec<(String, Host)>,
}

#[derive(Serialize)]
struct Host {
    capabilities: [&'static str; 2],
}

/// A table whose entries keep the order they have, which here is the order in which containerd tries them.
fn in_order<S: Serializer>(entries: &[(String, Host)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
}

/// `hosts.toml` of each registry that has mirrors.
pub(crate) fn mirrors(registry: &Registry, facts: Facts) -> Result<Vec<Rendered>, Error> {
    let mirrors = registry.mirrors.iter().filter(|_| facts.cri);
    mirrors
        .map(|mirror| {
            let fallback = mirror.registry == "*";
            let dir = if fallback { "_default" } else { mirror.registry.as_str() };
            let server = (!fallback).then(|| format!("https://{}", server(&mirror.registry)));
            let host = |url: &String| (url.clone(), Host { capabilities: ["pull", "resolve"] });
            let hosts = Hosts { server, host: mirror.endpoint.iter().map(host).collect() };
            let text = toml::to_string(&hosts).map_err(|err| Error::Toml { path: "hosts.toml", err })?;
            Ok(Rendered::public(&format!("{CERTS_D}/{dir}/hosts.toml"), text))
        })
        .collect()
}

/// Where a registry's API is. Docker Hub's is not at the name its images carry.
fn server(registry: &str) -> &str {
    if registry == "docker.io" { "registry-1.docker.io" } else { registry }
}
