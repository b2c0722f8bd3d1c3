//! Where things are on the host, and what the service is told by its unit. Tests make a whole host in a
//! directory.

use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::network::Layout;

/// The OCI runtimes, the better first: crun makes a container in half of runc's time (docs/decisions).
const RUNTIMES: [&str; 2] = ["/usr/bin/crun", "/usr/bin/runc"];

/// Overrides the OCI runtime: for measurements.
const RUNTIME_VARIABLE: &str = "GANTRY_OCI_RUNTIME";

/// How many files a container's process may have open: the kernel's own bound (fs.nr_open), which is also
/// what containerd runs with on other systems.
const OPEN_FILES: u64 = 1 << 20;

/// Places and programs.
#[derive(Debug, Clone)]
pub struct Host {
    /// What to run: written by `configure`.
    pub workloads: PathBuf,
    /// containerd's socket.
    pub socket: PathBuf,
    /// containerd's snapshotter.
    pub snapshotter: String,
    /// Program of the OCI runtime.
    pub runtime: String,
    /// Its state.
    pub runtime_root: PathBuf,
    /// Parent of the containers' control groups, from the root of the hierarchy.
    pub cgroup: String,
    /// How many files a container's process may have open.
    pub open_files: u64,
    /// One directory per container: named pipes, hosts, resolv.conf. Not kept over a reboot.
    pub run: PathBuf,
    /// Named volumes.
    pub volumes: PathBuf,
    /// The containers' logs.
    pub logs: PathBuf,
    /// The host's own hosts and resolv.conf.
    pub etc: PathBuf,
    /// Authorities that registries are trusted by, PEM: the image's, and those that settings add.
    pub authorities: [PathBuf; 2],
    /// Tells one boot from another.
    pub boot_id: PathBuf,
    /// Where the network's files are.
    pub network: Layout,
}

impl Host {
    /// The host we run on.
    pub fn this() -> Self {
        let runtime = std::env::var(RUNTIME_VARIABLE).ok().filter(|path| !path.is_empty());
        let runtime = runtime.unwrap_or_else(|| {
            RUNTIMES.into_iter().find(|path| Path::new(path).exists()).unwrap_or(RUNTIMES[1]).to_owned()
        });
        Host {
            workloads: "/run/gantry/containers.json".into(),
            socket: "/run/containerd/containerd.sock".into(),
            snapshotter: "overlayfs".into(),
            runtime,
            runtime_root: "/run/gantry/oci".into(),
            cgroup: "/containers".into(),
            open_files: open_files(),
            run: "/run/gantry/containers".into(),
            volumes: "/var/lib/gantry/volumes".into(),
            logs: "/var/log/containers".into(),
            etc: "/etc".into(),
            authorities: ["/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs/settings.pem"]
                .map(PathBuf::from),
            boot_id: "/proc/sys/kernel/random/boot_id".into(),
            network: Layout::default(),
        }
    }

    /// The directory of one container.
    pub fn run_of(&self, container: &str) -> PathBuf {
        self.run.join(container)
    }
}

/// As many as we can raise our own limit to: more, an OCI runtime could not set for a container either.
fn open_files() -> u64 {
    let wanted = Some(OPEN_FILES);
    // Refused where we may not raise limits; then the limit is what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: wanted });
    getrlimit(Resource::Nofile).maximum.map_or(OPEN_FILES, |limit| limit.min(OPEN_FILES))
}
