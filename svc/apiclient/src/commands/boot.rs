//! `apiclient boot`

use wire::types;

use super::services;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Table, span};
use crate::transport::Ask;

/// Show how this boot went: when it reached what
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient boot
      Milestones and units, by time since the kernel started.
  apiclient boot --json
      For programs, in milliseconds.")]
pub struct Boot {}

impl Boot {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let Some(boot) = session.show::<types::Boot>(Ask::get("/v1/boot")).await? else { return Ok(()) };
        let mut milestones = Table::new(["AT", "AFTER", "MILESTONE"]);
        let mut before = 0;
        for milestone in &boot.milestones {
            let after = milestone.at_ms.saturating_sub(before);
            milestones.row([span(milestone.at_ms).into(), span(after).into(), (&milestone.name).into()]);
            before = milestone.at_ms;
        }
        let mut units = boot.units;
        units.sort_by_key(|unit| unit.since_ms);
        let style = session.style;
        session.print(&format!("{}\n{}", milestones.text(style), services::table(&units).text(style)))
    }
}
