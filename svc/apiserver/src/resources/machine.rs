//! The machine as a whole.

use std::sync::Arc;

use control::Shutdown;

use super::services::ask_init;
use crate::answer::{Answer, nothing};
use crate::serve::Ask;
use crate::state::{Api, Turn};

/// `POST /actions/reboot`
///
/// Waits for a change that is under way: one half done would be finished, or undone, at the next start only.
pub async fn reboot(api: &Arc<Api>, ask: &Ask) -> Answer {
    Turn::take(api, &ask.caller, |_| Ok(())).await?;
    ask_init(api, |init| init.shutdown(Shutdown::Reboot)).await?;
    Ok(nothing())
}
