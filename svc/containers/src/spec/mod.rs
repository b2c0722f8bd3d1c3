//! From settings and an image to an OCI runtime specification. Pure.
//!
//! Holds always: a container gets Docker's fourteen capabilities and no more, cannot gain privileges by exec,
//! sees none of the kernel's files that tell on or change the host, and makes only system calls of our list.
//! What it shares with the host is in its settings: mounts, ports, the host's network.

mod defaults;
mod seccomp;
#[cfg(test)]
mod tests;
mod types;
pub mod user;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use settings::containers::{Container, Network, Source};

use crate::image::Config;
use types::{
    Capabilities, Cpu, DeviceRule, Linux, Memory, Mount, Namespace, Pids, Process, Resources, Rlimit, Root,
};
pub use types::{Spec, User};

/// The scheduling period that CPU limits are counted in, microseconds. The kernel's default.
const CPU_PERIOD_US: u64 = 100_000;

/// A container dies before the host's services when memory ends (they are at 0 and below).
const OOM_SCORE_ADJ: i32 = 100;

/// What a specification is made from, besides the container's own settings.
#[derive(Debug)]
pub struct Place<'a> {
    /// The container's name: its host name and its control group.
    pub name: &'a str,
    /// Parent of its control group.
    pub cgroup: &'a str,
    /// What the image says.
    pub image: &'a Config,
    /// Who runs it.
    pub user: User,
    /// Its network namespace; `None` is the host's.
    pub netns: Option<&'a Path>,
    /// Files to mount over `/etc/hosts` and so on: where from, where to.
    pub files: &'a [(PathBuf, &'static str)],
    /// Where named volumes are.
    pub volumes: &'a Path,
    /// How many files a process may have open: hard limit and, since what a workload opens is up to it, soft
    /// limit.
    pub open_files: u64,
}

/// A container that cannot be specified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither the settings nor the image say what to run.
    #[error("neither the settings nor the image name a command")]
    NoCommand,
}

/// The specification for a container.
pub fn build(container: &Container, place: &Place<'_>) -> Result<Spec, Error> {
    let args = match &container.command {
        Some(command) => command.clone(),
        None => place.image.entrypoint.iter().chain(&place.image.cmd).cloned().collect(),
    };
    if args.first().is_none_or(String::is_empty) {
        return Err(Error::NoCommand);
    }
    let cwd = Some(&place.image.working_dir).filter(|dir| dir.starts_with('/')).map_or("/", String::as_str);
    Ok(Spec {
        oci_version: "1.1.0",
        process: Process {
            terminal: false,
            env: env(container, place),
            user: place.user.clone(),
            args,
            cwd: cwd.to_owned(),
            // Nothing inheritable or ambient: an exec by a user other than root leaves them all.
            capabilities: Capabilities {
                bounding: defaults::CAPABILITIES,
                effective: defaults::CAPABILITIES,
                permitted: defaults::CAPABILITIES,
            },
            rlimits: vec![Rlimit { kind: "RLIMIT_NOFILE", hard: place.open_files, soft: place.open_files }],
            no_new_privileges: true,
            oom_score_adj: OOM_SCORE_ADJ,
        },
        root: Root { path: "rootfs", readonly: container.read_only },
        hostname: place.netns.map(|_| place.name.to_owned()),
        mounts: mounts(container, place),
        linux: Linux {
            cgroups_path: format!("{}/{}", place.cgroup, place.name),
            namespaces: namespaces(place),
            masked_paths: defaults::MASKED_PATHS,
            readonly_paths: defaults::READONLY_PATHS,
            resources: resources(container),
            seccomp: seccomp::profile(),
            sysctl: sysctl(container.network),
        },
    })
}

/// The image's environment, then the settings' over it. A path and a home where neither names one, as every
/// runtime does.
fn env(container: &Container, place: &Place<'_>) -> Vec<String> {
    let own: BTreeMap<&str, &str> =
        container.env.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let image: Vec<(&str, &str)> = place.image.env.iter().filter_map(|pair| pair.split_once('=')).collect();
    let named = |key: &str| own.contains_key(key) || image.iter().any(|(known, _)| *known == key);
    let host_name = [("HOSTNAME", place.name)];
    let defaults =
        [("PATH", defaults::PATH)].into_iter().chain(host_name.into_iter().filter(|_| place.netns.is_some()));
    let defaults = defaults.filter(|(key, _)| !named(key));
    let inherited = image.iter().copied().filter(|(key, _)| !own.contains_key(key));
    let all = defaults.chain(inherited).chain(own.iter().map(|(key, value)| (*key, *value)));
    all.map(|(key, value)| format!("{key}={value}")).collect()
}

fn namespaces(place: &Place<'_>) -> Vec<Namespace> {
    let fresh = |kind| Namespace { kind, path: None };
    let mut namespaces = vec![fresh("pid"), fresh("ipc"), fresh("mount"), fresh("cgroup")];
    if let Some(netns) = place.netns {
        namespaces.push(fresh("uts"));
        namespaces.push(Namespace { kind: "network", path: Some(netns.display().to_string()) });
    }
    namespaces
}

fn mounts(container: &Container, place: &Place<'_>) -> Vec<Mount> {
    let mut mounts = defaults::mounts();
    for (source, destination) in place.files {
        mounts.push(bind(source.display().to_string(), (*destination).to_owned(), true));
    }
    for mount in &container.mounts {
        let source = source(&mount.source, place.volumes).display().to_string();
        mounts.push(bind(source, mount.destination.clone(), mount.read_only));
    }
    mounts
}

/// Where a mount comes from on the host.
pub fn source(source: &Source, volumes: &Path) -> PathBuf {
    match source {
        Source::Volume(name) => volumes.join(name),
        Source::Path(path) => path.into(),
    }
}

fn bind(source: String, destination: String, read_only: bool) -> Mount {
    let access = if read_only { "ro" } else { "rw" };
    Mount { destination, kind: "bind", source, options: vec!["rbind", "rprivate", "nosuid", "nodev", access] }
}

fn resources(container: &Container) -> Resources {
    let limits = &container.resources;
    Resources {
        // Runtimes allow /dev/null and its like by themselves.
        devices: vec![DeviceRule { allow: false, access: "rwm" }],
        // The specification counts swap and memory together: no swap.
        memory: limits.memory_bytes.map(|limit| Memory { limit, swap: limit }),
        cpu: limits.cpu_millis.map(|millis| Cpu {
            shares: (millis.saturating_mul(1024) / 1000).clamp(2, 262_144),
            // The kernel takes no quota below one millisecond.
            quota: (millis.saturating_mul(CPU_PERIOD_US) / 1000).max(1000),
            period: CPU_PERIOD_US,
        }),
        pids: limits.pids.map(|limit| Pids { limit }),
    }
}

/// In its own network a container may use any port and may ping without privileges, as under Docker.
fn sysctl(network: Network) -> BTreeMap<&'static str, &'static str> {
    match network {
        Network::Host => BTreeMap::new(),
        Network::Bridge => BTreeMap::from([
            ("net.ipv4.ip_unprivileged_port_start", "0"),
            ("net.ipv4.ping_group_range", "0 2147483647"),
        ]),
    }
}
