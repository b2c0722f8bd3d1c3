//! JSON documents and `key=value` pairs, honest and hostile.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Author, EVERYTHING, Random, seeds};
use serde_json::Value as Json;
use settings::{
    KeyPath, LIMITS, Layer, Limits, Loaded, Rooted, Secrets, Tree, Value, from_json, from_pairs, load,
    validate,
};

fn problems(json: &[u8], limits: &Limits) -> Vec<String> {
    from_json(json, Layer::Api, Rooted::AtSettings, limits)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn what_is_not_one_object_is_refused() {
    for (json, want) in [
        (&b""[..], "(document): not JSON: EOF while parsing a value at line 1 column 0"),
        (b"{", "(document): not JSON: EOF while parsing an object at line 1 column 1"),
        (b"{}{}", "(document): not JSON: trailing characters at line 1 column 3"),
        (b"{} x", "(document): not JSON: trailing characters at line 1 column 4"),
        (b"[]", "(document): wanted an object, found a list"),
        (b"null", "(document): wanted an object, found null"),
        (b"\"hunter2\"", "(document): wanted an object, found text"),
        (b"{\"motd\": \"hunter2\" \"x\"}", "(document): not JSON: expected `,` or `}` at line 1 column 20"),
        (b"{\"motd\": hunter2}", "(document): not JSON: expected value at line 1 column 10"),
        (b"{'motd': 1}", "(document): not JSON: key must be a string at line 1 column 2"),
        (b"{\"motd\": 1,}", "(document): not JSON: trailing comma at line 1 column 12"),
        (b"{\"motd\": 1e999}", "(document): not JSON: number out of range at line 1 column 14"),
        (b"{\"motd\": NaN}", "(document): not JSON: expected value at line 1 column 10"),
        (b"{\"motd\": \"\xff\"}", "(document): not UTF-8 at byte 10"),
        (b"\xff\xfe{\x00}\x00", "(document): not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "(document): not JSON: expected value at line 1 column 1"),
        (
            b"{\"motd\": \"\\ud800\"}",
            "(document): not JSON: unexpected end of hex escape at line 1 column 17",
        ),
        (
            b"{\"motd\": \"\x01\"}",
            "(document): not JSON: control character (\\u0000-\\u001F) found while parsing a string at line 1 column 11",
        ),
    ] {
        assert_eq!(problems(json, &LIMITS), [want], "{}", String::from_utf8_lossy(json));
    }
}

#[test]
fn everything_wrong_inside_is_named_with_its_path() {
    let json = br#"{"motd": null, "dns": {"name-servers": ["10.0.0.1", null]}, "motd": "again", "dns": {"x": 1, "x": 2},
        "kernel": {"sysctl": {"a.b": 18446744073709551615}}}"#;
    assert_eq!(
        problems(json, &LIMITS),
        [
            "settings.motd: null; to take a setting back, delete its key",
            "settings.dns.name-servers[1]: null; to take a setting back, delete its key",
            "settings.motd: written twice",
            "settings.dns.x: written twice",
            "settings.dns: written twice",
            "settings.kernel.sysctl.\"a.b\": an integer of more than 64 bits",
        ]
    );
    let escaped = br#"{"motd": "a", "\u006dotd": "b"}"#;
    assert_eq!(problems(escaped, &LIMITS), ["settings.motd: written twice"]);
}

#[test]
fn limits_hold() {
    let small = Limits { text_bytes: 100, depth: 3, nodes: 8, repair_bytes: 0 };
    assert_eq!(problems(&[b'['; 101], &small), ["(document): longer than 100 bytes"]);
    assert!(from_json(br#"{"a": {"b": 1}, "c": [[]]}"#, Layer::Api, Rooted::AtSettings, &small).is_err());
    assert_eq!(
        problems(br#"{"a": {"b": {}}}"#, &small),
        ["settings.a.b: tables or lists too deep in each other"]
    );
    assert_eq!(
        problems(br#"{"a": [[]]}"#, &small),
        ["settings.a[0]: tables or lists too deep in each other"]
    );
    let many = problems(br#"{"a": [1,2,3,4,5,6,7,8,9]}"#, &small);
    assert!(many.len() == 1 && many[0].contains("too many values and tables"), "{many:?}");
    for piece in ["[", "{\"a\":", "[1,", "{\"a\":[", "\"", "{\"\":", "{}", "1"] {
        let full = piece.repeat(LIMITS.text_bytes / piece.len());
        assert!(from_json(full.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS).is_err(), "{piece}");
    }
    let wide = format!("[{}1]", "1,".repeat(LIMITS.text_bytes / 2 - 2));
    assert!(from_json(wide.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS).is_err());
    let long = format!("{{\"motd\": \"{}\"}}", "x".repeat(LIMITS.text_bytes - 20));
    assert!(from_json(long.as_bytes(), Layer::Api, Rooted::AtSettings, &LIMITS).is_ok());
}

/// A random JSON document without nulls and numbers of more than 64 bits.
fn random_json(random: &mut Random, depth: usize) -> Json {
    let texts = ["", "a", "10.0.0.1", "\"\\\n\t\u{1}\u{e9}\u{1F680}\u{202e}", "'''", "hunter2", "#", "="];
    let keys = ["settings", "motd", "a.b", "", "a\"b", "dns", "x\ny", "\u{e9}", "-", "1"];
    match random.below(if depth == 0 { 4 } else { 8 }) {
        0 => random.one_of(&texts).into(),
        1 => (random.next() as i64 >> random.below(64)).into(),
        2 => (random.below(1000) as f64 / 8.0).into(),
        3 => (random.below(2) == 0).into(),
        4 => (0..random.below(4)).map(|_| random_json(random, depth - 1)).collect(),
        _ => {
            let entries = (0..random.below(5))
                .map(|_| (random.one_of(&keys).to_string(), random_json(random, depth - 1)));
            Json::Object(entries.collect())
        }
    }
}

/// The same as a TOML value. JSON's texts, keys and numbers are TOML's.
fn toml_of(json: &Json) -> String {
    match json {
        Json::Array(list) => format!("[{}]", list.iter().map(toml_of).collect::<Vec<_>>().join(", ")),
        Json::Object(table) => {
            let entries =
                table.iter().map(|(key, value)| format!("{} = {}", Json::from(key.as_str()), toml_of(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

#[test]
fn json_and_toml_of_one_document_are_one_tree() {
    seeds(5_000, |random| {
        let inside = match random_json(random, 5) {
            Json::Object(table) => Json::Object(table),
            other => serde_json::json!({ "motd": other }),
        };
        let toml = format!("settings = {}\n", toml_of(&inside));
        let Loaded { tree, problems, .. } = load(&[(Layer::Api, toml.as_bytes())], &LIMITS);
        assert!(!problems.iter().any(|problem| problem.path == "(document)"), "{toml}: {problems:?}");
        let read = |json: &Json, rooted| {
            from_json(json.to_string().as_bytes(), Layer::Api, rooted, &LIMITS).unwrap()
        };
        assert_eq!(read(&inside, Rooted::AtSettings), tree, "{toml}");
        assert_eq!(read(&serde_json::json!({ "settings": inside }), Rooted::AtTop), tree, "{toml}");
    });
}

#[test]
fn any_bytes_at_all_are_read_without_harm() {
    let settings = load(&[(Layer::Api, EVERYTHING.as_bytes())], &LIMITS).settings;
    let json = settings.write().to_json(Secrets::Shown).to_string();
    let noise = [
        "\"", "{", "}", "[", "]", ",", ":", "null", "1e9", "-", "\\u0000", "\\", "\u{0}", "\u{202e}",
        "settings",
    ];
    seeds(3_000, |random| {
        let mut bytes = json.clone().into_bytes();
        for _ in 0..1 + random.below(6) {
            let at = random.below(bytes.len().max(1)).min(bytes.len());
            match random.below(4) {
                0 => drop(bytes.splice(at..at, random.one_of(&noise).bytes())),
                1 => bytes.get_mut(at).into_iter().for_each(|byte| *byte = random.next() as u8),
                2 => drop(bytes.drain(at..bytes.len().min(at + random.below(20)))),
                _ => bytes.truncate(at + 1),
            }
        }
        match from_json(&bytes, Layer::Api, Rooted::AtTop, &LIMITS) {
            Ok(tree) => drop(validate(&tree)),
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in &problems {
                    assert!(!problem.to_string().contains("s3cret"), "{problem}");
                    assert!(!problem.to_string().chars().any(char::is_control), "{problem:?}");
                }
            }
        }
    });
}

fn pairs(pairs: &[(&str, &str)]) -> Result<Tree, Vec<String>> {
    from_pairs(pairs, Layer::Api).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn pairs_become_what_the_model_wants() {
    let tree = pairs(&[
        ("motd", "42"),
        ("settings.updates.seed", "42"),
        ("updates.ignore-waves", "true"),
        ("kernel.sysctl.\"vm.swappiness\"", "10"),
        ("dns.name-servers", "[\"10.0.0.1\"]"),
        ("ntp.time-servers", "{\"a\": \"10.0.0.1\"}"),
        ("containers.web.resources.cpu", "2"),
        ("containers.web.image", "nginx"),
        ("containers.db", "{\"image\": \"db\"}"),
        ("oci-defaults.resource-limits.max-open-files", "{\"hard\": 2, \"soft\": 1}"),
    ])
    .unwrap();
    let (settings, problems) = validate(&tree);
    assert_eq!(problems, []);
    assert_eq!(settings.motd.as_ref().unwrap().as_str(), "42");
    assert_eq!(settings.updates.seed.unwrap().get(), 42);
    assert_eq!(settings.updates.ignore_waves, Some(true));
    assert_eq!(settings.dns.name_servers.len(), 1);
    assert_eq!(settings.containers.0.len(), 2);
}

#[test]
fn pairs_that_cannot_be_meant_are_named() {
    let wrong = pairs(&[
        ("updates.seed", "many"),
        ("updates.ignore-waves", "yes"),
        ("dns.name-servers", "10.0.0.1"),
        ("dns.search-list", "[\"a\""),
        ("network", "x"),
        ("motd", "a"),
        ("settings.motd", "b"),
        ("motd.x", "c"),
        ("a..b", "c"),
        ("", "c"),
        ("a\nb", "c"),
    ]);
    assert_eq!(
        wrong.unwrap_err(),
        [
            "settings.updates.seed: wanted a whole number from 0 to 2047",
            "settings.updates.ignore-waves: wanted true or false",
            "settings.dns.name-servers: wanted it as JSON: list of: an IP address",
            "settings.dns.search-list: wanted it as JSON: list of: a host name",
            "settings.network: wanted it as JSON: table",
            "settings.motd: this key, or one below it, is written twice",
            "settings.motd.x: a key above it is written too",
            "\"a..b\": a key with an empty segment",
            "\"\": an empty key; wanted one like settings.motd",
            "\"a\\U0000000Ab\": a segment of a key with other than letters, digits, _ - and / has to stand in double quotes",
        ]
    );
    let unknown = pairs(&[("montd", "hunter2")]).unwrap();
    assert_eq!(validate(&unknown).1[0].to_string(), "settings.montd: unknown key; did you mean motd?");
    let (Ok(tree) | Err(tree)) = pairs(&[("containers.web.imge", "[not json")]).map_err(|_| Tree::default());
    assert_eq!(validate(&tree).1.len(), 3);
}

#[test]
fn every_leaf_can_be_written_as_a_pair() {
    let author = Author::new();
    seeds(1_000, |random| {
        let written = validate(&author.document(random, Layer::Api, 2)).0.write();
        for (key, value) in written.leaves() {
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Secret(secret) => secret.expose().to_string(),
                other => other.to_json(Secrets::Shown).to_string(),
            };
            let tree = from_pairs(&[(key.to_string(), text.clone())], Layer::Api).unwrap();
            // A number that may stand for a text is that text.
            let text = Value::Text(text).to_tree(&key, Layer::Api);
            assert!(tree == value.to_tree(&key, Layer::Api) || tree == text, "{key}");
        }
    });
}

#[test]
fn keys_of_any_text_are_keys_or_refused_and_print_as_themselves() {
    let pieces =
        ["settings", "a", ".", "\"", "\\", "b.c", "-", "_", "/", " ", "\n", "\u{202e}", "\u{e9}", "[0]", "="];
    seeds(20_000, |random| {
        let text: String = (0..random.below(12)).map(|_| random.one_of(&pieces)).collect();
        match KeyPath::parse(&text) {
            Ok(key) => {
                assert_eq!(KeyPath::parse(&key.to_string()), Ok(key.clone()));
                assert!(key.segments().iter().all(|segment| !segment.is_empty() && segment.len() <= 317));
                assert!(!key.to_string().chars().any(char::is_control));
            }
            Err(invalid) => assert!(!invalid.to_string().is_empty()),
        }
    });
}
