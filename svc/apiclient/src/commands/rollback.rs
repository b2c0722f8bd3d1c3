//! `apiclient rollback`

use super::change::Careful;
use super::history;
use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Put a former generation's settings into effect again, as a new generation
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient rollback
      As it was before the last change.
  apiclient rollback 7 --dry-run
      What going back to generation 7 would change.")]
pub struct Rollback {
    /// Which; without it, the one before the one in effect
    generation: Option<u64>,
    #[command(flatten)]
    careful: Careful,
}

impl Rollback {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let number = match self.generation {
            Some(number) => number,
            None => history::previous(session).await?,
        };
        let ask = Ask::new(Method::POST, format!("/v1/generations/{number}/rollback"));
        self.careful.ask(ask, session, |_| None).await
    }
}
