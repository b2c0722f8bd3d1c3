//! `settings.aws`, `settings.autoscaling`, `settings.cloudformation` and `settings.metrics`: the services of a cloud
//! that a host talks to.

use alloc::vec::Vec;

use crate::read::group;
use crate::scalar::{AwsProfile, File64, Region, SecretFile64, ServiceName, SingleLine, Url};

group! {
    /// How the host's programs use AWS.
    pub struct Aws {
        /// The region. Found out on EC2 when it is not set.
        pub region: Option<Region> = "region",
        /// The file `config` of AWS's tools, in base64.
        pub config: Option<File64> = "config",
        /// The file `credentials` of AWS's tools, in base64.
        pub credentials: Option<SecretFile64> = "credentials",
        /// The profile to take from those files.
        pub profile: Option<AwsProfile> = "profile",
    }
}

group! {
    /// Whether the host waits for its place in an autoscaling group.
    pub struct Autoscaling {
        /// Wait in the warm pool before the orchestrator starts. Default false.
        pub should_wait: Option<bool> = "should-wait",
    }
}

group! {
    /// Whom to tell that the host is up.
    pub struct Cloudformation {
        /// Tell CloudFormation. Default false.
        pub should_signal: Option<bool> = "should-signal",
        /// The stack.
        pub stack_name: Option<SingleLine> = "stack-name",
        /// The resource of the stack.
        pub logical_resource_id: Option<SingleLine> = "logical-resource-id",
    }
}

group! {
    /// What the host tells about its health.
    pub struct Metrics {
        /// Where to.
        pub metrics_url: Option<Url> = "metrics-url",
        /// Tell it. Default false.
        pub send_metrics: Option<bool> = "send-metrics",
        /// The services to tell about.
        pub service_checks: Option<Vec<ServiceName>> = "service-checks",
    }
}
