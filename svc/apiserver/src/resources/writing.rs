//! Changing settings in one call: `PATCH` and `DELETE /v1/settings`.

use std::sync::Arc;

use ::settings::{KeyPath, LIMITS, Layer, Layers, Rooted, from_json};
use generation::Why;
use hyper::StatusCode;
use wire::types::{Deletion, Outcome};

use super::parameters::paths;
use crate::answer::{Answer, Refusal, of_generation};
use crate::caller::Caller;
use crate::serve::Ask;
use crate::state::{Api, Turn, Wanted, invalid, sets_nothing};

/// `PATCH /v1/settings`
pub async fn change(api: &Arc<Api>, ask: Ask) -> Answer {
    let wanted = ask.wanted(Why::Change)?;
    let tree =
        from_json(&ask.body, Layer::Api, Rooted::AtTop, &LIMITS).map_err(|problems| invalid(&problems))?;
    if sets_nothing(&tree) {
        let remedy = "send {\"settings\": {...}} with what to set";
        return Err(Refusal::bad("the document sets nothing").remedy(remedy));
    }
    make(api, &ask.caller, wanted, move |layers| {
        layers.write(Layer::Api, tree, None);
        Ok(())
    })
    .await
}

/// `DELETE /v1/settings`
pub async fn delete(api: &Arc<Api>, ask: Ask) -> Answer {
    let wanted = ask.wanted(Why::Change)?;
    let mut keys = ask.keys("keys")?.unwrap_or_default();
    if !ask.body.is_empty() {
        let deletion: Deletion = serde_json::from_slice(&ask.body).map_err(|err| {
            Refusal::bad("the body does not name keys")
                .at("(document)", format!("wanted {{\"keys\": [...]}}: {err}"))
        })?;
        keys.extend(paths(deletion.keys.iter().map(String::as_str))?);
    }
    if keys.is_empty() {
        return Err(Refusal::bad("no key is named").at("keys", "name at least one: keys=settings.motd"));
    }
    make(api, &ask.caller, wanted, move |layers| remove(layers, &keys)).await
}

/// Makes a change and answers what came of it.
pub async fn make(
    api: &Arc<Api>,
    caller: &Caller,
    wanted: Wanted,
    edit: impl FnOnce(&mut Layers) -> Result<(), Refusal> + Send + 'static,
) -> Answer {
    let outcome: Outcome = Turn::take(api, caller, move |turn| turn.change(&wanted, edit)).await?;
    Ok(of_generation(outcome.generation, &outcome))
}

/// Deletes each key from the topmost layer that has it; names every one that none has.
fn remove(layers: &mut Layers, keys: &[KeyPath]) -> Result<(), Refusal> {
    let mut refusal =
        Refusal::new(StatusCode::NOT_FOUND, "not every key can be deleted; nothing was changed");
    for key in keys {
        if layers.delete(key).is_none() {
            let there = layers.merged();
            let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
            let why = match there.node(&path).map(|node| node.layer) {
                Some(layer) => format!(
                    "it is set by layer {layer} only, which has nothing below it; set another value instead"
                ),
                None => "it is not set".to_owned(),
            };
            refusal = refusal.at(key.to_string(), why);
        }
    }
    if refusal.failure.problems.is_empty() {
        return Ok(());
    }
    Err(refusal.remedy("GET /v1/settings/explain?key=KEY says which layer sets a key"))
}
