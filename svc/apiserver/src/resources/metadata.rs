//! What belongs to keys beside their values.

use std::sync::Arc;

use ::settings::{KeyPath, Layer};
use serde_json::{Map, Value as Json, json};

use crate::answer::{Answer, Refusal, json};
use crate::serve::Ask;
use crate::state::Api;

/// What finds out what nobody set: `configure`, at boot.
const GENERATOR: &str = "configure";

/// `GET /metadata/affected-services`
pub fn affected(api: &Arc<Api>, ask: &Ask) -> Answer {
    let keys = needed(ask)?;
    let found: Map<String, Json> = keys
        .iter()
        .map(|key| (key.to_string(), render::affected(key, api.facts())))
        .filter(|(_, units)| !units.is_empty())
        .map(|(key, units)| (key, units.into()))
        .collect();
    Ok(json(&found))
}

/// `GET /metadata/templates`
pub fn templates(ask: &Ask) -> Answer {
    needed(ask)?;
    Ok(json(&Map::new()))
}

/// `GET /metadata/setting-generators`
pub fn generators(api: &Arc<Api>, ask: &Ask) -> Answer {
    let found: Map<String, Json> =
        generated(api, ask)?.iter().map(|key| (key.to_string(), GENERATOR.into())).collect();
    Ok(json(&found))
}

/// `GET /v2/metadata/setting-generators`
pub fn generators_v2(api: &Arc<Api>, ask: &Ask) -> Answer {
    let generator = json!({ "command": GENERATOR, "strength": "strong", "depth": 0 });
    let found: Map<String, Json> =
        generated(api, ask)?.iter().map(|key| (key.to_string(), generator.clone())).collect();
    Ok(json(&found))
}

/// Keys that the host found out itself; of those asked for, if any are.
fn generated(api: &Api, ask: &Ask) -> Result<Vec<KeyPath>, Refusal> {
    let wanted = ask.keys("keys")?;
    let now = api.now();
    let mut own = ::settings::Layers::default();
    own.set(Layer::Generated, now.layers.get(Layer::Generated).cloned().unwrap_or_default());
    let asked =
        |key: &KeyPath| wanted.as_ref().is_none_or(|keys| keys.iter().any(|wanted| key.starts_with(wanted)));
    Ok(own.keys().into_iter().filter(asked).collect())
}

fn needed(ask: &Ask) -> Result<Vec<KeyPath>, Refusal> {
    Ok(ask.keys("keys")?.unwrap_or_default())
}
