//! Generations that are kept: which, what they hold, how they differ.

use std::sync::Arc;

use ::settings::{Secrets, Tree, validate};
use generation::Generation;
use store::ReadError;
use tokio::task::spawn_blocking;
use wire::types::{Diff, GenerationShown};

use super::parameters::generation;
use crate::answer::{Answer, Refusal, changed, json};
use crate::serve::Ask;
use crate::state::{Api, Snapshot, inside, summary};

/// `GET /v1/generations`
pub async fn list(api: &Arc<Api>) -> Answer {
    let current = api.number();
    let kept = on_disk(api, |api| {
        api.store()?.list().map_err(|err| Refusal::host("the settings store cannot be read", &err))
    });
    let kept = kept.await?;
    Ok(json(&kept.iter().map(|one| summary(one, current)).collect::<Vec<_>>()))
}

/// `GET /v1/generations/{n}`
pub async fn show(api: &Arc<Api>, ask: Ask) -> Answer {
    let (number, secrets) = (ask.generation()?, ask.secrets()?);
    let current = api.number();
    let one = on_disk(api, move |api| read(api, number)).await?;
    let layers = one.layers.iter().map(|(layer, tree)| (layer.to_string(), plain(tree, secrets)));
    let user_data = one.user_data.iter().map(|(layer, digest)| (layer.to_string(), digest.clone()));
    Ok(json(&GenerationShown {
        summary: summary(&one.as_ref().into(), current),
        layers: layers.collect(),
        user_data: user_data.collect(),
    }))
}

/// `GET /v1/generations/diff`
pub async fn diff(api: &Arc<Api>, ask: Ask) -> Answer {
    let from = generation(ask.query.get("from").unwrap_or_default(), "from")?;
    let to = ask.query.get("to").map_or_else(|| Ok(api.number()), |to| generation(to, "to"))?;
    let changed = on_disk(api, move |api| {
        let (from, to) = (in_effect(api, from)?, in_effect(api, to)?);
        Ok(::settings::diff(&from.value, &to.value).iter().map(changed).collect())
    });
    Ok(json(&Diff { from, to, changed: changed.await? }))
}

/// What a generation means on today's image.
fn in_effect(api: &Api, number: u64) -> Result<Snapshot, Refusal> {
    Ok(api.snapshot_of(read(api, number)?))
}

fn read(api: &Api, number: u64) -> Result<Arc<Generation>, Refusal> {
    api.store()?.read(number).map_err(|err| match err {
        ReadError::Absent { .. } => {
            Refusal::missing(files::chain(&err)).remedy("GET /v1/generations lists them")
        }
        _ => Refusal::host("the generation cannot be shown", &err),
    })
}

/// What one layer said, as far as it is settings. What was wrong in it may be a misspelt secret, and is not shown.
fn plain(tree: &Tree, secrets: Secrets) -> serde_json::Value {
    inside(validate(tree).0.write().to_json(secrets))
}

async fn on_disk<T: Send + 'static>(
    api: &Arc<Api>,
    work: impl FnOnce(&Api) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let api = api.clone();
    let done = spawn_blocking(move || work(&api)).await;
    done.unwrap_or_else(|err| Err(Refusal::host("the call ended early", &err)))
}
