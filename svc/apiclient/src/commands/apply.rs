//! `apiclient apply`

use serde_json::json;
use wire::types::ApplyState;

use super::applied;
use super::change::Careful;
use crate::failure::Failure;
use crate::session::Session;
use crate::source::Sources;
use crate::transport::{Ask, Method};

/// Change settings by documents, TOML or JSON: merged in order, committed and applied as one change, or not at all
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient apply < settings.toml
      From standard input.
  apiclient apply base.toml file:///mnt/site.toml https://config.example.com/edge-7.json
      Several; what a later one says counts.
  apiclient apply base64:W3NldHRpbmdzXQptb3RkID0gImhpIgo= --dry-run
      As EC2 user data has it; and only show what would follow.
  apiclient apply --again
      Write and restart again what is in effect, after repairs by hand.

A document is what user data is: a table `settings` and nothing beside it.")]
pub struct Apply {
    /// file://, http://, https://, base64:, a path, or - for standard input (the same as none)
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Apply the generation that is in effect once more
    #[arg(long, conflicts_with_all = ["sources", "dry_run", "confirm_within", "if_match"])]
    again: bool,
    #[command(flatten)]
    careful: Careful,
}

impl Apply {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        if self.again {
            if let Some(state) = session.show::<ApplyState>(Ask::new(Method::POST, "/v1/apply")).await? {
                let text = state.last.map(|last| applied::report(&last, session.style)).unwrap_or_default();
                session.print(&text)?;
            }
            return Ok(());
        }
        let sources = Sources::read(&self.sources, session).await?;
        let ask = Ask::new(Method::PATCH, "/v1/settings").json(&json!({ "settings": sources.merged() }));
        self.careful.ask(ask, session, |path| sources.place(path)).await
    }
}
