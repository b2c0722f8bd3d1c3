//! `apiclient raw`

use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Ask for any path, and print the answer as it is
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient raw -u /v1/openapi.json
  apiclient raw -m PATCH -u '/settings?tx=mine' -d '{\"motd\": \"hi\"}'
  apiclient raw -m POST -u '/tx/commit_and_apply?tx=mine'
      Bottlerocket's transactions.")]
pub struct Raw {
    /// Path and query
    #[arg(short, long, value_name = "PATH")]
    uri: String,
    /// GET, POST, PATCH, DELETE
    #[arg(short, long, visible_short_alias = 'X', value_name = "METHOD", default_value = "GET", value_parser = method)]
    method: Method,
    /// The body, JSON; or text where the path takes text
    #[arg(short, long, value_name = "DATA")]
    data: Option<String>,
}

impl Raw {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        if !self.uri.starts_with('/') || !self.uri.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Usage(
                "the path begins with / and has only printable ASCII; %XX stands for the rest".into(),
            ));
        }
        let mut ask = Ask::new(self.method, self.uri);
        ask.body = self.data.map(|data| {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&data).is_ok();
            (if is_json { "application/json" } else { "text/plain" }, data.into_bytes().into())
        });
        let answer = session.ask(ask).await?;
        session.print_bytes(&answer.body)?;
        if !answer.body.is_empty() && !answer.body.ends_with(b"\n") {
            session.print("\n")?;
        }
        Ok(())
    }
}

fn method(text: &str) -> Result<Method, String> {
    let method = Method::from_bytes(text.to_ascii_uppercase().as_bytes());
    method.map_err(|_| "not a method; one of GET, POST, PATCH, DELETE".into())
}
