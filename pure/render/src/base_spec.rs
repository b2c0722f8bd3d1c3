//! What containerd's CRI plugin starts from when it makes a container: containerd 1.7's own default, with what settings say of
//! rights and limits.
//!
//! The document is the OCI runtime specification's `config.json`; CRI adds what the pod asks for.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use serde_json::{Value, json};
use settings::Settings;
use settings::model::OciDefaults;
use settings::scalar::ResourceLimit;

use crate::plan::{Out, json};
use crate::{Error, Facts, Renderer, Variant};

/// For containerd's configuration.
pub(crate) const PATH: &str = "/etc/containerd/cri-base.json";

pub(crate) const RENDERERS: &[Renderer] = &[Renderer {
    name: "containerd-base-spec",
    reads: &["oci-defaults"],
    // It reads the file once.
    units: &["containerd"],
    variants: &[Variant::Kubernetes],
    render,
}];

/// Docker's fourteen, which images are written for.
const CAPABILITIES: &[&str] = &[
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// What of /proc and /sys says too much of the host, or changes it.
const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
    "/proc/scsi",
];
const READ_ONLY: &[&str] = &["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

#[derive(Serialize)]
struct Limit {
    r#type: &'static str,
    hard: u64,
    soft: u64,
}

fn render(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    out.public(PATH, json(PATH, &spec(&settings.oci_defaults))?);
    Ok(())
}

fn spec(defaults: &OciDefaults) -> Value {
    let capabilities = capabilities(defaults);
    json!({
        "ociVersion": "1.1.0",
        "process": {
            "user": { "uid": 0, "gid": 0 },
            "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
            "rlimits": limits(defaults),
        },
        "root": { "path": "rootfs" },
        "mounts": [
            mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            mount("/run", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ],
        "linux": {
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
            "namespaces": [
                { "type": "pid" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }, { "type": "network" },
            ],
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
        },
    })
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": source, "options": options })
}

/// The fourteen, with those that settings give and without those that they take.
fn capabilities(defaults: &OciDefaults) -> BTreeSet<String> {
    let mut held: BTreeSet<String> = CAPABILITIES.iter().map(ToString::to_string).collect();
    for (capability, has) in &defaults.capabilities {
        match has {
            true => held.insert(capability.kernel_name().to_string()),
            false => held.remove(&capability.kernel_name().to_string()),
        };
    }
    held
}

/// Those of settings that have both sides; else containerd's own for open files.
fn limits(defaults: &OciDefaults) -> Vec<Limit> {
    const OPEN_FILES: &str = "RLIMIT_NOFILE";
    let limits = defaults.resource_limits.iter().filter_map(|(kind, limit)| {
        Some(Limit { r#type: kind.kernel_name(), hard: number(limit.hard?), soft: number(limit.soft?) })
    });
    let mut limits: Vec<Limit> = limits.collect();
    if limits.iter().all(|limit| limit.r#type != OPEN_FILES) {
        limits.push(Limit { r#type: OPEN_FILES, hard: 1024, soft: 1024 });
    }
    limits
}

/// RLIM_INFINITY is the largest number there is.
fn number(limit: ResourceLimit) -> u64 {
    match limit {
        ResourceLimit::AtMost(number) => u64::try_from(number).unwrap_or(0),
        ResourceLimit::Unlimited => u64::MAX,
    }
}
