//! The documents, the machines, and what is made of the two.

use std::collections::BTreeMap;

use render::{Facts, Plan, Variant, render};
use settings::{LIMITS, Layer, Loaded, Settings, load};

pub const KUBERNETES: &str = include_str!("../../../settings/tests/data/kubernetes.toml");
pub const ECS: &str = include_str!("../../../settings/tests/data/ecs.toml");

/// Of the documents and of [`REGISTRY`]: what no file that others can read may hold.
pub const SECRETS: &[&str] = &["0123456789abcdef", "czNjcmV0IGtleQ==", "s3cret", "t0ken", "hunter2"];

pub const REGISTRY: &str = r#"
[settings.network]
https-proxy = "http://robot:hunter2@proxy.example:3128"
no-proxy = ["10.0.0.0/8"]
[settings.aws]
region = "us-west-2"
profile = "nodes"
[settings.oci-defaults.resource-limits.max-open-files]
hard = -1
soft = 65536
[settings.container-registry]
mirrors = [{ registry = "docker.io", endpoint = ["https://mirror.example"] }]
credentials = [
  { registry = "registry.example", username = "robot", password = "s3cret" },
  { registry = "docker.io", auth = "cm9ib3Q6czNjcmV0" },
  { registry = "token.example:5000", identitytoken = "t0ken" },
]
"#;

pub const AWS: &str = r#"
[settings.aws]
profile = "nodes"
[settings.kubernetes]
cluster-name = "prod"
api-server = "https://ABCDEF.gr7.us-west-2.eks.amazonaws.com"
cluster-dns-ip = "10.100.0.10"
node-ip = "192.0.2.7"
max-pods = 29
[settings.kubernetes.credential-providers.ecr-credential-provider]
enabled = true
image-patterns = ["*.dkr.ecr.*.amazonaws.com"]
"#;

pub const STANDALONE_MODE: &str = r#"
[settings.kubernetes]
standalone-mode = true
[settings.kubernetes.node-labels]
unused = "here"
[settings.kubernetes.static-pods.web]
enabled = true
manifest = "YXBpVmVyc2lvbjogdjEK"
"#;

pub const MACHINE: Facts =
    Facts { variant: Variant::Standalone, cpus: 8, memory_mib: 16_384, kubernetes_minor: 36 };

pub fn settings(document: &str) -> Settings {
    let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, document.as_bytes())], &LIMITS);
    assert_eq!(problems, []);
    settings
}

/// What the renderers of `variant` that belong here put out: the files they and nobody else make.
pub fn plan(settings: &Settings, facts: Facts) -> Plan {
    let (mut plan, errors) = render(settings, &facts);
    assert!(errors.is_empty(), "{errors:?}");
    plan.files.retain(|file| {
        ["/etc/kubernetes/", "/etc/ecs/", "/etc/docker/"].iter().any(|folder| file.path.starts_with(folder))
    });
    plan
}

pub fn kubelet(kubernetes_minor: u32) -> Facts {
    Facts { variant: Variant::Kubernetes, kubernetes_minor, ..MACHINE }
}

pub const ECS_HOST: Facts = Facts { variant: Variant::Ecs, ..MACHINE };

/// Every document with every kubelet.
pub fn everything() -> Vec<(Settings, Facts)> {
    let documents = ["", STANDALONE_MODE, AWS, KUBERNETES, REGISTRY, ECS].map(settings);
    let machines = (20..=37).map(kubelet).chain([ECS_HOST, Variant::Kubernetes.into(), Variant::Ecs.into()]);
    machines.flat_map(|facts| documents.iter().map(move |document| (document.clone(), facts))).collect()
}

pub fn bytes(settings: &Settings, facts: &Facts) -> BTreeMap<String, Vec<u8>> {
    let (plan, errors) = render(settings, facts);
    assert!(errors.is_empty(), "{errors:?}");
    plan.files.into_iter().map(|file| (file.path, file.bytes)).collect()
}

pub fn unchanged(base: &toml::Table) -> Settings {
    settings(&toml::to_string(base).unwrap())
}
