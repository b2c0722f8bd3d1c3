//! `apiclient get`

use serde_json::{Map, Value};
use settings::KeyPath;
use wire::query::encode;
use wire::types::Explanation;

use crate::failure::Failure;
use crate::session::Session;
use crate::show::{Cell, Paint, Table, canonical, inline, utc};
use crate::transport::Ask;

/// Longest value that a table shows.
const VALUE_CHARS: usize = 60;

/// Show settings, services, configuration files and the release, as JSON
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient get settings
      All settings in effect.
  apiclient get settings.kernel settings.ntp --exclude settings.kernel.sysctl
      Some of them.
  apiclient get --explain settings.motd
      Which layer set it, when, and what it replaced.
  apiclient get /v1/settings/schema
      Any path of the API.")]
pub struct Get {
    /// What keys begin with (`settings.` may be left out with --explain), or a path of the API
    #[arg(value_name = "PREFIX|/PATH")]
    what: Vec<String>,
    /// Leave out what begins with this; may be given several times
    #[arg(long, value_name = "PREFIX")]
    exclude: Vec<String>,
    /// On one line, in the one form that a signature needs (RFC 8785)
    #[arg(long)]
    canonicalize: bool,
    /// Show which layer set each value, and when
    #[arg(long, conflicts_with_all = ["exclude", "canonicalize"])]
    explain: bool,
    /// Write secrets out; for administrators
    #[arg(long)]
    secrets: bool,
}

impl Get {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        if self.explain {
            return self.explain(session).await;
        }
        let mut all = Value::Object(Map::new());
        for path in self.paths()? {
            merge(&mut all, session.learn(Ask::get(path)).await?);
        }
        for prefix in &self.exclude {
            exclude(&mut all, String::new(), prefix);
        }
        if self.canonicalize {
            return session.print_bytes(format!("{}\n", canonical(&all)).as_bytes());
        }
        session.print_value(&all)
    }

    fn paths(&self) -> Result<Vec<String>, Failure> {
        let secrets = |path: String| match (self.secrets, path.contains('?')) {
            (false, _) => path,
            (true, true) => format!("{path}&secrets=show"),
            (true, false) => format!("{path}?secrets=show"),
        };
        let paths: Vec<String> = match self.what.as_slice() {
            [] => vec!["/".into()],
            [path] if path.starts_with('/') => vec![path.clone()],
            several if several.iter().any(|what| what.starts_with('/')) => {
                return Err(Failure::Usage("a path of the API stands alone; prefixes may be several".into()));
            }
            prefixes => prefixes.iter().map(|prefix| format!("/?prefix={}", encode(prefix))).collect(),
        };
        Ok(paths.into_iter().map(secrets).collect())
    }

    async fn explain(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        let secrets = if self.secrets { "&secrets=show" } else { "" };
        let all = ["settings".to_owned()];
        let mut table = Table::new(["KEY", "VALUE", "LAYER", "GENERATION", "WHEN"]);
        let mut printed = Vec::new();
        for key in if self.what.is_empty() { &all } else { &self.what[..] } {
            let key = super::set::key(key)?;
            let ask = Ask::get(format!("/v1/settings/explain?key={}{secrets}", encode(&key.to_string())));
            if session.json {
                let page: Value = session.learn(ask).await?;
                printed.extend(page["values"].as_array().cloned().unwrap_or_default());
                continue;
            }
            let Explanation { mut values } = session.learn(ask).await?;
            // The one in effect first: it is what was asked for; below it, what it hides.
            values.sort_by(|a, b| (&a.key, !a.wins).cmp(&(&b.key, !b.wins)));
            for value in values {
                let paint = if value.wins { Paint::Plain } else { Paint::Faint };
                let (generation, when) = match &value.stamp {
                    Some(stamp) => (stamp.generation.to_string(), utc(stamp.unix_s)),
                    None => (String::new(), String::new()),
                };
                let key = if value.wins { value.key.as_str() } else { "  hides" };
                table.row([
                    Cell::painted(key, paint),
                    Cell::painted(short(&value.value), paint),
                    Cell::painted(&value.layer, paint),
                    Cell::painted(generation, paint),
                    Cell::painted(when, paint),
                ]);
            }
        }
        if session.json {
            return session.print_value(&serde_json::json!({ "values": printed }));
        }
        let text = table.text(session.style);
        session.print(&text)
    }
}

/// A value for a column. Base64 of a script is no help to anybody.
fn short(value: &Value) -> String {
    let text = inline(value);
    match text.char_indices().nth(VALUE_CHARS) {
        Some((cut, _)) => format!("{}...", &text[..cut]),
        None => text,
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                match into.get_mut(&key) {
                    Some(there) => merge(there, value),
                    None => {
                        into.insert(key, value);
                    }
                }
            }
        }
        (into, from) => *into = from,
    }
}

/// Removes what has a dotted key that begins with `prefix`.
fn exclude(value: &mut Value, path: String, prefix: &str) {
    let Value::Object(map) = value else { return };
    map.retain(|key, value| {
        let path = join(&path, key);
        if path.starts_with(prefix) {
            return false;
        }
        if prefix.starts_with(&path) {
            exclude(value, path, prefix);
        }
        true
    });
}

fn join(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    let key = match !key.is_empty() && key.chars().all(bare) {
        true => key.to_owned(),
        false => KeyPath::settings().join(key).to_string().split_off("settings.".len()),
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_begins_with_the_prefix_is_left_out() {
        let all = json!({"settings": {"kernel": {"sysctl": {"vm.x": "1", "vm.y": "2"}, "lockdown": "none"}, "motd": "a"}, "os": 1});
        for (prefix, left) in [
            ("settings", json!({"os": 1})),
            ("settings.k", json!({"settings": {"motd": "a"}, "os": 1})),
            (
                "settings.kernel.sysctl.\"vm.x\"",
                json!({"settings": {"kernel": {"sysctl": {"vm.y": "2"}, "lockdown": "none"}, "motd": "a"}, "os": 1}),
            ),
            ("x", all.clone()),
        ] {
            let mut value = all.clone();
            exclude(&mut value, String::new(), prefix);
            assert_eq!(value, left, "{prefix}");
        }
    }

    #[test]
    fn answers_to_several_prefixes_become_one() {
        let mut all = json!({});
        merge(&mut all, json!({"settings": {"a": {"b": 1}}}));
        merge(&mut all, json!({"settings": {"a": {"c": 2}}, "os": {}}));
        assert_eq!(all, json!({"settings": {"a": {"b": 1, "c": 2}}, "os": {}}));
    }

    #[test]
    fn long_values_are_cut_between_letters() {
        assert_eq!(short(&json!("a")), "\"a\"");
        let long = short(&json!("ü".repeat(100)));
        assert_eq!(long.chars().count(), VALUE_CHARS + 3);
    }
}
