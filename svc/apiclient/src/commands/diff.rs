//! `apiclient diff`

use wire::types;

use super::{change, history};
use crate::failure::Failure;
use crate::session::Session;
use crate::transport::Ask;

/// Show what differs between two generations of the settings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient diff
      What the last change changed.
  apiclient diff 7
      What changed since generation 7.
  apiclient diff 7 9 --json
      Between two, for programs.")]
pub struct Diff {
    /// The one; without it, the generation before the one in effect
    from: Option<u64>,
    /// The other; without it, the one in effect
    to: Option<u64>,
}

impl Diff {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let from = match self.from {
            Some(from) => from,
            None => history::previous(session).await?,
        };
        let to = self.to.map(|to| format!("&to={to}")).unwrap_or_default();
        let ask = Ask::get(format!("/v1/generations/diff?from={from}{to}"));
        let Some(types::Diff { from, to, changed }) = session.show(ask).await? else { return Ok(()) };
        let mut text = format!("generation {from} -> {to}\n");
        match changed.is_empty() {
            true => text.push_str("no difference\n"),
            false => text.push_str(&change::changes(&changed, session.style)),
        }
        session.print(&text)
    }
}
