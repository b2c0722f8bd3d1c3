//! `KubeletConfiguration`, `kubelet.config.k8s.io/v1beta1`, as far as we write it. What is `None` is left to the kubelet's
//! default.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use serde::Serialize;

use crate::kubernetes::reserved::Amounts;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) kind: &'static str,
    pub(super) api_version: &'static str,

    pub(super) address: &'static str,
    pub(super) authentication: Authentication,
    pub(super) authorization: Authorization,
    pub(super) read_only_port: u16,
    pub(super) tls_cipher_suites: &'static [&'static str],
    pub(super) tls_cert_file: Option<&'static str>,
    pub(super) tls_private_key_file: Option<&'static str>,
    #[serde(rename = "serverTLSBootstrap")]
    pub(super) server_tls_bootstrap: Option<bool>,
    pub(super) rotate_certificates: bool,

    pub(super) cluster_domain: String,
    #[serde(rename = "clusterDNS")]
    pub(super) cluster_dns: Option<Vec<IpAddr>>,
    pub(super) resolv_conf: &'static str,
    pub(super) hairpin_mode: &'static str,

    pub(super) container_runtime_endpoint: Option<String>,
    pub(super) runtime_request_timeout: &'static str,
    pub(super) cgroup_driver: &'static str,
    pub(super) cgroup_root: &'static str,
    pub(super) protect_kernel_defaults: bool,
    pub(super) fail_swap_on: bool,
    pub(super) memory_swap: Option<MemorySwap>,
    pub(super) volume_plugin_dir: &'static str,
    pub(super) static_pod_path: Option<&'static str>,
    #[serde(rename = "providerID")]
    pub(super) provider_id: Option<String>,
    pub(super) register_with_taints: Option<Vec<Taint>>,

    pub(super) max_pods: u64,
    pub(super) pod_pids_limit: i64,
    pub(super) user_namespaces: Option<UserNamespaces>,
    pub(super) kube_reserved: Amounts,
    pub(super) system_reserved: Option<Amounts>,
    #[serde(rename = "reservedSystemCPUs")]
    pub(super) reserved_system_cpus: Option<String>,
    pub(super) eviction_hard: BTreeMap<&'static str, String>,
    pub(super) eviction_soft: Option<BTreeMap<&'static str, String>>,
    pub(super) eviction_soft_grace_period: Option<BTreeMap<&'static str, String>>,
    pub(super) eviction_max_pod_grace_period: Option<i64>,

    #[serde(rename = "cpuCFSQuota")]
    pub(super) cpu_cfs_quota: bool,
    pub(super) cpu_manager_policy: &'static str,
    pub(super) cpu_manager_reconcile_period: Option<String>,
    pub(super) cpu_manager_policy_options: Option<BTreeMap<&'static str, &'static str>>,
    pub(super) topology_manager_scope: Option<&'static str>,
    pub(super) topology_manager_policy: Option<&'static str>,
    pub(super) topology_manager_policy_options: Option<BTreeMap<&'static str, String>>,
    pub(super) memory_manager_policy: Option<&'static str>,
    pub(super) reserved_memory: Option<Vec<ReservedMemory>>,
    pub(super) memory_reservation_policy: Option<&'static str>,
    pub(super) memory_throttling_factor: Option<f64>,
    #[serde(rename = "singleProcessOOMKill")]
    pub(super) single_process_oom_kill: Option<bool>,

    #[serde(rename = "registryPullQPS")]
    pub(super) registry_pull_qps: Option<i64>,
    pub(super) registry_burst: Option<i64>,
    #[serde(rename = "eventRecordQPS")]
    pub(super) event_record_qps: Option<i64>,
    pub(super) event_burst: Option<i64>,
    #[serde(rename = "kubeAPIQPS")]
    pub(super) kube_api_qps: Option<i64>,
    #[serde(rename = "kubeAPIBurst")]
    pub(super) kube_api_burst: Option<i64>,

    pub(super) serialize_image_pulls: bool,
    pub(super) max_parallel_image_pulls: Option<i64>,
    #[serde(rename = "imageGCHighThresholdPercent")]
    pub(super) image_gc_high_threshold_percent: Option<u8>,
    #[serde(rename = "imageGCLowThresholdPercent")]
    pub(super) image_gc_low_threshold_percent: Option<u8>,
    #[serde(rename = "imageMinimumGCAge")]
    pub(super) image_minimum_gc_age: Option<String>,
    #[serde(rename = "imageMaximumGCAge")]
    pub(super) image_maximum_gc_age: Option<String>,
    pub(super) image_pull_credentials_verification_policy: Option<&'static str>,
    pub(super) container_log_max_size: Option<String>,
    pub(super) container_log_max_files: Option<i64>,
    pub(super) container_log_max_workers: Option<i64>,
    pub(super) container_log_monitor_interval: Option<String>,

    pub(super) seccomp_default: Option<bool>,
    pub(super) allowed_unsafe_sysctls: Option<Vec<String>>,
    pub(super) shutdown_grace_period: Option<String>,
    pub(super) shutdown_grace_period_critical_pods: Option<String>,
    pub(super) feature_gates: Option<BTreeMap<&'static str, bool>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Authentication {
    pub(super) anonymous: Enabled,
    pub(super) webhook: Enabled,
    pub(super) x509: Option<X509>,
}

#[derive(Serialize)]
pub(super) struct Enabled {
    pub(super) enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct X509 {
    #[serde(rename = "clientCAFile")]
    pub(super) client_ca_file: &'static str,
}

#[derive(Serialize)]
pub(super) struct Authorization {
    pub(super) mode: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemorySwap {
    pub(super) swap_behavior: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserNamespaces {
    #[serde(rename = "idsPerPod")]
    pub(super) ids_per_pod: i64,
}

#[derive(Serialize)]
pub(super) struct Taint {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) effect: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReservedMemory {
    pub(super) numa_node: u16,
    pub(super) limits: BTreeMap<&'static str, String>,
}
