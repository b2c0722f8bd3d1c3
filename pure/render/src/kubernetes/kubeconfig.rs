//! How the kubelet reaches its API server and proves who it is.
//!
//! In mode `tls` the kubelet asks for its first certificate with the bootstrap token and keeps what it gets below
//! `/var/lib/kubelet/pki`, where the kubeconfig expects it. Without an API server's address there is none of this.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Serialize;
use settings::Settings;
use settings::model::{AuthenticationMode, Kubernetes};

use super::version::Minor;
use super::{BOOTSTRAP_KUBECONFIG, CLUSTER_AUTHORITY, KUBECONFIG, document, joins};
use crate::plan::Out;
use crate::{Error, Facts};

pub(super) const READS: &[&str] = &[
    "aws.profile",
    "kubernetes.api-server",
    "kubernetes.authentication-mode",
    "kubernetes.bootstrap-token",
    "kubernetes.cluster-certificate",
    "kubernetes.cluster-name",
    "kubernetes.standalone-mode",
];

/// Prints a token of the instance's role for the API server.
const TOKEN_PROGRAM: &str = "/usr/bin/aws-iam-authenticator";
/// Certificate and key in one file, which the kubelet replaces in time.
const OWN_CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-client-current.pem";

pub(super) fn render(settings: &Settings, facts: &Facts, out: &mut Out) -> Result<(), Error> {
    let kubernetes = &settings.kubernetes;
    let Some(server) = kubernetes.api_server.as_ref().filter(|_| joins(kubernetes)) else {
        return Ok(());
    };
    let kubeconfig = |user| Kubeconfig::new(kubernetes, server.to_string(), user);
    let own = match mode(kubernetes) {
        AuthenticationMode::Tls => User {
            client_certificate: Some(OWN_CERTIFICATE),
            client_key: Some(OWN_CERTIFICATE),
            ..User::default()
        },
        AuthenticationMode::Aws => User { exec: Some(token(settings, facts)), ..User::default() },
    };
    out.secret(KUBECONFIG, document(KUBECONFIG, &kubeconfig(own))?);
    if bootstraps(kubernetes)
        && let Some(token) = &kubernetes.bootstrap_token
    {
        let user = User { token: Some(token.0.expose().into()), ..User::default() };
        out.secret(BOOTSTRAP_KUBECONFIG, document(BOOTSTRAP_KUBECONFIG, &kubeconfig(user))?);
    }
    Ok(())
}

/// How the kubelet proves who it is.
pub(super) fn mode(kubernetes: &Kubernetes) -> AuthenticationMode {
    kubernetes.authentication_mode.unwrap_or(AuthenticationMode::Aws)
}

/// Whether there is a kubeconfig.
pub(super) fn exists(kubernetes: &Kubernetes) -> bool {
    joins(kubernetes) && kubernetes.api_server.is_some()
}

/// Whether there is one to ask for the first certificate with.
pub(super) fn bootstraps(kubernetes: &Kubernetes) -> bool {
    exists(kubernetes) && mode(kubernetes) == AuthenticationMode::Tls && kubernetes.bootstrap_token.is_some()
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    clusters: [Named<ClusterEntry>; 1],
    contexts: [Named<ContextEntry>; 1],
    current_context: &'static str,
    users: [Named<UserEntry>; 1],
}

#[derive(Serialize)]
struct Named<T> {
    name: &'static str,
    #[serde(flatten)]
    entry: T,
}

#[derive(Serialize)]
struct ClusterEntry {
    cluster: Cluster,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    /// Without one, the authorities that the whole host trusts.
    certificate_authority: Option<&'static str>,
}

#[derive(Serialize)]
struct ContextEntry {
    context: Context,
}

#[derive(Serialize)]
struct Context {
    cluster: &'static str,
    user: &'static str,
}

#[derive(Serialize)]
struct UserEntry {
    user: User,
}

/// Exposes secrets: its file is 0600.
#[derive(Serialize, Default)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<&'static str>,
    client_key: Option<&'static str>,
    token: Option<String>,
    exec: Option<Exec>,
}

/// A program that prints an ExecCredential.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exec {
    api_version: &'static str,
    command: &'static str,
    args: Vec<String>,
    env: Option<Vec<EnvEntry>>,
    interactive_mode: Option<&'static str>,
}

#[derive(Serialize)]
struct EnvEntry {
    name: &'static str,
    value: String,
}

impl Kubeconfig {
    fn new(kubernetes: &Kubernetes, server: String, user: User) -> Self {
        let certificate_authority = kubernetes.cluster_certificate.as_ref().map(|_| CLUSTER_AUTHORITY);
        Kubeconfig {
            api_version: "v1",
            kind: "Config",
            clusters: [Named {
                name: "kubernetes",
                entry: ClusterEntry { cluster: Cluster { server, certificate_authority } },
            }],
            contexts: [Named {
                name: "kubelet",
                entry: ContextEntry { context: Context { cluster: "kubernetes", user: "kubelet" } },
            }],
            current_context: "kubelet",
            users: [Named { name: "kubelet", entry: UserEntry { user } }],
        }
    }
}

fn token(settings: &Settings, facts: &Facts) -> Exec {
    let stable = Minor::of(facts).from(23);
    let mut args = Vec::from(["token".into()]);
    if let Some(cluster) = &settings.kubernetes.cluster_name {
        args.extend(["-i".into(), cluster.to_string()]);
    }
    let profile = settings.aws.profile.as_ref();
    Exec {
        api_version: if stable {
            "client.authentication.k8s.io/v1"
        } else {
            "client.authentication.k8s.io/v1beta1"
        },
        command: TOKEN_PROGRAM,
        args,
        env: profile.map(|profile| Vec::from([EnvEntry { name: "AWS_PROFILE", value: profile.to_string() }])),
        interactive_mode: stable.then_some("Never"),
    }
}
