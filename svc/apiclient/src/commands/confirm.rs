//! `apiclient confirm`

use wire::types::{ApplyState, GenerationSummary};

use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Keep a change that would undo itself (--confirm-within)
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient confirm
      Keep the change that awaits it.
  apiclient confirm 13
      Keep exactly this one: fails when it was undone already.")]
pub struct Confirm {
    /// Which; without it, the one that awaits confirmation
    generation: Option<u64>,
}

impl Confirm {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let number = match self.generation {
            Some(number) => number,
            None => {
                let state: ApplyState = session.learn(Ask::get("/v1/apply")).await?;
                let none = || {
                    Failure::Conflict(
                        "no change awaits confirmation: it was confirmed, or undone at its deadline".into(),
                    )
                };
                state.pending.ok_or_else(none)?.generation
            }
        };
        let ask = Ask::new(Method::POST, format!("/v1/generations/{number}/confirm"));
        if let Some(kept) = session.show::<GenerationSummary>(ask).await? {
            session.print(&format!("generation {} is kept\n", kept.number))?;
        }
        Ok(())
    }
}
