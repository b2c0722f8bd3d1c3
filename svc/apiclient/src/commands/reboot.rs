//! `apiclient reboot`

use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Restart the machine, in order: containers first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  apiclient --node edge-7 reboot")]
pub struct Reboot {}

impl Reboot {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        session.ask(Ask::new(Method::POST, "/actions/reboot")).await?;
        Ok(())
    }
}
