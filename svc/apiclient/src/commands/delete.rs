//! `apiclient delete`

use serde_json::json;

use super::change::Careful;
use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Delete keys, so that what the layer below says is in effect again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient delete motd
      The user data's motd again, or the image's.
  apiclient delete containers.web kernel.sysctl --dry-run
      A table goes with everything below it; only show what would follow.")]
pub struct Delete {
    /// Keys; `settings.` in front may be left out
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    #[command(flatten)]
    careful: Careful,
}

impl Delete {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let keys: Result<Vec<String>, Failure> =
            self.keys.iter().map(|key| super::set::key(key).map(|key| key.to_string())).collect();
        let ask = Ask::new(Method::DELETE, "/v1/settings").json(&json!({ "keys": keys? }));
        self.careful.ask(ask, session, |_| None).await
    }
}
