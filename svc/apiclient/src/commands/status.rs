//! `apiclient status`

use wire::types::{self, ApplyState, ProblemList};

use super::applied;
use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Paint, clean, left, span};
use crate::transport::Ask;

/// Show the host in short, and what is wrong with it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient status
      Release, settings, units; problems of the user data and of applying, if there are any.
  apiclient status --json
      For programs.")]
pub struct Status {}

impl Status {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let Some(status) = session.show::<types::Status>(Ask::get("/v1/status")).await? else {
            return Ok(());
        };
        let style = session.style;
        let mut text = format!(
            "host      {}\nrelease   {} {} {}\nup        {}\n",
            style.paint(&clean(&status.hostname), Paint::Strong),
            clean(&status.variant),
            clean(&status.release),
            clean(&status.arch),
            span(status.uptime_ms)
        );
        let (words, paint) = match status.applied {
            Some(true) => ("applied", Paint::Good),
            Some(false) => ("NOT applied whole", Paint::Bad),
            None => ("not applied yet", Paint::Warn),
        };
        text.push_str(&format!(
            "settings  generation {}, {}\n",
            status.generation,
            style.paint(words, paint)
        ));
        if let Some(pending) = &status.pending {
            let line = match &pending.undo {
                Some(why) => format!(
                    "generation {} is undone, which could not be stored yet: {}; nothing can be changed until it is",
                    pending.generation,
                    clean(why)
                ),
                None => format!(
                    "generation {} undoes itself in {}; keep it with: apiclient confirm {0}",
                    pending.generation,
                    left(pending.left_ms)
                ),
            };
            text.push_str(&format!("          {}\n", style.paint(&line, Paint::Warn)));
        }
        match status.failing.is_empty() {
            true => {
                text.push_str(&format!("units     {}\n", style.paint("all as they should be", Paint::Good)))
            }
            false => {
                let failing: Vec<_> = status.failing.iter().map(|unit| clean(unit)).collect();
                let failing = failing.join(", ");
                text.push_str(&format!(
                    "units     not as they should be: {}\n",
                    style.paint(&failing, Paint::Bad)
                ));
            }
        }
        if status.applied == Some(false) {
            let state: ApplyState = session.learn(Ask::get("/v1/apply")).await?;
            text.extend(state.last.map(|last| format!("\n{}", applied::report(&last, style))));
        }
        if status.problems > 0 {
            let list: ProblemList = session.learn(Ask::get("/v1/settings/problems")).await?;
            text.push_str("\nleft out of the user data:\n");
            for problem in &list.problems {
                let layer = problem.layer.as_deref().map(|layer| format!(" [{}]", clean(layer)));
                let (path, why) = (clean(&problem.path), clean(&problem.why));
                text.push_str(&format!("  {path}: {why}{}\n", layer.unwrap_or_default()));
            }
        }
        session.print(&text)
    }
}
