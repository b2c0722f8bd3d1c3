//! Docker's configuration, `/etc/docker/daemon.json`.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use settings::Settings;
use settings::scalar::ResourceLimit;

use crate::plan::{Out, json};
use crate::{Error, Facts};

const PATH: &str = "/etc/docker/daemon.json";

pub(super) const READS: &[&str] = &["container-registry.mirrors", "oci-defaults.resource-limits"];

/// The only registry that Docker asks mirrors for.
const HUB: &str = "docker.io";

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Config {
    data_root: &'static str,
    /// The host's containerd, not one of Docker's own.
    containerd: &'static str,
    /// Containers live on when Docker is restarted for new settings.
    live_restore: bool,
    log_driver: &'static str,
    log_opts: BTreeMap<&'static str, &'static str>,
    max_concurrent_downloads: u32,
    storage_driver: &'static str,
    selinux_enabled: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    registry_mirrors: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    default_ulimits: BTreeMap<String, Ulimit>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Ulimit {
    name: String,
    hard: i64,
    soft: i64,
}

pub(super) fn render(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let config = Config {
        data_root: "/var/lib/docker",
        containerd: "/run/containerd/containerd.sock",
        live_restore: true,
        // Bounded, or one talkative container fills the disk.
        log_driver: "json-file",
        log_opts: BTreeMap::from([("max-file", "5"), ("max-size", "10m")]),
        max_concurrent_downloads: 10,
        storage_driver: "overlay2",
        selinux_enabled: true,
        registry_mirrors: settings.container_registry.mirrors_of(HUB).to_vec(),
        default_ulimits: ulimits(settings),
    };
    out.public(PATH, json(PATH, &config)?);
    Ok(())
}

/// Limits that have both sides. Docker's names are the kernel's without `RLIMIT_`, in lower case.
fn ulimits(settings: &Settings) -> BTreeMap<String, Ulimit> {
    let limits = settings.oci_defaults.resource_limits.iter().filter_map(|(kind, limit)| {
        let name = kind.kernel_name().trim_start_matches("RLIMIT_").to_ascii_lowercase();
        let (hard, soft) = (number(limit.hard?), number(limit.soft?));
        Some((name.clone(), Ulimit { name, hard, soft }))
    });
    limits.collect()
}

fn number(limit: ResourceLimit) -> i64 {
    match limit {
        ResourceLimit::AtMost(number) => number,
        ResourceLimit::Unlimited => -1,
    }
}
