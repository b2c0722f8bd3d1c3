//! The kubelet's configuration file: which setting becomes which field.

mod fields;
mod gates;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::net::IpAddr;

use settings::Settings;
use settings::model::{
    AuthenticationMode, CpuManagerPolicy, EvictionSignal, Kubernetes, MemoryManagerPolicy,
};

use super::reserved;
use super::version::Minor;
use super::{
    CLUSTER_AUTHORITY, CONFIG, SERVER_CERTIFICATE, SERVER_KEY, STATIC_PODS, document, joins, runs_static_pods,
};
use crate::plan::Out;
use crate::{Error, Facts};
use fields::{
    Authentication, Authorization, Config, Enabled, MemorySwap, ReservedMemory, Taint, UserNamespaces, X509,
};
use gates::{cpu_options, feature_gates, swap};

pub(super) const READS: &[&str] = &[
    "kubernetes.allowed-unsafe-sysctls",
    "kubernetes.authentication-mode",
    "kubernetes.cluster-certificate",
    "kubernetes.cluster-dns-ip",
    "kubernetes.cluster-domain",
    "kubernetes.container-log-max-files",
    "kubernetes.container-log-max-size",
    "kubernetes.container-log-max-workers",
    "kubernetes.container-log-monitor-interval",
    "kubernetes.container-runtime-endpoint",
    "kubernetes.cpu-cfs-quota-enforced",
    "kubernetes.cpu-manager-policy",
    "kubernetes.cpu-manager-policy-options",
    "kubernetes.cpu-manager-reconcile-period",
    "kubernetes.credential-providers",
    "kubernetes.event-burst",
    "kubernetes.event-qps",
    "kubernetes.eviction-hard",
    "kubernetes.eviction-max-pod-grace-period",
    "kubernetes.eviction-soft",
    "kubernetes.eviction-soft-grace-period",
    "kubernetes.ids-per-pod",
    "kubernetes.image-gc-high-threshold-percent",
    "kubernetes.image-gc-low-threshold-percent",
    "kubernetes.image-maximum-gc-age",
    "kubernetes.image-minimum-gc-age",
    "kubernetes.kube-api-burst",
    "kubernetes.kube-api-qps",
    "kubernetes.kube-reserved",
    "kubernetes.max-parallel-image-pulls",
    "kubernetes.max-pods",
    "kubernetes.memory-manager-policy",
    "kubernetes.memory-manager-reserved-memory",
    "kubernetes.memory-reservation-policy",
    "kubernetes.memory-swap-behavior",
    "kubernetes.memory-throttling-factor",
    "kubernetes.node-ip",
    "kubernetes.node-taints",
    "kubernetes.pod-pids-limit",
    "kubernetes.provider-id",
    "kubernetes.registry-burst",
    "kubernetes.registry-qps",
    "kubernetes.reserved-cpus",
    "kubernetes.seccomp-default",
    "kubernetes.server-certificate",
    "kubernetes.server-key",
    "kubernetes.server-tls-bootstrap",
    "kubernetes.shutdown-grace-period",
    "kubernetes.shutdown-grace-period-for-critical-pods",
    "kubernetes.single-process-oom-kill",
    "kubernetes.standalone-mode",
    "kubernetes.static-pods-enabled",
    "kubernetes.system-reserved",
    "kubernetes.topology-manager-policy",
    "kubernetes.topology-manager-policy-options",
    "kubernetes.topology-manager-scope",
];

/// Forward secrecy and authenticated encryption, for the versions of TLS that let one choose (1.2).
const CIPHERS: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
];

/// Where containerd listens.
pub(super) const RUNTIME: &str = "unix:///run/containerd/containerd.sock";

/// Thresholds that hold for what `eviction-hard` does not name: the kubelet's own, which it forgets as soon as one is set.
const EVICTION_HARD: &[(EvictionSignal, &str)] = &[
    (EvictionSignal::MemoryAvailable, "100Mi"),
    (EvictionSignal::NodefsAvailable, "10%"),
    (EvictionSignal::NodefsInodesFree, "5%"),
    (EvictionSignal::ImagefsAvailable, "15%"),
];

pub(super) fn render(settings: &Settings, facts: &Facts, out: &mut Out) -> Result<(), Error> {
    out.secret(CONFIG, document(CONFIG, &config(&settings.kubernetes, facts))?);
    Ok(())
}

fn config(kubernetes: &Kubernetes, facts: &Facts) -> Config {
    let k = kubernetes;
    let minor = Minor::of(facts);
    let joins = joins(k);
    let own_certificate = k.server_certificate.is_some() && k.server_key.is_some();
    let text = |value: &dyn ToString| value.to_string();
    let (pods_end, critical_end) = shutdown(k);
    Config {
        kind: "KubeletConfiguration",
        api_version: "kubelet.config.k8s.io/v1beta1",

        address: match k.node_ip {
            _ if !joins => "127.0.0.1",
            // Go's any-address of IPv4 does not listen to IPv6.
            Some(IpAddr::V6(_)) => "::",
            _ => "0.0.0.0",
        },
        authentication: Authentication {
            anonymous: Enabled { enabled: false },
            webhook: Enabled { enabled: joins },
            x509: (joins && k.cluster_certificate.is_some())
                .then_some(X509 { client_ca_file: CLUSTER_AUTHORITY }),
        },
        // Without an API server there is nobody to ask, and nobody who could get as far as being authorised.
        authorization: Authorization { mode: if joins { "Webhook" } else { "AlwaysAllow" } },
        read_only_port: 0,
        tls_cipher_suites: CIPHERS,
        tls_cert_file: own_certificate.then_some(SERVER_CERTIFICATE),
        tls_private_key_file: own_certificate.then_some(SERVER_KEY),
        server_tls_bootstrap: (!own_certificate).then(|| joins && k.server_tls_bootstrap.unwrap_or(true)),
        rotate_certificates: joins && k.authentication_mode == Some(AuthenticationMode::Tls),

        cluster_domain: k.cluster_domain.as_ref().map_or("cluster.local".into(), |domain| text(domain)),
        cluster_dns: k.cluster_dns_ip.as_ref().map(|addresses| addresses.as_slice().to_vec()),
        resolv_conf: "/etc/resolv.conf",
        hairpin_mode: "hairpin-veth",

        // Before, it is a flag.
        container_runtime_endpoint: minor.since(27, Some(runtime(k))),
        runtime_request_timeout: "15m",
        // PID 1 is not systemd; containerd's default is the same.
        cgroup_driver: "cgroupfs",
        cgroup_root: "/",
        protect_kernel_defaults: true,
        fail_swap_on: false,
        memory_swap: swap(k, minor).map(|behavior| MemorySwap { swap_behavior: behavior.as_str() }),
        // Its default lies on the read-only root.
        volume_plugin_dir: "/var/lib/kubelet/plugins/volume/exec",
        static_pod_path: runs_static_pods(k).then_some(STATIC_PODS),
        provider_id: k.provider_id.as_ref().map(|id| text(id)),
        // Before, it is a flag.
        register_with_taints: minor.since(24, taints(k)),

        max_pods: k.pods(),
        pod_pids_limit: k.pod_pids_limit.map_or(1_048_576, |limit| limit.get()),
        user_namespaces: minor.since(33, k.ids_per_pod.map(|ids| UserNamespaces { ids_per_pod: ids.get() })),
        kube_reserved: reserved::kube(k, facts),
        system_reserved: Some(reserved::written(&k.system_reserved)).filter(|amounts| !amounts.is_empty()),
        reserved_system_cpus: k.reserved_cpus.as_ref().map(|cpus| text(cpus)),
        eviction_hard: eviction_hard(k),
        eviction_soft: some_of(
            k.eviction_soft.iter().map(|(signal, at)| (signal.as_str(), text(at))).collect(),
        ),
        eviction_soft_grace_period: some_of(
            k.eviction_soft_grace_period.iter().map(|(signal, time)| (signal.as_str(), text(time))).collect(),
        ),
        eviction_max_pod_grace_period: k.eviction_max_pod_grace_period.map(|seconds| seconds.get()),

        cpu_cfs_quota: k.cpu_cfs_quota_enforced.unwrap_or(true),
        cpu_manager_policy: k.cpu_manager_policy.unwrap_or(CpuManagerPolicy::None).as_str(),
        cpu_manager_reconcile_period: k.cpu_manager_reconcile_period.as_ref().map(|period| text(period)),
        cpu_manager_policy_options: some_of(
            cpu_options(k, minor).map(|option| (option.as_str(), "true")).collect(),
        ),
        topology_manager_scope: k.topology_manager_scope.map(|scope| scope.as_str()),
        topology_manager_policy: k.topology_manager_policy.map(|policy| policy.as_str()),
        topology_manager_policy_options: some_of(topology_options(k, minor)),
        memory_manager_policy: minor.since(22, k.memory_manager_policy.map(|policy| policy.as_str())),
        reserved_memory: minor.since(22, reserved_memory(k)),
        memory_reservation_policy: minor.since(36, k.memory_reservation_policy.map(|policy| policy.as_str())),
        memory_throttling_factor: minor
            .since(22, k.memory_throttling_factor.as_ref().map(|factor| factor.get())),
        single_process_oom_kill: minor.since(32, k.single_process_oom_kill),

        registry_pull_qps: k.registry_qps.map(|rate| rate.get()),
        registry_burst: k.registry_burst.map(|burst| burst.get()),
        event_record_qps: k.event_qps.map(|rate| rate.get()),
        event_burst: k.event_burst.map(|burst| burst.get()),
        kube_api_qps: k.kube_api_qps.map(|rate| rate.get()),
        kube_api_burst: k.kube_api_burst.map(|burst| burst.get()),

        serialize_image_pulls: false,
        max_parallel_image_pulls: minor.since(27, k.max_parallel_image_pulls.map(|pulls| pulls.get())),
        image_gc_high_threshold_percent: k.image_gc_high_threshold_percent.map(|percent| percent.0),
        image_gc_low_threshold_percent: k.image_gc_low_threshold_percent.map(|percent| percent.0),
        image_minimum_gc_age: k.image_minimum_gc_age.as_ref().map(|age| text(age)),
        image_maximum_gc_age: minor.since(30, k.image_maximum_gc_age.as_ref().map(|age| text(age))),
        // Images of the host's own must stay usable without anybody's credentials.
        image_pull_credentials_verification_policy: minor.since(36, Some("NeverVerifyPreloadedImages")),
        container_log_max_size: k.container_log_max_size.as_ref().map(|size| text(size)),
        container_log_max_files: k.container_log_max_files.map(|files| files.get()),
        container_log_max_workers: minor.since(30, k.container_log_max_workers.map(|workers| workers.get())),
        container_log_monitor_interval: minor
            .since(30, k.container_log_monitor_interval.as_ref().map(|interval| text(&interval.0))),

        seccomp_default: minor.since(22, k.seccomp_default),
        allowed_unsafe_sysctls: Some(
            k.allowed_unsafe_sysctls.iter().map(|name| text(name)).collect::<Vec<_>>(),
        )
        .filter(|names| !names.is_empty()),
        shutdown_grace_period: minor.since(21, Some(pods_end)),
        shutdown_grace_period_critical_pods: minor.since(21, Some(critical_end)),
        feature_gates: some_of(feature_gates(k, minor)),
    }
}

fn some_of<K, V>(map: BTreeMap<K, V>) -> Option<BTreeMap<K, V>> {
    Some(map).filter(|map| !map.is_empty())
}

/// Where the kubelet finds the container runtime.
pub(super) fn runtime(k: &Kubernetes) -> String {
    k.container_runtime_endpoint.as_ref().map_or(RUNTIME.into(), ToString::to_string)
}

fn taints(k: &Kubernetes) -> Option<Vec<Taint>> {
    let each = k.node_taints.iter().flat_map(|(key, taints)| {
        taints.as_slice().iter().map(move |taint| Taint {
            key: key.to_string(),
            value: taint.value.to_string(),
            effect: taint.effect.as_str(),
        })
    });
    Some(each.collect::<Vec<_>>()).filter(|taints| !taints.is_empty())
}

fn eviction_hard(k: &Kubernetes) -> BTreeMap<&'static str, String> {
    let defaults =
        EVICTION_HARD.iter().map(|(signal, threshold)| (signal.as_str(), String::from(*threshold)));
    defaults.chain(k.eviction_hard.iter().map(|(signal, at)| (signal.as_str(), at.to_string()))).collect()
}

/// Critical pods have their time within the whole, also when only one of the two is set.
fn shutdown(k: &Kubernetes) -> (String, String) {
    match (&k.shutdown_grace_period, &k.shutdown_grace_period_for_critical_pods) {
        (Some(all), Some(critical)) => (all.0.to_string(), critical.0.to_string()),
        (Some(all), None) if all.0.nanos() < 30_000_000_000 => (all.0.to_string(), all.0.to_string()),
        (Some(all), None) => (all.0.to_string(), "30s".into()),
        (None, Some(critical)) if critical.0.nanos() > 150_000_000_000 => {
            (critical.0.to_string(), critical.0.to_string())
        }
        (None, Some(critical)) => ("150s".into(), critical.0.to_string()),
        (None, None) => ("150s".into(), "30s".into()),
    }
}

fn topology_options(k: &Kubernetes, minor: Minor) -> BTreeMap<&'static str, String> {
    let options = &k.topology_manager_policy_options;
    let closest = minor.since(28, options.prefer_closest_numa_nodes).map(|prefer| prefer.to_string());
    let most = minor.since(31, options.max_allowable_numa_nodes).map(|most| most.get().to_string());
    let named = [("prefer-closest-numa-nodes", closest), ("max-allowable-numa-nodes", most)];
    named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What the static policy leaves to the system. The other policy refuses to hear of it, and nobody of amounts of nothing.
fn reserved_memory(k: &Kubernetes) -> Option<Vec<ReservedMemory>> {
    if k.memory_manager_policy != Some(MemoryManagerPolicy::Static) {
        return None;
    }
    let enabled = k.memory_manager_reserved_memory.iter().filter(|(_, node)| node.enabled == Some(true));
    let nodes = enabled.map(|(numa_node, node)| {
        let limits = [
            ("memory", &node.memory),
            ("hugepages-2Mi", &node.hugepages_2mi),
            ("hugepages-1Gi", &node.hugepages_1gi),
        ];
        let some = limits.into_iter().filter_map(|(name, limit)| Some((name, limit.as_ref()?)));
        let some =
            some.filter(|(_, limit)| limit.units() != 0).map(|(name, limit)| (name, limit.to_string()));
        ReservedMemory { numa_node: numa_node.0, limits: some.collect() }
    });
    Some(nodes.filter(|node| !node.limits.is_empty()).collect())
}
