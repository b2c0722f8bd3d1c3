//! Where things are on the host. Tests make a whole host in a directory.

use std::path::{Path, PathBuf};

/// Places.
#[derive(Debug, Clone)]
pub struct Host {
    /// The directory that stands for `/`.
    pub root: PathBuf,
    /// Where we listen.
    pub socket: PathBuf,
    /// PID 1's control socket.
    pub init: PathBuf,
    /// The image's own settings.
    pub defaults: PathBuf,
    /// The generations.
    pub store: PathBuf,
    /// The generation that the store names and that was undone, if the store would not take that.
    pub owed: PathBuf,
    /// What `configure` found wrong with user data.
    pub configured: PathBuf,
    /// The host's log.
    pub log: PathBuf,
    /// The host's name, from the kernel.
    pub hostname: PathBuf,
    /// What release this is.
    pub release: PathBuf,
    /// The host's own authority of certificates.
    pub identity: PathBuf,
    /// The console, for the first administrator's certificate.
    pub console: PathBuf,
    /// The record of calls.
    pub audit: PathBuf,
}

impl Host {
    /// The host we run on.
    pub fn this() -> Self {
        Host::in_root(Path::new("/"))
    }

    /// A host whose files lie under `root`.
    pub fn in_root(root: &Path) -> Self {
        Host {
            root: root.to_owned(),
            socket: root.join("run/api.sock"),
            init: root.join("run/gantry/init.sock"),
            defaults: root.join("usr/share/gantry/defaults.toml"),
            store: root.join("state/settings"),
            owed: root.join("run/gantry/undo-owed"),
            configured: root.join("run/gantry/configure.json"),
            log: root.join("var/log/host.log"),
            hostname: root.join("proc/sys/kernel/hostname"),
            release: root.join("usr/lib/os-release"),
            identity: root.join("state/identity/api"),
            console: root.join("dev/console"),
            audit: root.join("state/audit"),
        }
    }
}
