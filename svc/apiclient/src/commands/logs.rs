//! `apiclient logs`

use wire::query::encode;
use wire::types::{LogLine, LogPage};

use super::stream::Stream;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Paint, Style, clean};
use crate::transport::Ask;

/// Show the host's log
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient logs
      The last 100 lines of everything.
  apiclient logs containers -n 20 -f
      The last of one unit, and each new one.
  apiclient logs kernel
      The kernel's.
  apiclient logs --json -n 1000
      For programs; with -f, one JSON object per line.")]
pub struct Logs {
    /// Only this unit's; `kernel` for the kernel's
    unit: Option<String>,
    /// How many at most
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lines: u32,
    /// Go on with each new line, until interrupted
    #[arg(short, long)]
    follow: bool,
}

impl Logs {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let mut path = format!("/v1/logs?lines={}", self.lines);
        if let Some(unit) = &self.unit {
            path.push_str(&format!("&unit={}", encode(unit)));
        }
        if !self.follow {
            if let Some(page) = session.show::<LogPage>(Ask::get(path)).await? {
                let text: String = page.lines.iter().map(|line| text(line, session.style)).collect();
                session.print(&text)?;
            }
            return Ok(());
        }
        path.push_str("&follow=true");
        let mut stream = Stream::open(Ask::get(path), session).await?;
        while let Some(event) = stream.next().await? {
            if event.kind != "line" {
                continue;
            }
            if session.json {
                session.print_line(&super::stream::data(&event))?;
            } else {
                let line = text(&stream.read(&event)?, session.style);
                session.print(&line)?;
            }
        }
        Err(Failure::Ended("the server ended the stream; it is restarting, or going down".into()))
    }
}

fn text(line: &LogLine, style: Style) -> String {
    let (time, unit) = (clean(&line.time), clean(&line.unit));
    let unit = style.paint(&unit, Paint::Strong);
    format!("{} {unit}: {}\n", style.paint(&time, Paint::Faint), clean(&line.text))
}
