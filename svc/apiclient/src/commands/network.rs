//! `apiclient network`

use crate::failure::Failure;
use crate::session::Session;
use crate::source;
use crate::transport::{Ask, Method};

/// Replace the network's configuration
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Network {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Put a `net.toml` into place; it counts from the next boot
    #[command(after_help = "Examples:
  apiclient network configure file:///mnt/net.toml
  apiclient network configure - < net.toml")]
    Configure {
        /// file://, http://, https://, base64:, a path, or - for standard input
        #[arg(value_name = "SOURCE")]
        source: String,
    },
}

impl Network {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let Verb::Configure { source } = self.verb;
        let bytes = source::plain(&source, session).await?;
        let mut ask = Ask::new(Method::POST, "/actions/network/configure");
        ask.body = Some(("text/plain", bytes.into()));
        session.ask(ask).await?;
        Ok(())
    }
}
