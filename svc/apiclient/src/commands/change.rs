//! What every change of settings has in common: how it may be asked for, and what came of it.

use std::time::Duration;

use serde_json::Value;
use settings::KeyPath;
use wire::types::{Changed, Outcome, Report};

use crate::failure::Failure;
use crate::session::{Session, read};
use crate::show::{Paint, Style, clean, inline, left};
use crate::transport::Ask;

/// How a change may be asked for.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "How the change is made")]
pub struct Careful {
    /// Change nothing; show what would be rewritten and restarted
    #[arg(long)]
    dry_run: bool,
    /// Undo the change by itself unless `apiclient confirm` follows in time; 60s, 5m
    #[arg(long, value_name = "TIME", value_parser = crate::arguments::time)]
    confirm_within: Option<Duration>,
    /// Refuse the change unless this generation is in effect
    #[arg(long, value_name = "GENERATION")]
    if_match: Option<u64>,
}

impl Careful {
    /// Asks for a change and shows what came of it. `place` knows where a key was written.
    pub async fn ask(
        &self,
        mut ask: Ask,
        session: &mut Session<'_>,
        place: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Failure> {
        let mut query = Vec::new();
        if self.dry_run {
            query.push("dry-run=true".to_owned());
        }
        if let Some(time) = self.confirm_within {
            query.push(format!("confirm-within={}", time.as_secs()));
        }
        if !query.is_empty() {
            ask.path = format!("{}?{}", ask.path, query.join("&"));
        }
        if let Some(generation) = self.if_match {
            ask.headers.push(("if-match", format!("\"{generation}\"")));
        }
        let answer = match session.ask(ask).await {
            Ok(answer) => answer,
            Err(Failure::Refused(refusal)) => {
                if !session.json
                    && let Some((applied, undone)) = refusal.undone()
                {
                    let mut text = super::applied::report(applied, session.style);
                    if let Some(undone) = undone {
                        text.push_str("\nback to the former settings:\n");
                        text.push_str(&super::applied::report(undone, session.style));
                    }
                    // Whether or not somebody reads it: what became of the change is the exit status.
                    let _ = session.print(&text);
                }
                return Err(Failure::Refused(Box::new(refusal.placed(place))));
            }
            Err(failure) => return Err(failure),
        };
        let outcome: Outcome = read(&answer)?;
        let printed = match session.json {
            true => session.print_json(&answer),
            false => session.print(&self.text(&outcome, session.style)),
        };
        for key in &outcome.unread {
            session.note(&format!(
                "nothing on this variant reads {}: it is kept, and has no effect",
                clean(key)
            ));
        }
        match &outcome.apply {
            Some(Report { ok: false, failure, .. }) => {
                let why = failure.as_ref().map_or("the steps above say where", |failure| &failure.why);
                Err(Failure::Incomplete { generation: outcome.generation, why: clean(why).into_owned() })
            }
            _ => printed,
        }
    }

    fn text(&self, outcome: &Outcome, style: Style) -> String {
        let Outcome { generation, base, .. } = outcome;
        let mut text = if self.dry_run {
            format!("dry run on generation {base}: nothing is changed\n")
        } else if outcome.applied {
            format!("generation {base} -> {generation}\n")
        } else {
            format!("nothing to change: it is so already (generation {generation})\n")
        };
        text.push_str(&changes(&outcome.changed, style));
        if let Some(preview) = outcome.preview.as_ref().filter(|_| !outcome.changed.is_empty()) {
            text.push_str(&super::applied::preview(preview, style));
        }
        if let Some(applied) = &outcome.apply {
            text.push_str(&super::applied::report(applied, style));
        }
        if let (Some(seconds), true) = (outcome.confirm_within_s, outcome.applied) {
            let line = format!(
                "undoes itself in {}; keep it with: apiclient confirm {generation}",
                left(u64::from(seconds) * 1000)
            );
            text.push_str(&style.paint(&line, Paint::Warn));
            text.push('\n');
        }
        text
    }
}

/// Keys with their values before and after.
pub fn changes(changed: &[Changed], style: Style) -> String {
    let mut text = String::new();
    for Changed { key, before, after } in changed {
        text.push_str(&style.paint(&clean(key), Paint::Strong));
        text.push('\n');
        let sides = [("  - ", before, Paint::Bad), ("  + ", after, Paint::Good)];
        for (mark, value, paint) in sides {
            if let Some(value) = value {
                text.push_str(&style.paint(&format!("{mark}{}", inline(value)), paint));
                text.push('\n');
            }
        }
    }
    text
}

/// Every leaf of a document with its dotted key.
pub fn leaves(settings: &Value) -> Vec<(String, &Value)> {
    fn walk<'v>(value: &'v Value, path: Option<KeyPath>, out: &mut Vec<(String, &'v Value)>) {
        match (value, path) {
            (Value::Object(map), path) if !map.is_empty() => {
                for (key, value) in map {
                    let below = match &path {
                        Some(path) => path.join(key),
                        None => KeyPath::settings().join(key),
                    };
                    walk(value, Some(below), out);
                }
            }
            (leaf, Some(path)) => out.push((path.to_string(), leaf)),
            (_, None) => {}
        }
    }
    let mut out = Vec::new();
    // With or without `settings` around them.
    walk(settings.get("settings").unwrap_or(settings), None, &mut out);
    out
}
