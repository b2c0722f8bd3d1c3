//! `apiclient report`

use clap::ValueEnum;
use wire::types;

use crate::failure::Failure;
use crate::session::Session;
use crate::show::Table;
use crate::transport::Ask;

/// Show whether the host keeps to a benchmark
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient report
      Which reports this host can make.
  apiclient report cis -l 2 -f json")]
pub struct Report {
    #[command(subcommand)]
    which: Option<Which>,
}

#[derive(Debug, clap::Subcommand)]
enum Which {
    /// The CIS benchmark of the host
    #[command(after_help = "Example:
  apiclient report cis -l 2")]
    Cis(Options),
    /// The CIS benchmark of Kubernetes
    #[command(after_help = "Example:
  apiclient report cis-k8s -f json")]
    CisK8s(Options),
    /// The FIPS 140 requirements
    #[command(after_help = "Example:
  apiclient report fips")]
    Fips(Format),
}

#[derive(Debug, clap::Args)]
struct Options {
    /// How strict: 1 or 2
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    level: u8,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
struct Format {
    /// For people, or for programs
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

impl Report {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let form = |format: Format| match format.format {
            Form::Json => "json",
            Form::Text if session.json => "json",
            Form::Text => "text",
        };
        let path = match self.which {
            None => return list(session).await,
            Some(Which::Cis(Options { level, format })) => {
                format!("/report/cis?level={level}&format={}", form(format))
            }
            Some(Which::CisK8s(Options { level, format })) => {
                format!("/report/cis?type=kubernetes&level={level}&format={}", form(format))
            }
            Some(Which::Fips(format)) => format!("/report/fips?format={}", form(format)),
        };
        let answer = session.ask(Ask::get(path)).await?;
        session.print_bytes(&answer.body)
    }
}

async fn list(session: &mut Session<'_>) -> Result<(), Failure> {
    let Some(reports) = session.show::<Vec<types::ReportKind>>(Ask::get("/report")).await? else {
        return Ok(());
    };
    if reports.is_empty() {
        return session.print("this host can make no reports\n");
    }
    let mut table = Table::new(["REPORT", "WHAT"]);
    for report in &reports {
        table.row([(&report.name).into(), (&report.description).into()]);
    }
    let text = table.text(session.style);
    session.print(&text)
}
