//! Going back to a generation, and keeping one that awaits confirmation.

use std::sync::Arc;

use ::settings::Layer;
use generation::Why;

use super::writing::make;
use crate::answer::{Answer, Refusal, json};
use crate::serve::Ask;
use crate::state::{Api, Turn};

/// `POST /v1/generations/{n}/rollback`
pub async fn roll_back(api: &Arc<Api>, ask: Ask) -> Answer {
    let to = ask.generation()?;
    let wanted = ask.wanted(Why::Rollback { to })?;
    let reading = api.clone();
    make(api, &ask.caller, wanted, move |layers| {
        let former = reading.store()?.read(to).map_err(|err| Refusal::missing(files::chain(&err)))?;
        // What the image says is not a generation's.
        for layer in Layer::ALL.into_iter().filter(|layer| *layer != Layer::Image) {
            layers.set(layer, former.layers.get(layer).cloned().unwrap_or_default());
        }
        Ok(())
    })
    .await
}

/// `POST /v1/generations/{n}/confirm`
pub async fn confirm(api: &Arc<Api>, ask: Ask) -> Answer {
    let number = ask.generation()?;
    Ok(json(&Turn::take(api, &ask.caller, move |turn| turn.confirm(number)).await?))
}
