//! docs/reference/settings.md and settings.schema.json are what the types say. `BLESS=1 cargo test -p settings` rewrites
//! them.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{ALL, Author, seeds};
use serde_json::Value as Json;
use settings::model::Document;
use settings::read::Setting;
use settings::{LIMITS, Layer, Secrets, Value, load, schema, validate};

const HEAD: &str = "\
# Settings

<!-- Made from pure/settings by `BLESS=1 cargo test -p settings --test reference`. Do not edit. -->

Every key of a host's settings, as they stand in user data ([how it is read](../formats/user-data.md)) and in the API. Every
key is optional unless it says otherwise. `NAME` is a name you choose, `[]` an entry of a list. An unknown key or a bad value
in user data is named on the console with its source and path; the rest applies. A container, a bootstrap container or command, a kernel
module, a resource limit, a mirror or a credential with a problem in it is left out as a whole. The API refuses a change with any problem in it.

A value that is called secret is never shown: `(secret)` stands for it in answers, differences and logs, and cannot be written back. User data
of host and bootstrap containers is one, because it often holds credentials. Values of `env` are shown.

For machines: [settings.schema.json](settings.schema.json), a JSON Schema of `{\"settings\": {...}}`.

| key | what may be written | meaning |
|---|---|---|
";

fn is_current(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/reference/{name} is not what pure/settings says; run with BLESS=1");
}

#[test]
fn the_reference_page_is_current() {
    let mut page = HEAD.to_string();
    for row in Document::shape().rows("") {
        // The rows of the document itself start at its top: without the dot, and without `settings` alone.
        let row = row.replacen("| `.", "| `", 1);
        if !row.starts_with("| `settings` ") {
            page += &row;
            page.push('\n');
        }
    }
    is_current("settings.md", &page);
}

#[test]
fn the_schema_is_current() {
    is_current("settings.schema.json", &format!("{:#}\n", schema::json_schema()));
}

#[test]
fn the_examples_hold_every_key() {
    let loaded = load(&ALL.map(|text| (Layer::File, text.as_bytes())), &LIMITS);
    assert_eq!(loaded.problems, []);
    fn keys(value: &Value, pattern: &[&str]) -> bool {
        match (pattern.split_first(), value) {
            (None, _) => true,
            (Some((key, rest)), _) if key.ends_with("[]") => {
                let list = [key.trim_end_matches("[]")];
                let Value::Table(table) = value else { return false };
                matches!(table.get(list[0]), Some(Value::List(list)) if list.iter().any(|value| keys(value, rest)))
            }
            (Some((&"NAME", rest)), Value::Table(table)) => table.values().any(|value| keys(value, rest)),
            (Some((key, rest)), Value::Table(table)) => {
                table.get(*key).is_some_and(|value| keys(value, rest))
            }
            _ => false,
        }
    }
    let tree = Value::Table(loaded.tree.root.iter().map(|(key, node)| (key.clone(), plain(node))).collect());
    let known = schema::keys();
    let missing: Vec<&str> = known
        .iter()
        .map(|known| known.key.as_str())
        .filter(|key| !keys(&tree, &key.split('.').collect::<Vec<_>>()))
        // The other form of a table of time servers.
        .filter(|key| !key.starts_with("settings.ntp.time-servers.NAME."))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert!(known.len() > 200, "{}", known.len());
}

fn plain(node: &settings::tree::Node) -> Value {
    use settings::tree::Item;
    match &node.item {
        Item::Table(table) => {
            Value::Table(table.iter().map(|(key, node)| (key.clone(), plain(node))).collect())
        }
        Item::List(list) => Value::List(list.iter().map(plain).collect()),
        _ => Value::Boolean(true),
    }
}

/// Whether a value is what a schema says, as far as our schemas say things (patterns aside).
fn conforms(json: &Json, schema: &Json) -> Result<(), String> {
    let fail = |why: &str| Err(format!("{why}: {json} for {schema}"));
    if let Some(any) = schema.get("anyOf") {
        return if any.as_array().unwrap().iter().any(|one| conforms(json, one).is_ok()) {
            Ok(())
        } else {
            fail("none of")
        };
    }
    let is = |kind: &str| match kind {
        "string" => json.is_string(),
        "integer" => json.is_i64(),
        "number" => json.is_number(),
        "boolean" => json.is_boolean(),
        "array" => json.is_array(),
        "object" => json.is_object(),
        _ => false,
    };
    let kinds = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        kind => is(kind.as_str().unwrap()),
    };
    if !kinds {
        return fail("type");
    }
    if schema.get("enum").is_some_and(|values| !values.as_array().unwrap().contains(json)) {
        return fail("enum");
    }
    if let Some(number) = json.as_i64()
        && (schema["minimum"].as_i64().is_some_and(|least| number < least)
            || schema["maximum"].as_i64().is_some_and(|most| number > most))
    {
        return fail("bounds");
    }
    if let Some(list) = json.as_array() {
        let first = schema["prefixItems"].as_array().map_or(&[][..], Vec::as_slice);
        if list.len() < first.len() || (schema["items"] == false && list.len() > first.len()) {
            return fail("length");
        }
        for (index, entry) in list.iter().enumerate() {
            conforms(entry, first.get(index).unwrap_or(&schema["items"]))?;
        }
    }
    for (key, value) in json.as_object().into_iter().flatten() {
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(property), _) => conforms(value, property)?,
            (None, Json::Object(_)) => conforms(value, &schema["additionalProperties"])?,
            _ => return fail(key),
        }
        if let Some(names) = schema.get("propertyNames") {
            conforms(&Json::from(key.as_str()), names)?;
        }
    }
    Ok(())
}

#[test]
fn what_is_valid_conforms_to_the_schema() {
    let (author, schema) = (Author::new(), schema::json_schema());
    let mut wrong = 0;
    seeds(1_000, |random| {
        let (settings, _) = validate(&author.document(random, Layer::Api, 2));
        let json = settings.write().to_json(Secrets::Shown);
        conforms(&json, &schema).unwrap();
        // And a schema that takes anything would be none.
        wrong +=
            usize::from(conforms(&serde_json::json!({ "settings": { "motd": json } }), &schema).is_err());
    });
    assert!(wrong > 0);
    for text in ALL {
        let settings = load(&[(Layer::File, text.as_bytes())], &LIMITS).settings;
        conforms(&settings.write().to_json(Secrets::Shown), &schema).unwrap();
    }
}
