//! Which key changes what.

use std::collections::BTreeSet;

use render::{Facts, table};
use settings::read::Setting;
use settings::shape::Shape;
use settings::{LIMITS, Layer, Settings, load};

use crate::documents::{ECS, ECS_HOST, KUBERNETES, REGISTRY, bytes, kubelet, unchanged};

/// Keys that no file of a variant depends on, and why.
const WITHOUT_A_FILE: &[(&str, &str)] = &[
    // Says where `hostname-override` comes from when that is not set: a generator reads it, no file.
    ("kubernetes", "hostname-override-source"),
];

/// Values in place of those in the documents, so that each key changes once.
const OTHERWISE: &str = r#"
[settings.kubernetes]
cluster-domain = "other.example"
cluster-dns-ip = "10.96.0.11"
cluster-name = "other"
api-server = "https://other.example"
authentication-mode = "aws"
bootstrap-token = "abcdef.0123456789abcdeg"
cloud-provider = ""
hostname-override = "node-2.example"
hostname-override-source = "private-dns-name"
provider-id = "aws:///us-west-2a/i-1"
node-ip = "192.0.2.1"
max-pods = 59
standalone-mode = true
server-tls-bootstrap = true
static-pods-enabled = false
eviction-max-pod-grace-period = 41
reserved-cpus = "0-2"
memory-reservation-policy = "None"
memory-throttling-factor = 0.5
cpu-cfs-quota-enforced = true
cpu-manager-policy = "none"
cpu-manager-reconcile-period = "12s"
cpu-manager-policy-options = ["full-pcpus-only"]
topology-manager-scope = "container"
topology-manager-policy = "none"
topology-manager-policy-options = { prefer-closest-numa-nodes = false }
memory-manager-policy = "None"
memory-swap-behavior = "NoSwap"
single-process-oom-kill = false
registry-qps = 7
registry-burst = 13
event-qps = 52
event-burst = 102
kube-api-qps = 53
kube-api-burst = 103
container-log-max-size = "21Mi"
container-log-max-files = 5
container-log-max-workers = 3
container-log-monitor-interval = "16s"
image-gc-high-threshold-percent = 83
image-gc-low-threshold-percent = 78
image-minimum-gc-age = "4m"
image-maximum-gc-age = "73h"
max-parallel-image-pulls = 6
pod-infra-container-image = "registry.example/pause:3.11"
allowed-unsafe-sysctls = ["net.core.somaxconn"]
seccomp-default = false
device-ownership-from-security-context = false
pod-pids-limit = 4097
ids-per-pod = 65536
shutdown-grace-period = "201s"
shutdown-grace-period-for-critical-pods = "46s"
log-level = 4
container-runtime-endpoint = "unix:///run/containerd/containerd.sock"
[settings.ecs]
cluster = "other"
allow-privileged-containers = false
logging-drivers = ["none"]
loglevel = "debug"
enable-spot-instance-draining = false
image-pull-behavior = "once"
container-stop-timeout = "46s"
task-cleanup-wait = "2h"
metadata-service-rps = 51
metadata-service-burst = 71
reserved-memory = 257
image-cleanup-enabled = true
image-cleanup-wait = "41m"
image-cleanup-age = "3h"
image-cleanup-delete-per-cycle = 8
backend-host = "other.example"
awsvpc-block-imds = false
enable-container-metadata = false
"#;

/// A document with one key of a group as in [`OTHERWISE`], and without it.
fn changed(base: &toml::Table, group: &str, key: &str) -> Vec<Settings> {
    let other: toml::Table = OTHERWISE.parse().unwrap();
    let with = |value: Option<&toml::Value>| {
        let mut document = base.clone();
        let keys = document["settings"][group].as_table_mut().unwrap();
        match value {
            Some(value) => drop(keys.insert(key.into(), value.clone())),
            None => drop(keys.remove(key)),
        }
        // What contradicts itself after the change is left out by the model; that is a change too.
        load(&[(Layer::FwCfg, toml::to_string(&document).unwrap().as_bytes())], &LIMITS).settings
    };
    let otherwise = other["settings"][group].get(key);
    otherwise.map(|value| with(Some(value))).into_iter().chain([with(None)]).collect()
}

/// The document of all keys, and the same for a kubelet that proves itself otherwise: some keys are for one of them only.
fn bases() -> Vec<(&'static str, toml::Table, Facts)> {
    let full: toml::Table = format!("{KUBERNETES}{REGISTRY}").parse().unwrap();
    let mut aws = full.clone();
    let keys = aws["settings"]["kubernetes"].as_table_mut().unwrap();
    keys.insert("authentication-mode".into(), "aws".into());
    keys.remove("server-certificate");
    keys.remove("server-key");
    let old = ("kubernetes", full.clone(), kubelet(20));
    vec![
        ("kubernetes", full, kubelet(36)),
        ("kubernetes", aws, kubelet(36)),
        old,
        ("ecs", ECS.parse().unwrap(), ECS_HOST),
    ]
}

fn keys_of(group: &str) -> Vec<&'static str> {
    let shape = match group {
        "kubernetes" => settings::model::Kubernetes::shape(),
        _ => settings::model::Ecs::shape(),
    };
    match shape {
        Shape::Group(fields) => fields.iter().map(|field| field.key).collect(),
        other => panic!("not a group: {other:?}"),
    }
}

#[test]
fn every_key_changes_some_file() {
    let mut quiet: BTreeSet<(&str, &str)> = ["kubernetes", "ecs"]
        .into_iter()
        .flat_map(|group| keys_of(group).into_iter().map(move |key| (group, key)))
        .collect();
    for (group, base, facts) in bases() {
        let before = bytes(&unchanged(&base), &facts);
        quiet.retain(|(of, key)| {
            *of != group || changed(&base, group, key).iter().all(|after| bytes(after, &facts) == before)
        });
    }
    assert_eq!(quiet, WITHOUT_A_FILE.iter().copied().collect());
}

#[test]
fn a_renderer_says_what_it_reads_and_nothing_else() {
    let mut idle: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut busy = BTreeSet::new();
    for (group, base, facts) in bases() {
        let each = |settings: &Settings| {
            table::of(&facts).map(|row| row.plan(settings, &facts).unwrap().files).collect::<Vec<_>>()
        };
        let before = each(&unchanged(&base));
        for key in keys_of(group) {
            let after: Vec<_> = changed(&base, group, key).iter().map(each).collect();
            let path = settings::key::KeyPath::parse(&format!("settings.{group}.{key}")).unwrap();
            for (index, row) in table::of(&facts).enumerate() {
                let changes = after.iter().any(|after| after[index] != before[index]);
                assert!(!changes || row.reads(&path), "{} reads {group}.{key} and does not say so", row.name);
                if let Some(read) = row.reads.iter().find(|read| **read == format!("{group}.{key}")) {
                    // On some kubelets only, perhaps.
                    (if changes { &mut busy } else { &mut idle }).insert((row.name, *read));
                }
            }
        }
    }
    let idle: Vec<_> = idle.difference(&busy).collect();
    assert!(idle.is_empty(), "named and not read: {idle:?}");
}
