//! What the kubelet takes by its command line and environment.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use settings::Settings;
use settings::model::{AuthenticationMode, CloudProvider, Kubernetes};

use super::version::Minor;
use super::{
    ARGUMENTS, BOOTSTRAP_KUBECONFIG, CONFIG, CREDENTIAL_PROVIDERS, ENV, KUBECONFIG, config,
    credential_providers, joins, kubeconfig,
};
use crate::env::Env;
use crate::plan::{Out, json};
use crate::{Error, Facts};

pub(super) const READS: &[&str] = &[
    "kubernetes.api-server",
    "kubernetes.authentication-mode",
    "kubernetes.bootstrap-token",
    "kubernetes.cloud-provider",
    "kubernetes.container-runtime-endpoint",
    "kubernetes.credential-providers",
    "kubernetes.hostname-override",
    "kubernetes.log-level",
    "kubernetes.node-ip",
    "kubernetes.node-labels",
    "kubernetes.node-taints",
    "kubernetes.pod-infra-container-image",
    "kubernetes.standalone-mode",
];

pub(super) const ENV_READS: &[&str] = &[
    "kubernetes.api-server",
    "kubernetes.cluster-domain",
    "kubernetes.node-ip",
    "kubernetes.node-labels",
    "kubernetes.node-taints",
    "network.https-proxy",
    "network.no-proxy",
];

pub(super) fn render(settings: &Settings, facts: &Facts, out: &mut Out) -> Result<(), Error> {
    out.public(ARGUMENTS, json(ARGUMENTS, &arguments(&settings.kubernetes, Minor::of(facts)))?);
    Ok(())
}

fn arguments(k: &Kubernetes, minor: Minor) -> Vec<String> {
    let mut list = Vec::new();
    let mut flag =
        |name: &str, value: Option<String>| list.extend(value.map(|value| format!("--{name}={value}")));

    flag("config", Some(CONFIG.into()));
    flag("kubeconfig", kubeconfig::exists(k).then(|| KUBECONFIG.into()));
    flag("bootstrap-kubeconfig", kubeconfig::bootstraps(k).then(|| BOOTSTRAP_KUBECONFIG.into()));
    flag("root-dir", Some("/var/lib/kubelet".into()));
    // The cgroup that PID 1 runs containerd in.
    flag("runtime-cgroups", Some("/gantry/containerd".into()));
    if !minor.from(27) {
        flag("container-runtime", Some("remote".into()));
        flag("container-runtime-endpoint", Some(config::runtime(k)));
    }
    if credential_providers::any(k) {
        flag("image-credential-provider-config", Some(CREDENTIAL_PROVIDERS.into()));
        flag("image-credential-provider-bin-dir", Some(credential_providers::PROGRAMS.into()));
    }
    if joins(k) {
        flag("cloud-provider", cloud_provider(k, minor).map(Into::into));
        flag("node-labels", labels(k));
        // Later, it is in the configuration.
        flag("register-with-taints", taints(k).filter(|_| !minor.from(24)));
    }
    flag("hostname-override", k.hostname_override.as_ref().map(ToString::to_string));
    flag("node-ip", k.node_ip.map(|ip| ip.to_string()));
    // A kubelet from 1.35 on does not start with it; containerd has the image too.
    let pause = k.pod_infra_container_image.as_ref().filter(|_| !minor.from(35));
    flag("pod-infra-container-image", pause.map(ToString::to_string));
    flag("v", Some(k.log_level.map_or(2, |level| level.get()).to_string()));
    list
}

/// No kubelet from 1.27 on looks after AWS itself.
fn cloud_provider(k: &Kubernetes, minor: Minor) -> Option<&'static str> {
    let default = match kubeconfig::mode(k) {
        AuthenticationMode::Aws => CloudProvider::Aws,
        AuthenticationMode::Tls => CloudProvider::Nobody,
    };
    match k.cloud_provider.unwrap_or(default) {
        CloudProvider::Aws if !minor.from(27) => Some("aws"),
        CloudProvider::Aws | CloudProvider::External => Some("external"),
        CloudProvider::Nobody => None,
    }
}

/// `KEY=VALUE,...`; neither side can hold a comma.
fn labels(k: &Kubernetes) -> Option<String> {
    joined(k.node_labels.iter().map(|(key, value)| format!("{key}={value}")))
}

/// `KEY=VALUE:EFFECT,...`
fn taints(k: &Kubernetes) -> Option<String> {
    joined(
        k.node_taints
            .iter()
            .flat_map(|(key, taints)| taints.as_slice().iter().map(move |taint| format!("{key}={taint}"))),
    )
}

fn joined(entries: impl Iterator<Item = String>) -> Option<String> {
    Some(entries.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
}

/// The proxy, for the programs that the kubelet starts, and Bottlerocket's variables, for those who read this file there.
pub(super) fn environment(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let k = &settings.kubernetes;
    let mut env = Env::default();
    env.proxy(&settings.network, &own_names(k));
    env.maybe("NODE_IP", k.node_ip.map(|ip| ip.to_string()));
    env.maybe("NODE_LABELS", labels(k));
    env.maybe("NODE_TAINTS", taints(k));
    // A proxy's address may hold a password.
    out.secret(ENV, env.bytes(ENV)?);
    Ok(())
}

/// What a node reaches without a proxy: its API server and the cluster's services.
fn own_names(k: &Kubernetes) -> Vec<String> {
    let server = k.api_server.as_ref().map(|url| host(url.as_str()).into());
    let domain = k.cluster_domain.as_ref().map_or("cluster.local", |domain| domain.as_str());
    server.into_iter().chain([format!(".{domain}")]).collect()
}

/// The host in a URL, an IPv6 address without its brackets.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((address, _)) => address,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_in_a_url() {
        for (url, want) in [
            ("https://a.example", "a.example"),
            ("https://a.example:6443/x:1", "a.example"),
            ("https://[fd00::1]:6443", "fd00::1"),
            ("https://[fd00::1]", "fd00::1"),
            ("http://10.0.0.1?x", "10.0.0.1"),
        ] {
            assert_eq!(host(url), want, "{url}");
        }
    }
}
