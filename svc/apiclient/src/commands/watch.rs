//! `apiclient watch`

use wire::types::{GenerationSummary, Report};

use super::applied;
use super::stream::{Stream, data};
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{clean, utc};
use crate::transport::Ask;

/// Tell every change of settings, and what came of it, as it happens
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient watch
      From now on, until interrupted.
  apiclient watch --since 12 --json
      First what came after generation 12; one JSON object per line.")]
pub struct Watch {
    /// First tell the generations after this one that are kept
    #[arg(long, value_name = "GENERATION")]
    since: Option<u64>,
}

impl Watch {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let since = self.since.map(|number| format!("?since={number}")).unwrap_or_default();
        let mut stream = Stream::open(Ask::get(format!("/v1/watch{since}")), session).await?;
        while let Some(event) = stream.next().await? {
            if session.json {
                session.print_line(&serde_json::json!({ "event": event.kind, "data": data(&event) }))?;
                continue;
            }
            let text = match event.kind.as_str() {
                "generation" => {
                    let one: GenerationSummary = stream.read(&event)?;
                    let awaits = if one.provisional.is_some() { ", awaits confirmation" } else { "" };
                    let (by, why) = (clean(&one.by), clean(&one.why));
                    format!("{} generation {} by {by}: {why}{awaits}\n", utc(one.unix_s), one.number)
                }
                "apply" => {
                    let report: Report = stream.read(&event)?;
                    format!("generation {}: {}", report.generation, applied::report(&report, session.style))
                }
                "behind" => "some events were missed: `apiclient history` has all generations\n".to_owned(),
                // A newer server tells more.
                kind => format!("{}: {}\n", clean(kind), clean(&event.data)),
            };
            session.print(&text)?;
        }
        Err(Failure::Ended("the server ended the stream; it is restarting, or going down".into()))
    }
}
