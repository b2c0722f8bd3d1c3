//! `apiclient history`

use wire::types::{GenerationShown, GenerationSummary};

use super::change;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Cell, Paint, Table, inline, utc};
use crate::transport::Ask;

/// List generations of the settings, or show one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient history
      When settings changed, by whom, and why.
  apiclient history 12
      What each layer said then.")]
pub struct History {
    /// The generation to show
    generation: Option<u64>,
    /// With a generation: write secrets out; for administrators
    #[arg(long, requires = "generation")]
    secrets: bool,
}

impl History {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let Some(number) = self.generation else { return list(session).await };
        let secrets = if self.secrets { "?secrets=show" } else { "" };
        let ask = Ask::get(format!("/v1/generations/{number}{secrets}"));
        let Some(shown) = session.show::<GenerationShown>(ask).await? else { return Ok(()) };
        let mut text = table(&[shown.summary]).text(session.style);
        let mut values = Table::new(["LAYER", "KEY", "VALUE"]);
        for (layer, settings) in &shown.layers {
            for (key, value) in change::leaves(settings) {
                values.row([layer.into(), key.into(), inline(value).into()]);
            }
        }
        if !values.is_empty() {
            text.push('\n');
            text.push_str(&values.text(session.style));
        }
        session.print(&text)
    }
}

async fn list(session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(all) = session.show::<Vec<GenerationSummary>>(Ask::get("/v1/generations")).await? else {
        return Ok(());
    };
    let text = table(&all).text(session.style);
    session.print(&text)
}

fn table(all: &[GenerationSummary]) -> Table {
    let mut table = Table::new(["GENERATION", "WHEN", "BY", "WHY", "RELEASE", ""]);
    for one in all {
        let state = match (one.current, one.provisional) {
            (true, Some(_)) => Cell::painted("in effect, awaits confirmation", Paint::Warn),
            (true, None) => Cell::painted("in effect", Paint::Good),
            (false, Some(_)) => Cell::painted("not confirmed", Paint::Faint),
            (false, None) => "".into(),
        };
        table.row([
            one.number.to_string().into(),
            utc(one.unix_s).into(),
            (&one.by).into(),
            (&one.why).into(),
            (&one.release).into(),
            state,
        ]);
    }
    table
}

/// The generation in effect, and the one before it.
pub async fn current_and_previous(session: &Session<'_>) -> Result<(u64, Option<u64>), Failure> {
    let all: Vec<GenerationSummary> = session.learn(Ask::get("/v1/generations")).await?;
    let current = all.iter().find(|one| one.current).or(all.first());
    let current = current.ok_or_else(|| Failure::Usage("this host keeps no generations yet".into()))?.number;
    let previous = all.iter().map(|one| one.number).filter(|number| *number < current).max();
    Ok((current, previous))
}

/// The generation before the one in effect.
pub async fn previous(session: &Session<'_>) -> Result<u64, Failure> {
    let (current, previous) = current_and_previous(session).await?;
    previous.ok_or_else(|| {
        Failure::Usage(format!("generation {current} is the first that is kept; there is none before it"))
    })
}
