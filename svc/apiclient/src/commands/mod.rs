//! What can be done, one file each.

mod applied;
mod apply;
mod audit;
mod boot;
mod certificates;
mod change;
mod completion;
mod confirm;
mod delete;
mod diff;
mod get;
mod history;
mod logs;
mod network;
mod raw;
mod reboot;
mod report;
mod rollback;
mod services;
mod set;
mod status;
mod stream;
mod watch;

use clap::Subcommand;

pub use completion::Completion;

use crate::failure::Failure;
use crate::session::Session;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Get(get::Get),
    Set(set::Set),
    Apply(apply::Apply),
    Delete(delete::Delete),
    Diff(diff::Diff),
    History(history::History),
    Rollback(rollback::Rollback),
    Confirm(confirm::Confirm),
    Watch(watch::Watch),
    Status(status::Status),
    Services(services::Services),
    Logs(logs::Logs),
    Boot(boot::Boot),
    Audit(audit::Audit),
    Certificates(certificates::Certificates),
    Raw(raw::Raw),
    Reboot(reboot::Reboot),
    Network(network::Network),
    Report(report::Report),
    Completion(Completion),
}

impl Command {
    /// Does it.
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        match self {
            Self::Get(command) => command.run(session).await,
            Self::Set(command) => command.run(session).await,
            Self::Apply(command) => command.run(session).await,
            Self::Delete(command) => command.run(session).await,
            Self::Diff(command) => command.run(session).await,
            Self::History(command) => command.run(session).await,
            Self::Rollback(command) => command.run(session).await,
            Self::Confirm(command) => command.run(session).await,
            Self::Watch(command) => command.run(session).await,
            Self::Status(command) => command.run(session).await,
            Self::Services(command) => command.run(session).await,
            Self::Logs(command) => command.run(session).await,
            Self::Boot(command) => command.run(session).await,
            Self::Audit(command) => command.run(session).await,
            Self::Certificates(command) => command.run(session).await,
            Self::Raw(command) => command.run(session).await,
            Self::Reboot(command) => command.run(session).await,
            Self::Network(command) => command.run(session).await,
            Self::Report(command) => command.run(session).await,
            Self::Completion(command) => command.print(session.out),
        }
    }
}
