//! Bottlerocket's way to change settings: gather in a transaction, commit, apply.

use std::sync::Arc;

use ::settings::{
    KeyPath, LIMITS, Layer, Layers, Problem, Rooted, Tree, check_change, from_json, from_pairs,
};
use generation::Why;
use hyper::StatusCode;
use serde_json::{Value as Json, json};
use tokio::task::spawn_blocking;
use wire::types::KeyPairs;

use crate::answer::{Answer, Refusal, json, nothing};
use crate::serve::{Ask, shown};
use crate::state::{Api, How, Turn, Wanted, inside, invalid, name_of};

/// `PATCH /settings`
pub async fn patch(api: &Arc<Api>, ask: Ask) -> Answer {
    add(api, ask, document).await
}

/// `PATCH /settings/keypair`
pub async fn keypairs(api: &Arc<Api>, ask: Ask) -> Answer {
    add(api, ask, pairs).await
}

/// A change as it was written.
struct Read {
    /// What of it can be understood.
    tree: Tree,
    /// What is wrong with the rest.
    problems: Vec<Problem>,
}

fn document(body: &[u8]) -> Result<Read, Refusal> {
    let rooted = if has_settings(body) { Rooted::AtTop } else { Rooted::AtSettings };
    let tree = from_json(body, Layer::Api, rooted, &LIMITS).map_err(|problems| invalid(&problems))?;
    Ok(Read { tree, problems: Vec::new() })
}

fn pairs(body: &[u8]) -> Result<Read, Refusal> {
    let pairs = KeyPairs::from_bytes(body).map_err(|err| {
        let wanted = "wanted {\"request_payload\": [\"key=value\", ...]}";
        Refusal::bad("the body does not name keys with values").at("(document)", format!("{wanted}: {err}"))
    })?;
    let mut split = pairs.split().map_err(|without| {
        // What stands there may be a password whose key was forgotten: it is not repeated.
        without.iter().fold(Refusal::bad("not every entry is key=value"), |refusal, index| {
            refusal.at(format!("request_payload[{index}]"), "wanted key=value, found no =")
        })
    })?;
    match from_pairs(&split, Layer::Api) {
        Ok(tree) => Ok(Read { tree, problems: Vec::new() }),
        Err(problems) => {
            // The others may be wrong too, in ways that only the model knows.
            split.retain(|pair| from_pairs(&[*pair], Layer::Api).is_ok());
            Ok(Read { tree: from_pairs(&split, Layer::Api).unwrap_or_default(), problems })
        }
    }
}

/// Lays a change over the transaction's, if what is in effect could become that.
async fn add(
    api: &Arc<Api>,
    ask: Ask,
    read: impl FnOnce(&[u8]) -> Result<Read, Refusal> + Send + 'static,
) -> Answer {
    let name = name_of(ask.query.get("tx"))?.to_owned();
    strength(&ask)?;
    let (shared, now) = (api.clone(), api.now());
    // A long document takes its time, and readers do not wait for it.
    let checked = spawn_blocking(move || {
        let Read { tree: change, mut problems } = read(&ask.body)?;
        let pending = shared.transactions().get(&name).cloned();
        let before = with(&now.layers, pending.as_ref());
        let after = with(&before, Some(&change));
        problems.extend(check_change(&before, &after).err().unwrap_or_default());
        if !problems.is_empty() {
            return Err(invalid(&problems));
        }
        let most = shared.limits().transactions;
        shared.transactions().add(&name, change, ask.body.len(), most)
    });
    checked.await.unwrap_or_else(|err| Err(Refusal::host("the call ended early", &err)))?;
    Ok(nothing())
}

/// Layers with a transaction's change in them.
fn with(layers: &Layers, change: Option<&Tree>) -> Layers {
    let mut layers = layers.clone();
    if let Some(change) = change {
        layers.write(Layer::Api, change.clone(), None);
    }
    layers
}

/// Whether the top of the document is `settings`. What cannot be read is refused by its reader, with its place.
fn has_settings(body: &[u8]) -> bool {
    let text = body.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    text.is_some_and(|text| text.starts_with(b"\"settings\""))
}

fn strength(ask: &Ask) -> Result<(), Refusal> {
    match ask.query.get("strength") {
        None | Some("strong") => Ok(()),
        Some("weak") => Err(Refusal::bad("weak settings cannot be written").at(
            "strength",
            "weak settings are the image's own, and follow it; leave strength out, or strong",
        )),
        Some(other) => Err(Refusal::bad("strength is not what it can be")
            .at("strength", format!("wanted strong, found {:?}", shown(other)))),
    }
}

/// `GET /tx/list`
pub fn list(api: &Arc<Api>) -> Answer {
    Ok(json(&api.transactions().names()))
}

/// `GET /tx`
pub fn get(api: &Arc<Api>, ask: &Ask) -> Answer {
    Ok(json(&pending(api, ask)?))
}

/// `GET /v2/tx`
pub fn get_v2(api: &Arc<Api>, ask: &Ask) -> Answer {
    let settings = pending(api, ask)?;
    let name = name_of(ask.query.get("tx"))?;
    let keys = api.transactions().keys(name);
    let metadata: serde_json::Map<String, Json> =
        keys.iter().map(|key| (key.to_string(), json!({ "strength": "strong" }))).collect();
    Ok(json(&json!({ "settings": settings, "metadata": metadata })))
}

/// What a transaction says, and nothing else.
fn pending(api: &Arc<Api>, ask: &Ask) -> Result<Json, Refusal> {
    let (name, secrets) = (name_of(ask.query.get("tx"))?, ask.secrets()?);
    let only = with(&Layers::default(), api.transactions().get(name));
    // Values were checked when they came: all of them are settings.
    let (settings, _) = ::settings::validate(&only.merged());
    Ok(inside(settings.write().to_json(secrets)))
}

/// `DELETE /tx`
pub fn delete(api: &Arc<Api>, ask: &Ask) -> Answer {
    let name = name_of(ask.query.get("tx"))?;
    let mut transactions = api.transactions();
    let keys = texts(&transactions.keys(name));
    transactions.remove(name);
    Ok(json(&keys))
}

/// `POST /tx/commit` and `POST /tx/commit_and_apply`
pub async fn commit(api: &Arc<Api>, ask: Ask, apply: bool) -> Answer {
    let name = name_of(ask.query.get("tx"))?.to_owned();
    let how = if apply { How::Apply(None) } else { How::Commit };
    let wanted = Wanted { by: ask.caller.to_string(), why: Why::Change, if_match: ask.if_match, how };
    let keys = Turn::take(api, &ask.caller, move |turn| {
        let api = turn.api();
        let (change, keys) = {
            let transactions = api.transactions();
            let change = transactions.get(&name).cloned();
            let empty = || {
                let error = format!("nothing is pending in transaction {name}");
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error).remedy("PATCH /settings?tx=NAME first")
            };
            (change.ok_or_else(empty)?, transactions.keys(&name))
        };
        let made = change.clone();
        turn.change(&wanted, move |layers| {
            layers.write(Layer::Api, change, None);
            Ok(())
        })?;
        let mut transactions = api.transactions();
        // Somebody may have added to it meanwhile: that is still to be committed.
        if transactions.get(&name) == Some(&made) {
            transactions.remove(&name);
        }
        Ok(texts(&keys))
    });
    Ok(json(&keys.await?))
}

fn texts(keys: &[KeyPath]) -> Vec<String> {
    keys.iter().map(ToString::to_string).collect()
}
