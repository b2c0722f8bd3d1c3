//! The host in short, and the record of calls.

use std::sync::Arc;

use control::Control;
use files::Stamp;
use tokio::task::spawn_blocking;
use wire::types::{AuditPage, Status};

use super::explain::all_problems;
use super::services::{ask_init, is_failing};
use crate::answer::{Answer, Refusal, json};
use crate::serve::Ask;
use crate::state::Api;

/// Records, if a caller does not say how many.
const RECORDS: u64 = 1000;
/// Most records of one answer.
const RECORDS_MAX: u64 = 10_000;

/// `GET /v1/status`
pub async fn status(api: &Arc<Api>) -> Answer {
    let release = api.release();
    let failing = match ask_init(api, Control::list).await {
        Ok(units) => units.into_iter().filter(is_failing).map(|unit| unit.name).collect(),
        // The rest is worth knowing all the same.
        Err(_) => vec!["init".to_owned()],
    };
    let hostname = files::read_text(&api.host().hostname, 256).unwrap_or_default();
    Ok(json(&Status {
        hostname: hostname.trim().to_owned(),
        release: release.version_id.clone(),
        variant: release.variant_id.clone(),
        arch: std::env::consts::ARCH.to_owned(),
        uptime_ms: u64::try_from(Stamp::now().boot_us / 1000).unwrap_or_default(),
        generation: api.number(),
        applied: api.last_report().map(|report| report.ok),
        pending: api.pending(),
        problems: all_problems(api).len() as u64,
        failing,
    }))
}

/// `GET /v1/audit`
pub async fn audit(api: &Arc<Api>, ask: Ask) -> Answer {
    let since = ask.number("since", 0, u64::MAX)?.unwrap_or(0);
    let most = ask.number("lines", 1, RECORDS_MAX)?.unwrap_or(RECORDS);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let api = api.clone();
    let records = spawn_blocking(move || api.audit().page(since, most)).await;
    let records = records.map_err(|err| Refusal::host("the call ended early", &err))?;
    Ok(json(&AuditPage { records }))
}
