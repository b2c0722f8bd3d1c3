//! What applying settings did, or would do, in words.

use wire::types::{ChangeKind, FileChange, KnobChange, KnobKind, Preview, Renewal, Report, UnitOutcome};

use crate::show::{Cell, Paint, Style, Table, clean, span, unified};

/// What would be rewritten, set and restarted.
pub fn preview(preview: &Preview, style: Style) -> String {
    let Preview { files: changed, knobs, units } = preview;
    if changed.is_empty() && knobs.is_empty() {
        return "no file would be rewritten, no unit be told\n".into();
    }
    let mut text = files(changed, style);
    let mut table = Table::new(["KERNEL PARAMETER", "BEFORE", "AFTER", "SETTING"]);
    for knob in knobs {
        table.row(columns(knob));
    }
    if !table.is_empty() {
        text.push_str(&table.text(style));
    }
    let units: Vec<_> = units.iter().map(|unit| clean(unit)).collect();
    match units.is_empty() {
        true => text.push_str("no unit would be told\n"),
        false => text.push_str(&format!("would be told: {}\n", units.join(", "))),
    }
    text
}

/// What was done, step by step.
pub fn report(report: &Report, style: Style) -> String {
    let took = span(report.took_us.div_ceil(1000));
    let mut text = match &report.failure {
        None if report.ok => format!("applied in {took}\n"),
        failure => {
            let why = failure.as_ref().map_or("see below", |failure| &failure.why);
            format!("{} after {took}: {}\n", style.paint("not applied", Paint::Bad), clean(why))
        }
    };
    text.push_str(&files(&report.files, style));
    let mut knobs = Table::new(["KERNEL PARAMETER", "BEFORE", "AFTER", "SETTING", "RESULT"]);
    for knob in &report.knobs {
        let [path, before, after, key] = columns(knob);
        let result = match (&knob.error, knob.kind) {
            (Some(why), _) => Cell::painted(why, Paint::Bad),
            (None, KnobKind::Set) => Cell::painted("set", Paint::Good),
            (None, KnobKind::Restored) => Cell::painted("restored", Paint::Good),
            (None, KnobKind::Left) => Cell::painted("left as it is until restart", Paint::Warn),
        };
        knobs.row([path, before, after, key, result]);
    }
    if !knobs.is_empty() {
        text.push_str(&knobs.text(style));
    }
    let mut units = Table::new(["UNIT", "HOW", "RESULT"]);
    for unit in &report.units {
        let how = match unit.how {
            Renewal::Reloaded => "reloaded",
            Renewal::Restarted => "restarted",
            Renewal::Started => "started",
            Renewal::Skipped => "not running",
        };
        let (result, paint) = match unit.outcome {
            UnitOutcome::Ready => ("ready", Paint::Good),
            UnitOutcome::Failed => ("failed", Paint::Bad),
            UnitOutcome::TimedOut => ("not ready in time", Paint::Bad),
        };
        let result = match &unit.why {
            Some(why) => format!("{result}: {why}"),
            None => result.to_owned(),
        };
        units.row([(&unit.unit).into(), how.into(), Cell::painted(result, paint)]);
    }
    if !units.is_empty() {
        text.push_str(&units.text(style));
    }
    text
}

fn files(files: &[FileChange], style: Style) -> String {
    let mut text = String::new();
    for FileChange { path, kind, diff, units, error } in files {
        let (kind, paint) = match kind {
            ChangeKind::Created => ("created", Paint::Good),
            ChangeKind::Changed => ("changed", Paint::Warn),
            ChangeKind::Removed => ("removed", Paint::Bad),
        };
        text.push_str(&format!("{} {}", style.paint(kind, paint), clean(path)));
        if !units.is_empty() {
            let units: Vec<_> = units.iter().map(|unit| clean(unit)).collect();
            text.push_str(&format!(" (read by {})", units.join(", ")));
        }
        if let Some(error) = error {
            text.push_str(&style.paint(&format!(" failed: {}", clean(error)), Paint::Bad));
        }
        text.push('\n');
        if let Some(diff) = diff {
            text.push_str(&unified(diff, style));
        }
    }
    text
}

fn columns(knob: &KnobChange) -> [Cell; 4] {
    let known = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".into());
    [(&knob.path).into(), known(&knob.before).into(), known(&knob.after).into(), (&knob.key).into()]
}
