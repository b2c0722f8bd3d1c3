//! `settings.container-runtime` and `settings.oci-defaults`: how containers of the orchestrator are run.

use alloc::collections::BTreeMap;

use crate::read::{Reader, group};
use crate::scalar::{ByteSize, Capability, ResourceKind, ResourceLimit, Whole, choice};
use crate::tree::Table;

choice! {
    /// How image layers become a root file system.
    pub enum Snapshotter {
        /// The kernel's overlayfs.
        Overlayfs = "overlayfs",
        /// Loaded while they are used.
        Soci = "soci",
    }
}

choice! {
    /// How much containerd says.
    pub enum RuntimeLogLevel {
        /// Everything.
        Trace = "trace",
        /// For those who look for a fault.
        Debug = "debug",
        /// What happens.
        Info = "info",
        /// What may go wrong.
        Warn = "warn",
        /// What went wrong.
        Error = "error",
        /// What ends it.
        Fatal = "fatal",
        /// What breaks it.
        Panic = "panic",
    }
}

group! {
    /// Settings of containerd.
    pub struct ContainerRuntime {
        /// Longest line of a container's log, in bytes; longer ones are split. -1 is no bound.
        pub max_container_log_line_size: Option<Whole<-1, 2_147_483_647>> = "max-container-log-line-size",
        /// Downloads of image layers at the same time; 0 is no bound.
        pub max_concurrent_downloads: Option<Whole<0, 2_147_483_647>> = "max-concurrent-downloads",
        /// Unpackings of image layers at the same time.
        pub max_concurrent_unpacks: Option<Whole<1, 2_147_483_647>> = "max-concurrent-unpacks",
        /// Size of the pieces in which a layer is downloaded at the same time.
        pub concurrent_download_chunk_size: Option<ByteSize> = "concurrent-download-chunk-size",
        /// Containers may listen to ports below 1024 without a right of their own. Default false.
        pub enable_unprivileged_ports: Option<bool> = "enable-unprivileged-ports",
        /// Containers may send ICMP echo requests without a right of their own. Default false.
        pub enable_unprivileged_icmp: Option<bool> = "enable-unprivileged-icmp",
        /// How image layers become a root file system. Default `overlayfs`.
        pub snapshotter: Option<Snapshotter> = "snapshotter",
        /// How much containerd says. Default `info`.
        pub log_level: Option<RuntimeLogLevel> = "log-level",
    }
}

group! {
    /// What a container may do when it does not say itself.
    pub struct OciDefaults {
        /// Rights that containers have (`true`) or not.
        pub capabilities: BTreeMap<Capability, bool> = "capabilities",
        /// Limits of each process.
        pub resource_limits: BTreeMap<ResourceKind, Limit> = "resource-limits",
    }
}

group! {
    /// A limit of a process. Both are required.
    pub struct Limit {
        /// The limit a process can raise its own to.
        pub hard: Option<ResourceLimit> = "hard",
        /// The limit it starts with, not above `hard`.
        pub soft: Option<ResourceLimit> = "soft",
    }
    as record
    requires "hard", "soft"
    check Limit::check
}

impl Limit {
    fn check(&self, table: &Table, at: &mut Reader) {
        if let (Some(hard), Some(soft), Some(node)) = (self.hard, self.soft, table.get("soft"))
            && soft > hard
        {
            at.at_key("soft", |at| at.problem(node, "above hard"));
        }
    }
}
