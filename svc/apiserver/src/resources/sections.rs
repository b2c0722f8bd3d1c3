//! Bottlerocket's model has sections (settings, services, configuration files, os); each is asked for whole, by names or by
//! the beginning of dotted keys.

use serde_json::{Map, Value as Json};
use wire::query;

use crate::answer::{Answer, Refusal, json};
use crate::serve::{Ask, shown};

/// A section: a name and an object.
pub struct Section {
    /// As its keys begin.
    pub name: &'static str,
    /// What there is.
    pub entries: Map<String, Json>,
}

impl Section {
    /// What of it begins with `prefix`; nothing, if its keys cannot.
    pub fn beginning(self, prefix: &str) -> Option<Map<String, Json>> {
        let name = self.name;
        if format!("{name}.").starts_with(prefix) {
            return Some(self.entries);
        }
        let rest = prefix.strip_prefix(name)?.strip_prefix('.')?;
        Some(
            self.entries
                .into_iter()
                .filter_map(|(key, value)| Some((key.clone(), part(&key, value, rest)?)))
                .collect(),
        )
    }

    /// Answers by `names`, by `prefix` (the section's name implied), or with all of it.
    pub fn answer(self, ask: &Ask) -> Answer {
        if let Some(names) = ask.filled("names")? {
            return self.named(&query::list(names));
        }
        let name = self.name;
        Ok(json(&match ask.filled("prefix")? {
            None => self.entries,
            Some(prefix) if prefix.starts_with(name) => self.beginning(prefix).unwrap_or_default(),
            Some(prefix) => self.beginning(&format!("{name}.{prefix}")).unwrap_or_default(),
        }))
    }

    fn named(mut self, names: &[&str]) -> Answer {
        let mut found = Map::new();
        let mut refusal = Refusal::missing(format!("not every name is one of {}", self.name))
            .remedy(format!("GET /{} lists them", self.name));
        for name in names {
            match self.entries.remove(*name) {
                Some(entry) => drop(found.insert((*name).to_owned(), entry)),
                None if found.contains_key(*name) => {}
                None => refusal = refusal.at(shown(name), "there is none of this name"),
            }
        }
        if refusal.failure.problems.is_empty() { Ok(json(&found)) } else { Err(refusal) }
    }
}

/// `value`, at `key`, as far as its dotted keys begin with `prefix`.
fn part(key: &str, value: Json, prefix: &str) -> Option<Json> {
    if key.starts_with(prefix) {
        return Some(value);
    }
    let rest = prefix.strip_prefix(key)?.strip_prefix('.')?;
    let Json::Object(entries) = value else { return None };
    let kept: Map<_, _> = entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.clone(), part(&key, value, rest)?)))
        .collect();
    (!kept.is_empty()).then_some(Json::Object(kept))
}

#[cfg(test)]
mod tests {
    use super::Section;
    use serde_json::json;

    #[test]
    fn a_prefix_keeps_what_begins_so() {
        let entries = json!({ "containerd": { "restart-commands": [], "configuration-files": ["a"] }, "containers": {} });
        let section = || Section { name: "services", entries: entries.as_object().unwrap().clone() };
        for (prefix, want) in [
            ("s", Some(entries.clone())),
            ("services", Some(entries.clone())),
            ("services.", Some(entries.clone())),
            ("services.contain", Some(entries.clone())),
            ("services.containerd", Some(json!({ "containerd": entries["containerd"] }))),
            ("services.containerd.re", Some(json!({ "containerd": { "restart-commands": [] } }))),
            ("services.x", Some(json!({}))),
            ("settings", None),
            ("servicesx", None),
        ] {
            assert_eq!(section().beginning(prefix).map(Into::into), want, "{prefix}");
        }
    }
}
