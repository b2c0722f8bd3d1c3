//! What came of applying, and applying again.

use std::sync::Arc;

use wire::types::ApplyState;

use crate::answer::{Answer, json, nothing};
use crate::serve::Ask;
use crate::state::{Api, Turn};

/// `GET /v1/apply`
pub fn state(api: &Arc<Api>) -> Answer {
    let state = ApplyState { generation: api.number(), last: api.last_report(), pending: api.pending() };
    Ok(json(&state))
}

/// `POST /v1/apply`
pub async fn again(api: &Arc<Api>, ask: Ask) -> Answer {
    let by = ask.caller.to_string();
    Turn::take(api, &ask.caller, move |turn| turn.apply_current(&by)).await?;
    state(api)
}

/// `POST /tx/apply`
pub async fn keys(api: &Arc<Api>, ask: Ask) -> Answer {
    // Which keys changed is found by comparing; the parameter is read so that a wrong one is named.
    ask.keys("keys")?;
    let by = ask.caller.to_string();
    Turn::take(api, &ask.caller, move |turn| turn.apply_current(&by)).await?;
    Ok(nothing())
}
