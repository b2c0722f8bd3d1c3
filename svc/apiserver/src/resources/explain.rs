//! Why settings are what they are, what of them is wrong, what they may be, and what else can be asked.

use std::sync::Arc;

use ::settings::schema;
use wire::types::{Explained, Explanation, Problem, ProblemList, Stamp};

use super::parameters::paths;
use crate::answer::{Answer, Refusal, json, json_text, problem};
use crate::serve::Ask;
use crate::state::Api;

/// `GET /v1/settings/explain`
pub fn explain(api: &Arc<Api>, ask: &Ask) -> Answer {
    let secrets = ask.secrets()?;
    let keys = paths(ask.query.get("key"))?;
    let now = api.now();
    let mut values = Vec::new();
    for key in &keys {
        values.extend(now.layers.explain(key).into_iter().map(|one| Explained {
            key: one.key.to_string(),
            layer: one.layer.to_string(),
            stamp: one.stamp.map(|stamp| Stamp { generation: stamp.generation, unix_s: stamp.unix_s }),
            value: one.value.to_json(secrets),
            wins: one.wins,
        }));
    }
    if values.is_empty() {
        let names: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let error = format!("nobody set {}", names.join(", "));
        return Err(Refusal::missing(error).remedy("GET /v1/settings shows every key that is set"));
    }
    Ok(json(&Explanation { values }))
}

/// `GET /v1/settings/problems`
pub fn problems(api: &Arc<Api>) -> Answer {
    Ok(json(&ProblemList { generation: api.number(), problems: all_problems(api) }))
}

/// What is wrong with what the layers say, and with the documents they come from.
pub fn all_problems(api: &Api) -> Vec<Problem> {
    // There is none on a machine that configure has not run on, as a developer's.
    let configured = api.configured().unwrap_or_default();
    let mut problems: Vec<Problem> = api.now().problems().iter().map(problem).collect();
    problems.extend(configured.unreadable);
    // What the kernel refused of them is known of the generation that was applied at boot.
    for other in configured.invalid {
        if configured.generation == api.number() && !problems.contains(&other) {
            problems.push(other);
        }
    }
    problems
}

/// `GET /v1/settings/schema`
pub fn schema() -> Answer {
    Ok(json(&schema::json_schema()))
}

/// `GET /v1/openapi.json`
pub fn openapi() -> Answer {
    Ok(json_text(wire::openapi::text()))
}
