//! The settings in effect.

use std::sync::Arc;

use ::settings::{Secrets, Value};
use wire::types::SettingsShown;

use super::parameters::paths;
use crate::answer::{Answer, json, json_text, of_generation, tagged};
use crate::serve::Ask;
use crate::state::{Api, inside};

/// `GET /settings`
pub fn get(api: &Arc<Api>, ask: &Ask) -> Answer {
    let (now, secrets) = (api.now(), ask.secrets()?);
    if let Some(keys) = ask.keys("keys")? {
        return Ok(json(&part(&now.value.only(&keys), secrets)));
    }
    Ok(match ask.filled("prefix")? {
        Some(prefix) => json(&part(&begins(&now.value, &implied(prefix)), secrets)),
        None if secrets == Secrets::Marked => json_text(now.text()),
        None => json(&part(&now.value, secrets)),
    })
}

/// `GET /v1/settings`
pub fn show(api: &Arc<Api>, ask: &Ask) -> Answer {
    let (now, secrets) = (api.now(), ask.secrets()?);
    let generation = now.number();
    let settings = match ask.filled("prefix")? {
        Some(prefix) => part(&now.value.only(&paths([prefix])?), secrets),
        None if secrets == Secrets::Marked => {
            // `SettingsShown`, around what is made once for all readers of a generation.
            let text = [format!("{{\"generation\":{generation},\"settings\":").as_bytes(), &now.text(), b"}"]
                .concat();
            return Ok(tagged(json_text(text), generation));
        }
        None => part(&now.value, secrets),
    };
    Ok(of_generation(generation, &SettingsShown { generation, settings }))
}

/// What is in effect at keys whose text begins so. `settings` itself, or less, is all of them.
pub fn begins(value: &Value, prefix: &str) -> Value {
    if "settings.".starts_with(prefix) { value.clone() } else { value.filtered(prefix) }
}

/// A prefix as Bottlerocket completes it.
fn implied(prefix: &str) -> String {
    if prefix.starts_with("settings") { prefix.to_owned() } else { format!("settings.{prefix}") }
}

fn part(value: &Value, secrets: Secrets) -> serde_json::Value {
    inside(value.to_json(secrets))
}
