//! `apiclient set`

use serde_json::{Map, Value, json};
use settings::tree::{Item, Table};
use settings::{KeyPath, Layer, schema};

use super::change::Careful;
use crate::failure::Failure;
use crate::session::Session;
use crate::transport::{Ask, Method};

/// Change settings: all of them are committed and applied, or none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  apiclient set motd=\"Hello\" kernel.lockdown=integrity
      Keys and values; a value is read as what its key wants.
  apiclient set 'kernel.sysctl.\"vm.max_map_count\"=262144'
      A name with dots stands in double quotes.
  apiclient set ntp.time-servers='[\"time.example.com\"]'
      A list is JSON.
  apiclient set --json '{\"kernel\": {\"lockdown\": \"none\"}}' --dry-run
      A document; and only show what would follow.
  apiclient set network.hostname=edge-7 --confirm-within 60s
      Undone by itself unless `apiclient confirm` comes through in time.")]
pub struct Set {
    /// Keys with values; `settings.` in front may be left out
    #[arg(value_name = "KEY=VALUE", required_unless_present = "document", conflicts_with = "document")]
    pairs: Vec<String>,
    /// A JSON document instead, with or without `settings` around it
    #[arg(short = 'j', long = "json", value_name = "JSON")]
    document: Option<String>,
    #[command(flatten)]
    careful: Careful,
}

impl Set {
    pub async fn run(self, session: &mut Session<'_>) -> Result<(), Failure> {
        let settings = match &self.document {
            Some(text) => document(text)?,
            None => from_pairs(&self.pairs)?,
        };
        let ask = Ask::new(Method::PATCH, "/v1/settings").json(&json!({ "settings": settings }));
        let written = |path: &str| self.pairs.iter().find_map(|pair| written(pair, path));
        self.careful.ask(ask, session, written).await
    }
}

/// The key that a person wrote, from the top of the document.
pub fn key(text: &str) -> Result<KeyPath, Failure> {
    let path = KeyPath::parse(text).map_err(|err| Failure::Usage(format!("{text:?}: {err}")))?;
    Ok(path.with_settings())
}

fn document(text: &str) -> Result<Value, Failure> {
    // The parser's words name line and column, no values.
    let wrong =
        |err: serde_json::Error| Failure::Usage(format!("the document behind --json is not JSON: {err}"));
    let mut map: Map<String, Value> = serde_json::from_str(text).map_err(wrong)?;
    match (map.len(), map.remove("settings")) {
        (1, Some(inner @ Value::Object(_))) => Ok(inner),
        (_, Some(_)) => Err(Failure::Usage(
            "the document behind --json has `settings` and something beside it; want one or the other".into(),
        )),
        (_, None) => Ok(Value::Object(map)),
    }
}

fn from_pairs(pairs: &[String]) -> Result<Value, Failure> {
    let split: Result<Vec<_>, Failure> = pairs.iter().map(|pair| split(pair)).collect();
    let tree = settings::from_pairs(&split?, Layer::Api).map_err(|problems| {
        let lines = problems.iter().map(|problem| {
            let path = &problem.path;
            match pairs.iter().find_map(|pair| written(pair, path)) {
                Some(written) => format!("\n  {problem} [{written}]"),
                None => format!("\n  {problem}"),
            }
        });
        let lines: String = lines.collect();
        Failure::Usage(format!("nothing is sent, for not every value fits its key:{lines}"))
    })?;
    match table(&tree.root) {
        Value::Object(mut top) => Ok(top.remove("settings").unwrap_or_default()),
        other => Ok(other),
    }
}

/// Key and value: at the first `=` that is not inside a quoted segment of the key.
fn split(pair: &str) -> Result<(&str, &str), Failure> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in pair.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '=' if !quoted => return Ok((&pair[..at], &pair[at + 1..])),
            _ => {}
        }
    }
    // It may be a value that lost its key.
    Err(Failure::Usage("want KEY=VALUE pairs; one has no = behind its key".into()))
}

/// The pair as it was written, if it is what wrote `path`, and if its value may be shown.
fn written(pair: &str, path: &str) -> Option<String> {
    let (text, _) = split(pair).ok()?;
    let key = key(text).ok()?;
    let path = KeyPath::parse(path.split('[').next()?).ok()?.with_settings();
    (path.starts_with(&key) && is_public(&key)).then(|| pair.to_owned())
}

/// Whether the model knows the key, and nothing at or below it is secret.
fn is_public(key: &KeyPath) -> bool {
    let fits = |known: &KeyPath| {
        let same = |(known, here): (&String, &String)| known == "NAME" || known == here;
        known.segments().len() >= key.segments().len()
            && known.segments().iter().zip(key.segments()).all(same)
    };
    let mut here =
        schema::keys().into_iter().filter(|known| KeyPath::parse(&known.key).is_ok_and(|k| fits(&k)));
    let Some(first) = here.next() else { return false };
    !first.secret && here.all(|known| !known.secret)
}

fn table(table: &Table) -> Value {
    Value::Object(table.iter().map(|(key, node)| (key.clone(), value(&node.item))).collect())
}

fn value(item: &Item) -> Value {
    match item {
        Item::Text(text) => text.as_str().into(),
        Item::Integer(number) => (*number).into(),
        Item::Boolean(truth) => (*truth).into(),
        Item::Float(number) => (*number).into(),
        Item::List(list) => list.iter().map(|node| value(&node.item)).collect(),
        Item::Table(inner) => table(inner),
        // Only TOML has these.
        Item::Datetime | Item::Unusable(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[&str]) -> Result<Value, Failure> {
        from_pairs(&pairs.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn values_become_what_their_keys_want() {
        let set = pairs(&[
            "motd=a=b",
            "settings.kernel.sysctl.\"net.a=b\"=1",
            "host-containers.admin.enabled=true",
            "kernel.sysctl.\"vm.x\"=5",
            "ntp.time-servers=[\"a\", \"b\"]",
            "nobody.knows=true",
        ]);
        assert_eq!(
            set.unwrap(),
            json!({
                "motd": "a=b",
                "kernel": {"sysctl": {"net.a=b": "1", "vm.x": "5"}},
                "host-containers": {"admin": {"enabled": true}},
                "ntp": {"time-servers": ["a", "b"]},
                "nobody": {"knows": "true"},
            })
        );
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_value_unless_that_is_secret() {
        let message = pairs(&["host-containers.admin.enabled=maybe"]).unwrap_err().to_string();
        assert!(message.contains("settings.host-containers.admin.enabled"), "{message}");
        assert!(message.contains("=maybe"), "{message}");
        assert!(pairs(&["no-equals-hunter2"]).unwrap_err().to_string().find("hunter2").is_none());
        for public in ["motd=x", "kernel.lockdown=x", "host-containers.admin.source=x"] {
            let path = public.split('=').next().unwrap();
            assert_eq!(written(public, &format!("settings.{path}")).as_deref(), Some(public));
        }
        for secret in ["api.key=x", "api={}", "unknown.key=x", "settings={}"] {
            let path = secret.split('=').next().unwrap();
            assert_eq!(written(secret, path), None, "{secret}");
        }
    }

    #[test]
    fn documents_may_have_settings_around_them() {
        for text in ["{\"settings\": {\"motd\": \"x\"}}", "{\"motd\": \"x\"}"] {
            assert_eq!(document(text).unwrap(), json!({"motd": "x"}));
        }
        for bad in ["", "[]", "1", "{\"settings\": {}, \"motd\": 1}", "{\"settings\": 1}"] {
            assert!(document(bad).is_err(), "{bad}");
        }
    }
}
