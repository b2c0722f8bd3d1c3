//! The ECS agent's environment, which is its configuration, at the place its documentation names.
//!
//! Only what is set is written, and what must be the same on every host of ours; the agent has defaults for the rest.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use serde::Serialize;
use settings::Settings;
use settings::containers::{Credential, Registry};
use settings::model::Ecs;

use crate::env::Env;
use crate::plan::Out;
use crate::{Error, Facts};

const PATH: &str = "/etc/ecs/ecs.config";

pub(super) const READS: &[&str] =
    &["aws.region", "container-registry.credentials", "ecs", "network.https-proxy", "network.no-proxy"];

/// The agent's own defaults, of which it wants both or none.
const METADATA_RPS: i64 = 40;
const METADATA_BURST: i64 = 60;

/// Where tasks find their credentials.
const TASK_METADATA: &str = "169.254.170.2";

pub(super) fn render(settings: &Settings, _: &Facts, out: &mut Out) -> Result<(), Error> {
    let mut env = Env::default();
    for (name, value) in FIXED {
        env.set(name, *value);
    }
    env.maybe("AWS_DEFAULT_REGION", settings.aws.region.as_ref().map(ToString::to_string));
    agent(&settings.ecs, &mut env)?;
    credentials(&settings.container_registry, &mut env)?;
    env.proxy(&settings.network, &[TASK_METADATA.into()]);
    // Registry passwords, and perhaps the proxy's.
    out.secret(PATH, env.bytes(PATH)?);
    Ok(())
}

/// The same on every host.
const FIXED: &[(&str, &str)] = &[
    ("ECS_DATADIR", "/var/lib/ecs/data"),
    ("ECS_ENABLE_TASK_IAM_ROLE", "true"),
    ("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "true"),
    ("ECS_ENABLE_TASK_ENI", "true"),
    ("ECS_SELINUX_CAPABLE", "true"),
    ("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "true"),
];

fn agent(ecs: &Ecs, env: &mut Env) -> Result<(), Error> {
    env.maybe("ECS_CLUSTER", ecs.cluster.as_ref().map(ToString::to_string));
    if !ecs.instance_attributes.is_empty() {
        let attributes = ecs.instance_attributes.iter();
        let attributes: BTreeMap<_, _> =
            attributes.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        env.set("ECS_INSTANCE_ATTRIBUTES", json(&attributes)?);
    }
    env.set("ECS_DISABLE_PRIVILEGED", flag(!ecs.allow_privileged_containers.unwrap_or(false)));
    let drivers =
        ecs.logging_drivers.as_ref().map(|drivers| drivers.iter().map(|driver| driver.as_str()).collect());
    let drivers: alloc::vec::Vec<&str> = drivers.unwrap_or_else(|| ["json-file", "awslogs", "none"].into());
    env.set("ECS_AVAILABLE_LOGGING_DRIVERS", json(&drivers)?);
    env.maybe("ECS_LOGLEVEL", ecs.loglevel.map(|level| level.as_str()));
    env.maybe("ECS_ENABLE_SPOT_INSTANCE_DRAINING", ecs.enable_spot_instance_draining.map(flag));
    env.maybe("ECS_IMAGE_PULL_BEHAVIOR", ecs.image_pull_behavior.map(|behavior| behavior.as_str()));
    env.maybe("ECS_CONTAINER_STOP_TIMEOUT", ecs.container_stop_timeout.as_ref().map(ToString::to_string));
    env.maybe(
        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION",
        ecs.task_cleanup_wait.as_ref().map(ToString::to_string),
    );
    if ecs.metadata_service_rps.is_some() || ecs.metadata_service_burst.is_some() {
        let rps = ecs.metadata_service_rps.map_or(METADATA_RPS, |rps| rps.get());
        let burst = ecs.metadata_service_burst.map_or(METADATA_BURST, |burst| burst.get());
        env.set("ECS_TASK_METADATA_RPS_LIMIT", format!("{rps},{burst}"));
    }
    env.maybe("ECS_RESERVED_MEMORY", ecs.reserved_memory.map(|mib| mib.get().to_string()));
    env.maybe("ECS_DISABLE_IMAGE_CLEANUP", ecs.image_cleanup_enabled.map(|enabled| flag(!enabled)));
    env.maybe("ECS_IMAGE_CLEANUP_INTERVAL", ecs.image_cleanup_wait.as_ref().map(ToString::to_string));
    env.maybe("ECS_IMAGE_MINIMUM_CLEANUP_AGE", ecs.image_cleanup_age.as_ref().map(ToString::to_string));
    let per_cycle = ecs.image_cleanup_delete_per_cycle.map(|images| images.get().to_string());
    env.maybe("ECS_NUM_IMAGES_DELETE_PER_CYCLE", per_cycle);
    env.maybe("ECS_BACKEND_HOST", ecs.backend_host.as_ref().map(ToString::to_string));
    env.maybe("ECS_AWSVPC_BLOCK_IMDS", ecs.awsvpc_block_imds.map(flag));
    env.maybe("ECS_ENABLE_CONTAINER_METADATA", ecs.enable_container_metadata.map(flag));
    Ok(())
}

fn flag(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

/// What Docker's engine is given with a pull. Exposes secrets: its file is 0600.
#[derive(Serialize)]
struct Login {
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identitytoken: Option<String>,
}

fn credentials(registry: &Registry, env: &mut Env) -> Result<(), Error> {
    let logins = registry.credentials.iter();
    let logins: BTreeMap<&str, Login> =
        logins.filter_map(|credential| Some((server(&credential.registry), login(credential)?))).collect();
    if !logins.is_empty() {
        env.set("ECS_ENGINE_AUTH_TYPE", "docker");
        env.set("ECS_ENGINE_AUTH_DATA", json(&logins)?);
    }
    Ok(())
}

/// The engine takes a name and a password, not the two in base64.
fn login(credential: &Credential) -> Option<Login> {
    let identitytoken = credential.identitytoken.as_ref().map(|token| String::from(token.expose()));
    let (username, password) = match (&credential.username, &credential.password, &credential.auth) {
        (Some(username), Some(password), _) => (Some(username.clone()), Some(password.expose().into())),
        (_, _, Some(auth)) => {
            let plain = settings::scalar::decode_base64(auth.expose())
                .and_then(|bytes| String::from_utf8(bytes).ok())?;
            let (username, password) = plain.split_once(':')?;
            (Some(username.into()), Some(password.into()))
        }
        _ => (None, None),
    };
    Some(Login { username, password, identitytoken })
}

/// Docker Hub has another name in the configurations of Docker.
fn server(registry: &str) -> &str {
    if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|err| Error::Json { path: PATH.into(), err })
}
