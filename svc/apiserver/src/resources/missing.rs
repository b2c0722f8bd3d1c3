//! Calls that Bottlerocket has and this release does not serve: each says what is missing.

use hyper::StatusCode;
use serde_json::Value;

use crate::answer::{Answer, Refusal, json};

fn missing(what: &str, remedy: &str) -> Answer {
    Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, format!("{what} in this release")).remedy(remedy))
}

/// `POST /actions/lockdown`
pub fn lockdown() -> Answer {
    missing("settings cannot be frozen", "give callers certificates of role reader or operator instead")
}

/// `POST /actions/refresh-updates` and the like
pub fn updates() -> Answer {
    missing(
        "the updater is not there",
        "write the other set with signpost, as docs/reference/signpost.md says",
    )
}

/// `GET /updates/status`
pub fn updates_status() -> Answer {
    Err(Refusal::missing("there is no update status: nothing has looked for updates"))
}

/// `POST /actions/network/configure`
pub fn network() -> Answer {
    missing("net.toml is not read", "settings.network and settings.dns say what can be configured")
}

/// `/actions/ephemeral-storage`
pub fn ephemeral_storage() -> Answer {
    missing("ephemeral storage is not set up", "containers keep their data on the data partition")
}

/// `GET /exec`
pub fn exec() -> Answer {
    missing("exec is not served", "GET /v1/logs and GET /v1/services show what a host does")
}

/// `GET /report`
pub fn reports() -> Answer {
    Ok(json(&Vec::<Value>::new()))
}

/// `GET /report/cis` and `GET /report/fips`
pub fn report() -> Answer {
    Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "this report is not made by this release")
        .remedy("GET /report lists those that are"))
}
