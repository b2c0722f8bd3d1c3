//! `/v1/certificates`: issuing, listing and revoking what the host's own authority stands for.
//!
//! Only while the settings leave clients to it: with `settings.api.client-ca`, certificates come from that authority, and
//! issuing here would make ones that nobody believes.

use std::sync::Arc;

use hyper::StatusCode;
use wire::Role;
use wire::types::{Certificate, CertificateIssued, CertificateList, CertificateWanted};

use super::authority::NAME_CHARS;
use super::error::RemoteError;
use super::identity::{Entry, Identity};
use super::{Now, unix_s};
use crate::answer::{Answer, Refusal, json};
use crate::serve::Ask;
use crate::state::Api;

/// A year and a month: what public authorities once allowed.
const MOST_DAYS: u16 = 397;

/// `GET /v1/certificates`
pub async fn list(api: &Arc<Api>) -> Answer {
    within(api, |_, now| {
        // Also while the settings name another authority for clients: the host's own certificate may still be of this one.
        let identity = now.identity.as_ref().filter(|_| enabled(now)).ok_or_else(off)?;
        let certificates = identity.certificates().iter().map(shown).collect();
        Ok(json(&CertificateList { certificates, ca: identity.authority().certificate_pem() }))
    })
    .await
}

/// `POST /v1/certificates`
pub async fn issue(api: &Arc<Api>, ask: Ask) -> Answer {
    let wanted: CertificateWanted = serde_json::from_slice(&ask.body).map_err(|err| {
        let why = format!("wanted {{\"name\": ..., \"role\": ..., \"days\": ...}}: {err}");
        Refusal::bad("the body does not say which certificate").at("(document)", why)
    })?;
    let usual = api.now().settings.api.certificate_days();
    let (role, days) = check(&wanted, usual)?;
    within(api, move |_, now| {
        let ca = identity(now)?.authority().certificate_pem();
        let Some(identity) = now.identity.as_mut() else { return Err(off()) };
        let issued = identity.issue(&wanted.name, role, days, unix_s()).map_err(|err| failed(&err))?;
        log::info!(name:% = wanted.name, role:% = role, serial:% = issued.serial, days; "certificate issued");
        Ok(json(&CertificateIssued {
            serial: issued.serial,
            not_after_s: issued.not_after_s,
            certificate: issued.certificate,
            key: issued.key,
            ca,
        }))
    })
    .await
}

/// `DELETE /v1/certificates/{serial}`
pub async fn revoke(api: &Arc<Api>, ask: Ask) -> Answer {
    let serial = ask.names.into_iter().next().unwrap_or_default().to_ascii_lowercase();
    within(api, move |api, now| {
        identity(now)?;
        let Some(identity) = now.identity.as_mut() else { return Err(off()) };
        let Some(entry) = identity.revoke(&serial, unix_s()).map_err(|err| failed(&err))? else {
            return Err(Refusal::missing(format!(
                "no certificate {} was issued here, or it has expired",
                crate::serve::shown(&serial)
            ))
            .remedy("GET /v1/certificates lists those that were"));
        };
        log::info!(name:% = entry.name, serial:% = entry.serial; "certificate revoked");
        api.remote().believe_anew(now).map_err(|err| failed(&err))?;
        Ok(json(&shown(&entry)))
    })
    .await
}

/// What was asked for, checked: every problem at once.
fn check(wanted: &CertificateWanted, usual: u16) -> Result<(Role, u16), Refusal> {
    let mut refusal = Refusal::bad("no such certificate can be issued");
    let name = &wanted.name;
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        refusal = refusal.at("name", "not 1 to 64 printable characters");
    }
    let role = wanted.role.parse();
    if role.is_err() {
        refusal = refusal.at("role", "not one of reader, operator, admin");
    }
    let days = wanted.days.unwrap_or(usual);
    if !(1..=MOST_DAYS).contains(&days) {
        refusal = refusal.at("days", format!("not 1 to {MOST_DAYS}"));
    }
    match role {
        Ok(role) if refusal.failure.problems.is_empty() => Ok((role, days)),
        _ => Err(refusal),
    }
}

/// Runs `work` on what the remote API holds, on a thread that may block: it writes to the disk.
async fn within(api: &Arc<Api>, work: impl FnOnce(&Arc<Api>, &mut Now) -> Answer + Send + 'static) -> Answer {
    let api = api.clone();
    let done = tokio::task::spawn_blocking(move || {
        let remote = api.clone();
        let mut now = remote.remote().lock();
        work(&api, &mut now)
    });
    done.await.unwrap_or_else(|err| Err(Refusal::host("the call ended early", &err)))
}

/// The host's own authority, while clients are its affair.
fn identity(now: &Now) -> Result<&Identity, Refusal> {
    let Some(taken) = now.taken.as_ref().filter(|_| enabled(now)) else { return Err(off()) };
    if taken.wanted.client_ca.is_some() {
        let refusal = Refusal::conflict(
            "settings.api.client-ca names another authority, whose certificates alone are believed",
        );
        return Err(refusal.remedy(
            "ask that authority, and revoke by settings.api.revoked; or delete settings.api.client-ca",
        ));
    }
    now.identity.as_ref().ok_or_else(off)
}

fn enabled(now: &Now) -> bool {
    now.taken.as_ref().is_some_and(|taken| taken.wanted.enabled == Some(true))
}

fn off() -> Refusal {
    Refusal::conflict("the remote API is off, so this host has no authority of certificates")
        .remedy("set settings.api.enabled to true; GET /v1/apply says what came of it")
}

fn failed(err: &RemoteError) -> Refusal {
    match err {
        RemoteError::Full { .. } => Refusal::new(StatusCode::INSUFFICIENT_STORAGE, err.to_string()).remedy(
            "DELETE /v1/certificates/{serial} does not make room before they expire: ask for fewer days",
        ),
        RemoteError::Clock => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, err.to_string()),
        _ => Refusal::host("the host's authority failed", err),
    }
}

fn shown(entry: &Entry) -> Certificate {
    Certificate {
        serial: entry.serial.clone(),
        name: entry.name.clone(),
        role: entry.role.clone(),
        not_before_s: entry.not_before_s,
        not_after_s: entry.not_after_s,
        revoked_s: entry.revoked_s,
    }
}
