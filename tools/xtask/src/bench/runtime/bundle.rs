//! The container: `/bin/true` of busybox with what every container has and nothing more.
//!
//! No resource limits: they would measure the host's controllers. No `selinuxLabel`: crun takes an empty one literally.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::place::CGROUP;

/// Where it lies in the root.
pub const PLACE: &str = "/bundle";

/// Makes the bundle in `folder`.
pub fn write(folder: &Path) -> Result<()> {
    let rootfs = folder.join("rootfs");
    // Those it mounts on are there, as in an image, so that no runtime has to make them.
    for inner in ["bin", "proc", "dev", "sys"] {
        fs::create_dir_all(rootfs.join(inner))?;
    }
    fs::copy("/usr/bin/busybox", rootfs.join("bin/busybox")).context("cannot copy busybox")?;
    symlink("busybox", rootfs.join("bin/true"))?;
    let config = folder.join("config.json");
    fs::write(&config, format!("{:#}\n", config_json()))
        .with_context(|| format!("cannot write {}", config.display()))
}

fn config_json() -> Value {
    let mount = |destination: &str, kind: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": kind, "options": options });
    let namespaces = ["pid", "mount", "ipc", "uts", "network"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": ["/bin/true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": { "bounding": [], "effective": [], "permitted": [] },
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "bench",
        "mounts": [
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=64k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=64k"]),
            mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        ],
        "linux": {
            "cgroupsPath": format!("/{CGROUP}/true"),
            "namespaces": namespaces,
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}
