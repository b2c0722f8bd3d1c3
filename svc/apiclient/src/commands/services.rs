//! `apiclient services`

use wire::query::encode;
use wire::types::{Renewal, ServiceStatus, UnitOutcome, UnitRenewal};

use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Cell, Paint, Table, clean, span};
use crate::transport::{Ask, Method};

/// Show what PID 1 runs, or restart a unit
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  apiclient services
      Every unit and its state.
  apiclient services containerd
      One.
  apiclient services restart containers
      Restart one; returns when it is ready."
)]
pub struct Services {
    /// The unit to show
    name: Option<String>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Restart units, one after another, each until it is ready
    #[command(after_help = "Example:
  apiclient services restart containers")]
    Restart {
        /// Which
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
    },
}

impl Services {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        if let Some(Verb::Restart { names }) = self.verb {
            for name in names {
                restart(&name, session).await?;
            }
            return Ok(());
        }
        match self.name {
            Some(name) => one(&name, session).await,
            None => all(session).await,
        }
    }
}

async fn restart(name: &str, session: &mut Session<'_>) -> Result<(), Failure> {
    let ask = Ask::new(Method::POST, format!("/v1/services/{}/restart", encode(name)));
    let Some(UnitRenewal { unit, how, outcome, why }) = session.show(ask).await? else { return Ok(()) };
    let how = match how {
        Renewal::Restarted => "restarted",
        Renewal::Reloaded => "reloaded",
        Renewal::Started => "started",
        Renewal::Skipped => "not restarted: it is not to run",
    };
    let outcome = match outcome {
        UnitOutcome::Ready => "ready",
        UnitOutcome::Failed => "failed",
        UnitOutcome::TimedOut => "not ready in time",
    };
    let why = why.map(|why| format!(": {}", clean(&why))).unwrap_or_default();
    session.print(&format!("{} {how}, {outcome}{why}\n", clean(&unit)))
}

async fn all(session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(units) = session.show::<Vec<ServiceStatus>>(Ask::get("/v1/services")).await? else {
        return Ok(());
    };
    let text = table(&units).text(session.style);
    session.print(&text)
}

/// Units in the order given.
pub fn table(units: &[ServiceStatus]) -> Table {
    let mut table = Table::new(["UNIT", "STATE", "SINCE", "PID", "STARTS", "FAILURES", "LAST END"]);
    for unit in units {
        table.row([
            (&unit.name).into(),
            state(unit),
            span(unit.since_ms).into(),
            unit.pid.map(|pid| pid.to_string()).unwrap_or_default().into(),
            unit.starts.to_string().into(),
            unit.failures.to_string().into(),
            unit.last_end.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

fn state(unit: &ServiceStatus) -> Cell {
    let paint = match unit.state.as_str() {
        "failed" | "held" | "stuck" | "restarting" => Paint::Bad,
        "ready" | "done" => Paint::Good,
        "stopped" | "skipped" => Paint::Faint,
        _ => Paint::Warn,
    };
    Cell::painted(&unit.state, paint)
}

async fn one(name: &str, session: &mut Session<'_>) -> Result<(), Failure> {
    let ask = Ask::get(format!("/v1/services/{}", encode(name)));
    let Some(unit) = session.show::<ServiceStatus>(ask).await? else { return Ok(()) };
    let mut text = format!(
        "{}  {}\n  {}, {} since {} after the kernel started\n",
        session.style.paint(&clean(&unit.name), Paint::Strong),
        clean(&unit.description),
        clean(&unit.kind),
        clean(&unit.state),
        span(unit.since_ms)
    );
    if let Some(why) = &unit.why {
        text.push_str(&format!("  {}\n", clean(why)));
    }
    if let Some(pid) = unit.pid {
        text.push_str(&format!("  process {pid}\n"));
    }
    text.push_str(&format!("  started {} times, failed {} times in a row\n", unit.starts, unit.failures));
    if let Some(end) = &unit.last_end {
        text.push_str(&format!("  last end: {}\n", clean(end)));
    }
    session.print(&text)
}
