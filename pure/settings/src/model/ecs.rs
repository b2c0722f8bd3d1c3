//! `settings.ecs`.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::read::group;
use crate::scalar::{
    AttributeName, AttributeValue, BackendHost, EcsCluster, GoDuration, LoggingDriver, Whole, choice,
};

/// A number the agent takes as an int, from 1.
pub type Positive = Whole<1, 0x7fff_ffff>;

group! {
    /// The ECS agent.
    pub struct Ecs {
        /// The cluster to join: its name or ARN. Default: the account's default cluster.
        pub cluster: Option<EcsCluster> = "cluster",
        /// Attributes of the container instance, for placing tasks.
        pub instance_attributes: BTreeMap<AttributeName, AttributeValue> = "instance-attributes",
        /// Tasks may run privileged containers. Default false.
        pub allow_privileged_containers: Option<bool> = "allow-privileged-containers",
        /// Logging drivers that tasks may name. Default: `json-file`, `awslogs`, `none`.
        pub logging_drivers: Option<Vec<LoggingDriver>> = "logging-drivers",
        /// How much the agent logs. Default `info`.
        pub loglevel: Option<AgentLogLevel> = "loglevel",
        /// Before a spot instance is taken away, its tasks move elsewhere. Default false.
        pub enable_spot_instance_draining: Option<bool> = "enable-spot-instance-draining",
        /// When images are pulled.
        pub image_pull_behavior: Option<ImagePullBehavior> = "image-pull-behavior",
        /// How long a container has to stop before it is killed. Default 30s.
        pub container_stop_timeout: Option<GoDuration> = "container-stop-timeout",
        /// How long a stopped task's containers are kept. Default 3h.
        pub task_cleanup_wait: Option<GoDuration> = "task-cleanup-wait",
        /// Requests per second that a task may make of the metadata service. Default 40.
        pub metadata_service_rps: Option<Positive> = "metadata-service-rps",
        /// Requests at once, above the rate. Default 60.
        pub metadata_service_burst: Option<Positive> = "metadata-service-burst",
        /// Memory, in MiB, that tasks do not get.
        pub reserved_memory: Option<Whole<0, 65_535>> = "reserved-memory",
        /// Images that no task uses any more are removed. Default true.
        pub image_cleanup_enabled: Option<bool> = "image-cleanup-enabled",
        /// How long between two clean-ups. Default 30m; the agent takes less than 10m for that.
        pub image_cleanup_wait: Option<GoDuration> = "image-cleanup-wait",
        /// How old an image must be to be removed. Default 1h.
        pub image_cleanup_age: Option<GoDuration> = "image-cleanup-age",
        /// Images removed in one clean-up. Default 5.
        pub image_cleanup_delete_per_cycle: Option<Positive> = "image-cleanup-delete-per-cycle",
        /// The ECS endpoint, a URL or `HOST[:PORT]`. Default: the region's.
        pub backend_host: Option<BackendHost> = "backend-host",
        /// Tasks with their own network cannot reach the instance's metadata. Default false.
        pub awsvpc_block_imds: Option<bool> = "awsvpc-block-imds",
        /// Containers find a file that describes them. Default false.
        pub enable_container_metadata: Option<bool> = "enable-container-metadata",
    }
}

choice! {
    /// How much the agent logs.
    pub enum AgentLogLevel {
        /// Everything.
        Debug = "debug",
        /// What it does.
        Info = "info",
        /// What may be wrong.
        Warn = "warn",
        /// What is wrong.
        Error = "error",
        /// What it dies of.
        Crit = "crit",
    }
}

choice! {
    /// When images are pulled.
    pub enum ImagePullBehavior {
        /// For each task; a copy at hand serves if that fails.
        Default = "default",
        /// For each task, or it fails.
        Always = "always",
        /// Unless an earlier task has pulled it.
        Once = "once",
        /// Unless there is a copy.
        PreferCached = "prefer-cached",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;

    #[test]
    fn choices_take_what_bottlerocket_takes() {
        accepts::<AgentLogLevel>(
            &["debug", "info", "warn", "error", "crit"],
            &["", "warning", "errors", " "],
        );
        accepts::<ImagePullBehavior>(
            &["default", "always", "once", "prefer-cached"],
            &["", "never", "tomorrow"],
        );
    }
}
