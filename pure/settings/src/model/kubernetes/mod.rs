//! `settings.kubernetes`.
//!
//! KubernetesKeys and their names are Bottlerocket's; the rules of values are those plus the kubelet's own, because a kubelet that
//! refuses its configuration takes the node from its cluster. Which key ends up where, and since which kubelet, is
//! `render`'s business.

mod checks;
mod choice;
mod parts;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::Deref;

pub use choice::{
    AuthenticationMode, CloudProvider, CpuManagerOption, CpuManagerPolicy, EvictionSignal, HostnameSource,
    MemoryManagerPolicy, MemoryReservationPolicy, SwapBehavior, TopologyPolicy, TopologyScope,
};
pub use parts::{
    CredentialProvider, IdsPerPod, NumaReservation, OneOrMany, Reserved, StaticPod, Taints, TopologyOptions,
};

use crate::read::{Reader, Setting, group};
use crate::scalar::{
    AtLeast, BootstrapToken, Certificates, ClusterName, CpuSet, Fraction, GoDuration, Hostname, Identifier,
    ImageRef, LabelKey, LabelValue, NodeLabelKey, NumaNode, Percent, PrivateKey, ProviderId, Quantity,
    RuntimeEndpoint, Threshold, UnsafeSysctl, Url, Whole,
};
use crate::shape::Shape;
use crate::tree::Node;
use crate::value::Value;

/// What the kubelet's configuration holds in 32 bits, from 0.
pub type Count32 = Whole<0, 0x7fff_ffff>;

/// The same, from 1.
pub type Some32 = Whole<1, 0x7fff_ffff>;

/// The keys, read one by one and then checked against each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubernetes(KubernetesKeys);

impl Deref for Kubernetes {
    type Target = KubernetesKeys;

    fn deref(&self) -> &KubernetesKeys {
        &self.0
    }
}

impl Setting for Kubernetes {
    fn shape() -> Shape {
        KubernetesKeys::shape()
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let mut keys = KubernetesKeys::read(node, at)?;
        checks::check(&mut keys, at.table(node)?, at);
        Some(Kubernetes(keys))
    }

    fn write(&self) -> Option<Value> {
        self.0.write()
    }
}

group! {
    /// The kubelet and how it joins its cluster.
    pub struct KubernetesKeys {
        /// The cluster's name.
        pub cluster_name: Option<ClusterName> = "cluster-name",
        /// The URL of the cluster's API server.
        pub api_server: Option<Url> = "api-server",
        /// The certificates of the authority that signed the API server's.
        pub cluster_certificate: Option<Certificates> = "cluster-certificate",
        /// The domain of the cluster's services. Default `cluster.local`.
        pub cluster_domain: Option<Hostname> = "cluster-domain",
        /// The DNS servers of pods, one or a list.
        pub cluster_dns_ip: Option<OneOrMany<IpAddr>> = "cluster-dns-ip",
        /// How the kubelet proves who it is: `aws` (default), by the instance's role; `tls`, by a certificate that it asks
        /// for with `bootstrap-token`.
        pub authentication_mode: Option<AuthenticationMode> = "authentication-mode",
        /// What a kubelet asks for its first certificate with; only for `authentication-mode = "tls"`.
        pub bootstrap_token: Option<BootstrapToken> = "bootstrap-token",
        /// The kubelet has no API server and runs `static-pods` only. Default false.
        pub standalone_mode: Option<bool> = "standalone-mode",
        /// `external`: a controller in the cluster looks after cloud matters. Empty: nobody does. `aws`: the
        /// kubelet itself before Kubernetes 1.27, the same as `external` since. Default: `aws` with
        /// `authentication-mode = "aws"`, else empty.
        pub cloud_provider: Option<CloudProvider> = "cloud-provider",
        /// The kubelet asks the API server for its server certificate too. Default true unless `standalone-mode`.
        pub server_tls_bootstrap: Option<bool> = "server-tls-bootstrap",
        /// The kubelet's server certificate, with `server-key`; no other is asked for then.
        pub server_certificate: Option<Certificates> = "server-certificate",
        /// The private key of `server-certificate`.
        pub server_key: Option<PrivateKey> = "server-key",

        /// Labels of the node. Those in kubernetes.io and k8s.io are the API server's to set, with few exceptions.
        pub node_labels: BTreeMap<NodeLabelKey, LabelValue> = "node-labels",
        /// Taints of the node, by key: `[VALUE]:EFFECT`, one or a list.
        pub node_taints: BTreeMap<LabelKey, Taints> = "node-taints",
        /// The node's address. Default: generated.
        pub node_ip: Option<IpAddr> = "node-ip",
        /// The node's name in place of the host's. Default: generated where the cloud wants another one.
        pub hostname_override: Option<Hostname> = "hostname-override",
        /// What `hostname-override` is generated from.
        pub hostname_override_source: Option<HostnameSource> = "hostname-override-source",
        /// How the cloud knows the node. Default: generated.
        pub provider_id: Option<ProviderId> = "provider-id",
        /// How many pods the node takes. Default: generated, or 110.
        pub max_pods: Option<Count32> = "max-pods",

        /// Pods that the kubelet runs without being asked by an API server, by name.
        pub static_pods: BTreeMap<Identifier, StaticPod> = "static-pods",
        /// `false`: `static-pods` are not run. Default true.
        pub static_pods_enabled: Option<bool> = "static-pods-enabled",

        /// What must be left of something before pods are stopped at once. What is not named keeps its default:
        /// `memory.available` 100Mi, `nodefs.available` 10%, `nodefs.inodesFree` 5%, `imagefs.available` 15%.
        pub eviction_hard: BTreeMap<EvictionSignal, Threshold> = "eviction-hard",
        /// The same with patience: pods are stopped when it lasts for `eviction-soft-grace-period`, which each needs.
        pub eviction_soft: BTreeMap<EvictionSignal, Threshold> = "eviction-soft",
        /// How long a signal of `eviction-soft` must last.
        pub eviction_soft_grace_period: BTreeMap<EvictionSignal, GoDuration> = "eviction-soft-grace-period",
        /// Seconds that a pod stopped for `eviction-soft` has for its end.
        pub eviction_max_pod_grace_period: Option<Count32> = "eviction-max-pod-grace-period",

        /// What is kept from pods for kubelet and container runtime. Default: by the machine's size and `max-pods`.
        pub kube_reserved: Reserved = "kube-reserved",
        /// What is kept from pods for the rest of the system. Default: nothing.
        pub system_reserved: Reserved = "system-reserved",
        /// CPUs that no pod gets for itself alone, in place of amounts in `kube-reserved` and `system-reserved`.
        pub reserved_cpus: Option<CpuSet> = "reserved-cpus",
        /// `TieredReservation`: what pods request is protected memory. From Kubernetes 1.36 on.
        pub memory_reservation_policy: Option<MemoryReservationPolicy> = "memory-reservation-policy",
        /// From which part of its limit a container's memory is throttled. From Kubernetes 1.22 on.
        pub memory_throttling_factor: Option<Fraction> = "memory-throttling-factor",

        /// Containers are held to their CPU limits. Default true.
        pub cpu_cfs_quota_enforced: Option<bool> = "cpu-cfs-quota-enforced",
        /// `static`: guaranteed pods that ask for whole CPUs have them for themselves.
        pub cpu_manager_policy: Option<CpuManagerPolicy> = "cpu-manager-policy",
        /// How often CPU assignments are put right. Default 10s.
        pub cpu_manager_reconcile_period: Option<GoDuration> = "cpu-manager-reconcile-period",
        /// How the `static` policy picks CPUs.
        pub cpu_manager_policy_options: Vec<CpuManagerOption> = "cpu-manager-policy-options",
        /// Whether devices and CPUs are kept together by container or by pod.
        pub topology_manager_scope: Option<TopologyScope> = "topology-manager-scope",
        /// How strictly they are kept together.
        pub topology_manager_policy: Option<TopologyPolicy> = "topology-manager-policy",
        /// Refinements of the policy.
        pub topology_manager_policy_options: TopologyOptions = "topology-manager-policy-options",
        /// `Static`: guaranteed pods have their memory on as few NUMA nodes as can be.
        pub memory_manager_policy: Option<MemoryManagerPolicy> = "memory-manager-policy",
        /// Memory of each NUMA node, by number, that the `Static` policy leaves to the system. Altogether as much as
        /// `kube-reserved`, `system-reserved` and the hard threshold for `memory.available`.
        pub memory_manager_reserved_memory: BTreeMap<NumaNode, NumaReservation> = "memory-manager-reserved-memory",
        /// Whether pods may use swap space. From Kubernetes 1.22 on.
        pub memory_swap_behavior: Option<SwapBehavior> = "memory-swap-behavior",
        /// Out of memory, one process of a container is killed and not all of them. From Kubernetes 1.32 on.
        pub single_process_oom_kill: Option<bool> = "single-process-oom-kill",

        /// Image pulls per second. 0: no limit.
        pub registry_qps: Option<Count32> = "registry-qps",
        /// Image pulls at once, above the rate.
        pub registry_burst: Option<Count32> = "registry-burst",
        /// Events per second. 0: no limit.
        pub event_qps: Option<Count32> = "event-qps",
        /// Events at once, above the rate.
        pub event_burst: Option<Count32> = "event-burst",
        /// Requests to the API server per second.
        pub kube_api_qps: Option<Count32> = "kube-api-qps",
        /// Requests at once, above the rate.
        pub kube_api_burst: Option<Count32> = "kube-api-burst",

        /// Size at which a container's log is rotated.
        pub container_log_max_size: Option<Quantity> = "container-log-max-size",
        /// Log files of one container.
        pub container_log_max_files: Option<Whole<2, 0x7fff_ffff>> = "container-log-max-files",
        /// Logs that are rotated side by side. From Kubernetes 1.30 on.
        pub container_log_max_workers: Option<Some32> = "container-log-max-workers",
        /// How often logs are looked at. From Kubernetes 1.30 on.
        pub container_log_monitor_interval: Option<AtLeast<3000, false>> = "container-log-monitor-interval",
        /// Percentage of the disk in use above which images are removed. Default 85.
        pub image_gc_high_threshold_percent: Option<Percent> = "image-gc-high-threshold-percent",
        /// Percentage of the disk in use down to which they are removed. Default 80.
        pub image_gc_low_threshold_percent: Option<Percent> = "image-gc-low-threshold-percent",
        /// How old an image must be before it is removed for space. Default 2m.
        pub image_minimum_gc_age: Option<GoDuration> = "image-minimum-gc-age",
        /// How long an unused image stays. 0s: for ever. From Kubernetes 1.30 on.
        pub image_maximum_gc_age: Option<GoDuration> = "image-maximum-gc-age",
        /// Images that are pulled side by side. Default: no limit. From Kubernetes 1.27 on.
        pub max_parallel_image_pulls: Option<Some32> = "max-parallel-image-pulls",
        /// The image of the container that holds a pod's namespaces.
        pub pod_infra_container_image: Option<ImageRef> = "pod-infra-container-image",

        /// Sysctls, or patterns of them, that pods may set although they can harm others on the node.
        pub allowed_unsafe_sysctls: Vec<UnsafeSysctl> = "allowed-unsafe-sysctls",
        /// Containers that name no seccomp profile get the runtime's. Default false. From Kubernetes 1.22 on.
        pub seccomp_default: Option<bool> = "seccomp-default",
        /// Devices in a container belong to the user it runs as. Default false.
        pub device_ownership_from_security_context: Option<bool> = "device-ownership-from-security-context",
        /// Processes of one pod. -1: no limit. Default 1048576.
        pub pod_pids_limit: Option<Whole<-1, { i64::MAX }>> = "pod-pids-limit",
        /// User IDs that a pod with its own user namespace has: a multiple of 65536. From Kubernetes 1.33 on.
        pub ids_per_pod: Option<IdsPerPod> = "ids-per-pod",
        /// Programs that log in to registries for the kubelet, by name.
        pub credential_providers: BTreeMap<Identifier, CredentialProvider> = "credential-providers",

        /// How long the kubelet holds a shutdown up for pods to end. 0s: not at all. Default 150s.
        pub shutdown_grace_period: Option<AtLeast<1000, true>> = "shutdown-grace-period",
        /// How much of that is for critical pods. Default 30s.
        pub shutdown_grace_period_for_critical_pods: Option<AtLeast<1000, true>> = "shutdown-grace-period-for-critical-pods",
        /// How much the kubelet logs. Default 2.
        pub log_level: Option<Whole<0, 255>> = "log-level",
        /// Where the container runtime listens. Default `unix:///run/containerd/containerd.sock`.
        pub container_runtime_endpoint: Option<RuntimeEndpoint> = "container-runtime-endpoint",
    }
}

impl KubernetesKeys {
    /// How many pods the node takes.
    pub fn pods(&self) -> u64 {
        self.max_pods.map_or(110, |pods| pods.get().unsigned_abs())
    }

    /// Memory kept for kubelet and container runtime, bytes: what is set, or (as Bottlerocket has it) 255 MiB and 11 MiB for
    /// each pod.
    pub fn kube_memory_bytes(&self) -> u64 {
        match &self.kube_reserved.memory {
            Some(memory) => memory.units(),
            None => (255 + 11 * self.pods()) << 20,
        }
    }
}
