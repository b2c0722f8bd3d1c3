//! No secret leaves through anything that is read, logged or shown.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Author, EVERYTHING, seeds};
use settings::model::Document;
use settings::read::Setting;
use settings::schema;
use settings::tree::{Item, Table, Tree};
use settings::{
    KeyPath, LIMITS, Layer, Layers, Problem, Rooted, Secrets, Value, check_change, diff, from_json,
    from_pairs, load, validate,
};

/// Every secret text of a document, as the model marks them.
fn secrets_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Secret(secret) => found.push(secret.expose().to_string()),
        Value::List(list) => list.iter().for_each(|value| secrets_of(value, found)),
        Value::Table(table) => table.values().for_each(|value| secrets_of(value, found)),
        _ => {}
    }
}

#[test]
fn nothing_shown_holds_a_secret() {
    let author = Author::new();
    let rules = schema::json_schema().to_string();
    let mut held = 0;
    seeds(500, |random| {
        let mut layers = Layers::default();
        for layer in [Layer::Image, Layer::FwCfg, Layer::Api] {
            layers.set(layer, author.document(random, layer, 3));
        }
        let before = layers.clone();
        layers.write(Layer::Api, author.document(random, Layer::Api, 3), None);
        let tree = layers.merged();
        let (settings, problems) = validate(&tree);
        let value = settings.write();
        let explained = layers.explain(&KeyPath::settings());
        let mut secrets = Vec::new();
        secrets_of(&value, &mut secrets);
        explained.iter().for_each(|explained| secrets_of(&explained.value, &mut secrets));
        // Short ones (`a`, `1`) are part of anything; that they are marked is seen by the others of their keys.
        // Words of the rules are in every explanation.
        secrets.retain(|secret| secret.len() >= 6 && !rules.contains(secret.as_str()));
        held += secrets.len();
        let old = validate(&before.merged()).0.write();
        let shown = [
            format!("{settings:?} {settings:#?}"),
            format!("{tree:?} {layers:?}"),
            format!("{problems:?}"),
            problems.iter().map(Problem::to_string).collect(),
            format!("{value:?} {value}"),
            value.to_json(Secrets::Marked).to_string(),
            serde_json::to_string(&value).unwrap(),
            format!("{explained:?}"),
            serde_json::to_string(&explained).unwrap(),
            format!("{:?}", diff(&old, &value)),
            serde_json::to_string(&diff(&value, &Value::EMPTY)).unwrap(),
            format!("{:?}", check_change(&before, &layers)),
            format!("{:?}", value.leaves()),
            format!("{:?}", value.marked().to_json(Secrets::Shown)),
        ];
        // What another key shows openly is no secret there.
        let mut open = Vec::new();
        texts_of(&value, &mut open);
        texts_of(&old, &mut open);
        for explained in &explained {
            texts_of(&explained.value, &mut open);
            open.extend(explained.key.segments().iter().cloned());
        }
        for secret in secrets.iter().filter(|secret| !open.iter().any(|open| open.contains(*secret))) {
            for text in &shown {
                assert!(!text.contains(secret.as_str()), "{secret} is in {text}");
            }
        }
    });
    assert!(std::env::var_os("SEED").is_some() || held > 300, "{held}");
}

/// The texts that are shown openly.
fn texts_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Text(text) => found.push(text.clone()),
        Value::List(list) => list.iter().for_each(|value| texts_of(value, found)),
        Value::Table(table) => table.iter().for_each(|(key, value)| {
            found.push(key.clone());
            texts_of(value, found);
        }),
        _ => {}
    }
}

#[test]
fn the_keys_that_are_secret_are_these() {
    let secret: Vec<String> =
        schema::keys().into_iter().filter(|known| known.secret).map(|known| known.key).collect();
    let ours: Vec<&str> =
        secret.iter().map(String::as_str).filter(|key| !key.starts_with("settings.kubernetes.")).collect();
    assert_eq!(
        ours,
        [
            "settings.host-containers.NAME.user-data",
            "settings.bootstrap-containers.NAME.user-data",
            "settings.aws.credentials",
            "settings.container-registry.credentials[].password",
            "settings.container-registry.credentials[].auth",
            "settings.container-registry.credentials[].identitytoken",
            "settings.api.key",
        ]
    );
}

#[test]
fn the_mark_is_no_secret() {
    for (key, value) in [
        ("container-registry.credentials", r#"[{"registry": "a", "username": "b", "password": "(secret)"}]"#),
        ("aws.credentials", "(secret)"),
        ("host-containers.admin.user-data", "(secret)"),
        ("api.key", "(secret)"),
    ] {
        let (_, problems) = validate(&from_pairs(&[(key, value)], Layer::Api).unwrap());
        assert!(problems[0].why.contains("mark that stands for a secret"), "{key}: {problems:?}");
    }
    // What was read with marks cannot be written back by mistake.
    let settings = load(&[(Layer::Api, EVERYTHING.as_bytes())], &LIMITS).settings;
    let marked = settings.write().to_json(Secrets::Marked).to_string();
    let tree = from_json(marked.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS).unwrap();
    let (_, problems) = validate(&tree);
    let marks =
        problems.iter().filter(|problem| problem.why.contains("mark that stands for a secret")).count();
    assert_eq!(marks, marked.matches("(secret)").count());
}

#[test]
fn a_proxy_with_a_user_is_a_secret_and_one_without_is_not() {
    let shown = |text: &str| {
        let mut layers = Layers::default();
        layers.write(Layer::Api, from_pairs(&[("network.https-proxy", text)], Layer::Api).unwrap(), None);
        let settings = check_change(&Layers::default(), &layers).unwrap();
        let explained = layers.explain(&KeyPath::settings()).remove(0).value;
        assert_eq!(
            Some(&explained),
            settings.write().at(&KeyPath::parse("settings.network.https-proxy").unwrap())
        );
        explained.to_string()
    };
    assert_eq!(shown("http://proxy:3128"), "\"http://proxy:3128\"");
    assert_eq!(shown("http://u:hunter2@proxy:3128"), "\"(secret)\"");
}

#[test]
fn a_url_that_is_wrong_because_of_the_user_in_it_is_not_shown() {
    let toml = b"[settings.kubernetes]\napi-server = 'https://u:hunter2@h'\n[settings.ecs]\nbackend-host = 'https://u:hunter2@h'\n\
        [settings.updates]\nmetadata-base-url = 'https://u:hun/ter2@h/'\n[settings.container-registry]\n\
        mirrors = { 'docker.io' = ['https://u:hunter2@m', 'https://m'] }\ncredentials = [{ registry = 'u:hunter2@h' }]\n";
    let mut layers = Layers::default();
    layers.set(Layer::FwCfg, load(&[(Layer::FwCfg, toml)], &LIMITS).tree);
    let explained = layers.explain(&KeyPath::settings());
    let shown = serde_json::to_string(&explained).unwrap();
    assert!(!shown.contains("ter2"), "{shown}");
    assert!(shown.contains("\"https://m\""), "{shown}");
}

#[test]
fn what_is_no_setting_may_be_a_misspelled_secret() {
    let mut layers = Layers::default();
    let toml = b"[settings.container-registry]\ncredentials = 'hunter2'\n[[settings.container-registry.credential]]\n\
        password = 'hunter2'\n[settings]\nhunter = { x = 'hunter2' }\n[settings.api]\nkey = ['hunter2']\n";
    let written = load(&[(Layer::FwCfg, toml)], &LIMITS);
    layers.set(Layer::FwCfg, written.tree);
    let explained = layers.explain(&KeyPath::settings());
    assert_eq!(explained.len(), 4, "{explained:?}");
    assert!(!format!("{explained:?} {}", serde_json::to_string(&explained).unwrap()).contains("hunter2"));
    assert!(!format!("{:?}", written.problems).contains("hunter2"));
}

/// No tree's `Debug` shows any text, whatever it stands for.
#[test]
fn trees_show_kinds_only() {
    fn all_secret(table: &mut Table) {
        for node in table.values_mut() {
            match &mut node.item {
                Item::Table(inner) => all_secret(inner),
                other => *other = Item::Text("hunter2".into()),
            }
        }
    }
    let mut tree: Tree = load(&[(Layer::FwCfg, EVERYTHING.as_bytes())], &LIMITS).tree;
    all_secret(&mut tree.root);
    assert!(!format!("{tree:?}").contains("hunter2"));
    let (_, problems) = validate(&tree);
    assert!(!format!("{problems:?}").contains("hunter2"));
    assert!(Document::shape().is_table());
}
