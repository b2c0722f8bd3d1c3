//! containerd 1.7's configuration (its format version 2) and, for CRI, hosts.toml of each mirrored registry.
//!
//! Only what differs from containerd's defaults is written. Our `containers` service brings mirrors and
//! credentials with each pull, so without CRI none of that is here.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Serialize, Serializer};
use settings::Settings;
use settings::containers::Credential;

use crate::plan::{Out, toml};
use crate::{Error, Facts, Renderer, Variant, base_spec};

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
    plugins: BTreeMap<&'static str, Cri>,
}

#[derive(Serialize)]
struct Socket {
    address: &'static str,
}

#[derive(Serialize)]
struct Debug {
    level: &'static str,
}

/// The CRI plugin. What is not set is left to its defaults.
#[derive(Serialize)]
struct Cri {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_container_log_line_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_downloads: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_unprivileged_ports: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enable_unprivileged_icmp: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_ownership_from_security_context: Option<bool>,
    /// The pause image. The kubelet's flag for it is gone since 1.35.
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_image: Option<String>,
    containerd: CriContainerd,
    registry: CriRegistry,
}

#[derive(Serialize)]
struct CriContainerd {
    runtimes: BTreeMap<&'static str, CriRuntime>,
}

/// An entry replaces the plugin's own whole, so what differs is not all that is written.
#[derive(Serialize)]
struct CriRuntime {
    runtime_type: &'static str,
    base_runtime_spec: &'static str,
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

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "containerd",
        reads: &["container-runtime.log-level"],
        units: &["containerd"],
        variants: &[Variant::Standalone, Variant::Ecs],
        render: config,
    },
    Renderer {
        name: "containerd",
        // What is settings of the CRI plugin has no effect where there is none.
        reads: &[
            "container-registry.credentials",
            "container-runtime.enable-unprivileged-icmp",
            "container-runtime.enable-unprivileged-ports",
            "container-runtime.log-level",
            "container-runtime.max-concurrent-downloads",
            "container-runtime.max-container-log-line-size",
            "kubernetes.device-ownership-from-security-context",
            "kubernetes.pod-infra-container-image",
        ],
        units: &["containerd"],
        variants: &[Variant::Kubernetes],
        render: config,
    },
    Renderer {
        name: "containerd-mirrors",
        reads: &["container-registry.mirrors"],
        // containerd reads them at each pull.
        units: &[],
        variants: &[Variant::Kubernetes],
        render: mirrors,
    },
];

/// `/etc/containerd/config.toml`, 0600 in every case, because it may hold passwords and only containerd reads it.
fn config(settings: &Settings, facts: &Facts, out: &mut Out) -> Result<(), Error> {
    let mut disabled_plugins = NEVER.to_vec();
    let mut plugins = BTreeMap::new();
    if facts.variant.cri() {
        plugins.insert(CRI, cri(settings));
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
        // At its own default level (info) containerd prints some fifty lines per start, onto a console that may
        // be a slow serial line.
        debug: Debug { level: settings.container_runtime.log_level.map_or("warn", |level| level.as_str()) },
        plugins,
    };
    out.secret(CONFIG, toml(CONFIG, &config)?);
    Ok(())
}

fn cri(settings: &Settings) -> Cri {
    let (runtime, registry) = (&settings.container_runtime, &settings.container_registry);
    let configs = registry.credentials.iter().map(|credential| {
        (server(&credential.registry).to_string(), CriRegistryConfig { auth: auth(credential) })
    });
    let runtime_of_all =
        CriRuntime { runtime_type: "io.containerd.runc.v2", base_runtime_spec: base_spec::PATH };
    Cri {
        max_container_log_line_size: runtime.max_container_log_line_size.map(|size| size.get()),
        max_concurrent_downloads: runtime.max_concurrent_downloads.map(|count| count.get()),
        enable_unprivileged_ports: runtime.enable_unprivileged_ports,
        enable_unprivileged_icmp: runtime.enable_unprivileged_icmp,
        containerd: CriContainerd { runtimes: BTreeMap::from([("runc", runtime_of_all)]) },
        device_ownership_from_security_context: settings.kubernetes.device_ownership_from_security_context,
        sandbox_image: settings.kubernetes.pod_infra_container_image.as_ref().map(ToString::to_string),
        registry: CriRegistry { config_path: CERTS_D, configs: configs.collect() },
    }
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
fn mirrors(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    for mirror in &settings.container_registry.mirrors {
        let fallback = mirror.registry == "*";
        let dir = if fallback { "_default" } else { mirror.registry.as_str() };
        let server = (!fallback).then(|| format!("https://{}", server(&mirror.registry)));
        let host = |url: &String| (url.clone(), Host { capabilities: ["pull", "resolve"] });
        let hosts = Hosts { server, host: mirror.endpoint.iter().map(host).collect() };
        let path = format!("{CERTS_D}/{dir}/hosts.toml");
        let text = toml(&path, &hosts)?;
        out.public(path, text);
    }
    Ok(())
}

/// Where a registry's API is. Docker Hub's is not at the name its images carry.
fn server(registry: &str) -> &str {
    if registry == "docker.io" { "registry-1.docker.io" } else { registry }
}
