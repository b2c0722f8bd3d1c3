//! Programs that log in to registries for the kubelet: `CredentialProviderConfig`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use settings::Settings;
use settings::model::Kubernetes;

use super::version::Minor;
use super::{CREDENTIAL_PROVIDERS, document};
use crate::plan::Out;
use crate::{Error, Facts};

/// Where the programs lie; each has its provider's name.
pub(super) const PROGRAMS: &str = "/usr/libexec/kubernetes/kubelet/plugins";

/// Whether there are any.
pub(super) fn any(kubernetes: &Kubernetes) -> bool {
    kubernetes.credential_providers.values().any(|provider| provider.enabled == Some(true))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    kind: &'static str,
    api_version: &'static str,
    providers: Vec<Provider>,
}

/// Exposes what stands in its environment: its file is 0600.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Provider {
    name: String,
    api_version: &'static str,
    match_images: Vec<String>,
    default_cache_duration: String,
    env: Option<Vec<EnvEntry>>,
}

#[derive(Serialize)]
struct EnvEntry {
    name: String,
    value: String,
}

pub(super) fn render(settings: &Settings, facts: &Facts, out: &mut Out) -> Result<(), Error> {
    let kubernetes = &settings.kubernetes;
    // The kubelet refuses a list of none.
    if !any(kubernetes) {
        return Ok(());
    }
    let (api_version, plugin) = match Minor::of(facts) {
        minor if minor.from(26) => ("kubelet.config.k8s.io/v1", "credentialprovider.kubelet.k8s.io/v1"),
        minor if minor.from(24) => {
            ("kubelet.config.k8s.io/v1beta1", "credentialprovider.kubelet.k8s.io/v1beta1")
        }
        _ => ("kubelet.config.k8s.io/v1alpha1", "credentialprovider.kubelet.k8s.io/v1alpha1"),
    };
    let enabled =
        kubernetes.credential_providers.iter().filter(|(_, provider)| provider.enabled == Some(true));
    let providers = enabled.map(|(name, provider)| {
        let env = provider.environment.iter();
        let env: Vec<_> =
            env.map(|(name, value)| EnvEntry { name: name.to_string(), value: value.to_string() }).collect();
        Provider {
            name: name.to_string(),
            api_version: plugin,
            match_images: provider.image_patterns.iter().map(ToString::to_string).collect(),
            default_cache_duration: provider
                .cache_duration
                .as_ref()
                .map_or("12h".into(), ToString::to_string),
            env: Some(env).filter(|env| !env.is_empty()),
        }
    });
    let config = Config { kind: "CredentialProviderConfig", api_version, providers: providers.collect() };
    out.secret(CREDENTIAL_PROVIDERS, document(CREDENTIAL_PROVIDERS, &config)?);
    Ok(())
}
