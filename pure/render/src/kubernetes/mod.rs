//! What a kubelet reads: its configuration, command line, environment, kubeconfigs, certificates, static pods and
//! credential providers.
//!
//! One set of renderers serves the kubelets of Kubernetes 1.20 to 1.36: what the kubelet at hand ([`crate::Facts`]) does not
//! know is left out, because with a gate or flag that it does not know it does not start. JSON is YAML, so everything is
//! written as JSON.
//!
//! Holds always: a kubeconfig names only files that are rendered too (or that the kubelet makes itself); nobody anonymous
//! is let in. Starting the kubelet with [`ARGUMENTS`] is its service's business.

mod arguments;
mod config;
mod credential_providers;
mod kubeconfig;
mod reserved;
mod version;

use alloc::format;
use alloc::string::String;

use serde::Serialize;
use settings::Settings;
use settings::model::Kubernetes;

use crate::plan::{Out, json};
use crate::{Error, Facts, Renderer, Variant};

const CONFIG: &str = "/etc/kubernetes/kubelet/config";
/// The kubelet's command line behind its name: a JSON list, because some of it is there or not.
const ARGUMENTS: &str = "/etc/kubernetes/kubelet/arguments.json";
/// The kubelet's environment, `NAME=VALUE` by line.
const ENV: &str = "/etc/kubernetes/kubelet/env";
const KUBECONFIG: &str = "/etc/kubernetes/kubelet/kubeconfig";
const BOOTSTRAP_KUBECONFIG: &str = "/etc/kubernetes/kubelet/bootstrap-kubeconfig";
const CREDENTIAL_PROVIDERS: &str = "/etc/kubernetes/kubelet/credential-provider-config.yaml";
const CLUSTER_AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";
const SERVER_CERTIFICATE: &str = "/etc/kubernetes/pki/kubelet-server.crt";
const SERVER_KEY: &str = "/etc/kubernetes/pki/private/kubelet-server.key";
const STATIC_PODS: &str = "/etc/kubernetes/static-pods";

const VARIANTS: &[Variant] = &[Variant::Kubernetes];
const KUBELET: &[&str] = &["kubelet"];

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "kubelet-config",
        reads: config::READS,
        units: KUBELET,
        variants: VARIANTS,
        render: config::render,
    },
    Renderer {
        name: "kubelet-arguments",
        reads: arguments::READS,
        units: KUBELET,
        variants: VARIANTS,
        render: arguments::render,
    },
    Renderer {
        name: "kubelet-environment",
        reads: arguments::ENV_READS,
        units: KUBELET,
        variants: VARIANTS,
        render: arguments::environment,
    },
    Renderer {
        name: "kubeconfig",
        reads: kubeconfig::READS,
        units: KUBELET,
        variants: VARIANTS,
        render: kubeconfig::render,
    },
    Renderer {
        name: "kubelet-credential-providers",
        reads: &["kubernetes.credential-providers"],
        units: KUBELET,
        variants: VARIANTS,
        render: credential_providers::render,
    },
    Renderer {
        name: "kubelet-certificates",
        reads: &["kubernetes.cluster-certificate", "kubernetes.server-certificate", "kubernetes.server-key"],
        units: KUBELET,
        variants: VARIANTS,
        render: certificates,
    },
    Renderer {
        name: "static-pods",
        reads: &["kubernetes.static-pods", "kubernetes.static-pods-enabled"],
        // The kubelet watches the folder.
        units: &[],
        variants: VARIANTS,
        render: static_pods,
    },
];

fn certificates(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let kubernetes = &settings.kubernetes;
    if let Some(certificate) = &kubernetes.cluster_certificate {
        out.public(CLUSTER_AUTHORITY, certificate.pem());
    }
    // The model has both or none.
    if let (Some(certificate), Some(key)) = (&kubernetes.server_certificate, &kubernetes.server_key) {
        out.public(SERVER_CERTIFICATE, certificate.pem());
        out.secret(SERVER_KEY, key.pem().expose());
    }
    Ok(())
}

/// Manifests may hold passwords in the environment of their containers, so only the kubelet reads them.
fn static_pods(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    if !runs_static_pods(&settings.kubernetes) {
        return Ok(());
    }
    for (name, pod) in &settings.kubernetes.static_pods {
        if let (Some(true), Some(manifest)) = (pod.enabled, &pod.manifest) {
            out.secret(format!("{STATIC_PODS}/{name}.yaml"), manifest.decode());
        }
    }
    Ok(())
}

fn runs_static_pods(kubernetes: &Kubernetes) -> bool {
    kubernetes.static_pods_enabled.unwrap_or(true)
}

/// A kubelet with a cluster: not in standalone mode.
fn joins(kubernetes: &Kubernetes) -> bool {
    !kubernetes.standalone_mode.unwrap_or(false)
}

/// A document as JSON, without what is not there: `null` would be a value to some readers.
fn document(path: &str, value: &impl Serialize) -> Result<alloc::vec::Vec<u8>, Error> {
    let mut value =
        serde_json::to_value(value).map_err(|err| Error::Json { path: String::from(path), err })?;
    drop_nulls(&mut value);
    json(path, &value)
}

fn drop_nulls(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        serde_json::Value::Array(entries) => entries.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
