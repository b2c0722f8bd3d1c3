//! The document: what is written is read back, and nothing else is.
#![allow(clippy::unwrap_used)]

mod random;

use generation::{Document, Draft, Generation, MAX_BYTES, Rotten, SCHEMA, Summary, Unwritable, Why};
use random::{anything, seeds};
use settings::tree::{Item, Node, Stamp, Table, Tree};
use settings::{LIMITS, Layer, layers::Layers, written};

fn empty() -> Generation {
    Generation {
        number: 1,
        unix_s: 0,
        by: String::new(),
        why: Why::FirstBoot,
        release: String::new(),
        provisional: None,
        layers: Layers::default(),
        user_data: [].into(),
    }
}

/// A document as JSON, behind a checksum that is right.
fn sealed(json: &str) -> Vec<u8> {
    let rest = json.strip_prefix('{').unwrap();
    use sha2::Digest;
    let sum: String = sha2::Sha256::digest(rest).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"sha256\":\"{sum}\",\n{rest}").into_bytes()
}

fn with_layers(layers: &str) -> Vec<u8> {
    sealed(&format!(
        r#"{{"schema":1,"made":1,"number":7,"unix-s":9,"by":"","why":{{"kind":"change"}},"release":"","user-data":{{}},"layers":{layers}}}"#
    ))
}

#[test]
fn every_generation_comes_back_as_it_was() {
    seeds(3_000, |random| {
        let generation = anything(random);
        let bytes = generation.to_bytes().unwrap();
        assert_eq!(Generation::from_bytes(&bytes).unwrap(), generation);
        assert_eq!(bytes, generation.to_bytes().unwrap(), "the same twice");
        assert_eq!(Summary::from_bytes(&bytes).unwrap(), Summary::from(&generation));
        serde_json::from_slice::<serde_json::Value>(&bytes).expect("it is JSON to other tools");
    });
}

#[test]
fn every_changed_byte_and_every_cut_is_seen() {
    seeds(30, |random| {
        let bytes = anything(random).to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(Generation::from_bytes(&bytes[..length]).is_err(), "cut to {length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << random.below(8);
            assert!(Generation::from_bytes(&changed).is_err(), "changed at {at}");
        }
        assert!(Generation::from_bytes(&[&bytes[..], b"\n"].concat()).is_err(), "longer");
        assert!(Generation::from_bytes(&vec![0; bytes.len()]).is_err(), "zeroes");
    });
}

#[test]
fn user_data_keeps_what_was_wrong_with_it() {
    let text = b"[settings]\nmotd = 1979-05-27\nx = nan\ny = 99999999999999999999\n[settings.containers.web]\nimage = nginx\n[settings.dns]\nname-servers = [1.5, {a = inf}]\n";
    let (tree, problems) = written::as_written(text, Layer::NoCloud, &LIMITS);
    assert!(!problems.is_empty());
    let mut generation = empty();
    generation.layers.set(Layer::NoCloud, tree);
    let read = Generation::from_bytes(&generation.to_bytes().unwrap()).unwrap();
    assert_eq!(read, generation);
    let said = |generation: &Generation| settings::validate(&generation.layers.merged()).1;
    assert_eq!(said(&read), said(&generation), "the same problems, in the same words");
    let web = read.layers.get(Layer::NoCloud).unwrap().node(&["settings", "containers", "web"]);
    assert!(web.is_some_and(Node::is_torn_itself), "half a container is not started after a restart either");
}

#[test]
fn a_commit_dates_what_has_no_date_and_leaves_the_image_out() {
    let entry = |key: &str, item| (key.to_owned(), Node::new(Layer::Api, item));
    let mut old = Node::new(Layer::Api, Item::Integer(1));
    old.stamp = Some(Stamp { generation: 3, unix_s: 30 });
    let table = Table::from([("old".to_owned(), old.clone()), entry("new", Item::Integer(2))]);
    let tree = Tree { root: Table::from([entry("settings", Item::Table(table))]) };
    let mut draft = Draft::from(Generation { unix_s: 90, ..empty() });
    draft.layers.set(Layer::Api, tree.clone());
    draft.layers.set(Layer::Image, tree);
    let generation = draft.numbered(9);
    assert_eq!(generation.number, 9);
    assert_eq!(generation.layers.get(Layer::Image), None);
    let api = generation.layers.get(Layer::Api).unwrap();
    let stamp = |key| api.node(&["settings", key]).unwrap().stamp;
    assert_eq!(stamp("old"), Some(Stamp { generation: 3, unix_s: 30 }));
    assert_eq!(stamp("new"), Some(Stamp { generation: 9, unix_s: 90 }));
    assert_eq!(api.node(&["settings"]).unwrap().stamp, None);
}

#[test]
fn what_would_not_come_back_is_not_written() {
    let mut generation = empty();
    let one = |key: &str, item| Tree { root: Table::from([(key.to_owned(), Node::new(Layer::Api, item))]) };
    generation.layers.set(Layer::Api, one("a", Item::Text("x".repeat(MAX_BYTES))));
    assert!(matches!(generation.to_bytes(), Err(Unwritable::TooLong { bytes }) if bytes > MAX_BYTES));
    generation.layers.set(Layer::Api, one("a", Item::Float(f64::NAN)));
    Generation::from_bytes(&generation.to_bytes().unwrap()).unwrap();
    let deep = (0..500).fold(Item::Integer(1), |item, _| Item::List(vec![Node::new(Layer::Api, item)]));
    generation.layers.set(Layer::Api, one("a", deep));
    assert!(matches!(generation.to_bytes(), Err(Unwritable::Unreadable { .. })));
}

#[test]
fn documents_that_nobody_writes_are_refused() {
    let group = |values: &str| format!(r#"{{"api":[{{"generation":1,"unix-s":1,"values":{values}}}]}}"#);
    assert!(Generation::from_bytes(&with_layers(&group(r#"{"settings":{"motd":"x"}}"#))).is_ok());
    assert!(Generation::from_bytes(&with_layers("{}")).is_ok());
    let cases = [
        ("null", group(r#"{"a":null}"#)),
        ("null in a list", group(r#"{"a":[null]}"#)),
        ("beyond 64 bits", group(r#"{"a":9223372036854775808}"#)),
        ("unknown word", group(r#"{"a":{"$x":1}}"#)),
        ("unknown word in a list", group(r#"{"a":[{"$x":1}]}"#)),
        ("two words", group(r#"{"a":{"$date":true,"$float":"NaN"}}"#)),
        ("word beside keys", group(r#"{"a":{"$date":true,"b":1}}"#)),
        ("no float", group(r#"{"a":{"$float":"1.0"}}"#)),
        ("torn table in disguise", group(r#"{"a":{"$torn":true,"$value":{"b":1}}}"#)),
        ("torn twice", group(r#"{"a":{"$torn":true,"$value":{"$torn":true,"$value":1}}}"#)),
        ("value alone", group(r#"{"a":{"$value":1}}"#)),
        ("no such layer", r#"{"apis":[]}"#.to_owned()),
        ("the image", r#"{"image":[]}"#.to_owned()),
        ("half a time", r#"{"api":[{"generation":1,"values":{"a":1}}]}"#.to_owned()),
        ("twice", r#"{"api":[{"values":{"a":1}},{"generation":1,"unix-s":1,"values":{"a":1}}]}"#.to_owned()),
        (
            "value and table",
            r#"{"api":[{"values":{"a":1}},{"generation":1,"unix-s":1,"values":{"a":{"b":1}}}]}"#.to_owned(),
        ),
        ("not groups", r#"{"api":{"a":1}}"#.to_owned()),
        ("deep", group(&format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200)))),
    ];
    for (name, layers) in cases {
        let refused = Generation::from_bytes(&with_layers(&layers)).expect_err(name);
        assert!(matches!(refused, Rotten::Syntax { .. } | Rotten::Content { .. }), "{name}: {refused}");
    }
    assert_eq!(Generation::from_bytes(b""), Err(Rotten::NoChecksum));
    assert_eq!(Generation::from_bytes(&[b'x'; 100]), Err(Rotten::NoChecksum));
    assert_eq!(
        Generation::from_bytes(&vec![b'x'; MAX_BYTES + 1]),
        Err(Rotten::TooLong { bytes: MAX_BYTES + 1 })
    );
    let bytes = empty().to_bytes().unwrap();
    let other = Document::from_bytes(&bytes, SCHEMA + 1).unwrap_err();
    assert_eq!(other, Rotten::Schema { found: SCHEMA, expected: SCHEMA + 1 });
}

#[test]
fn no_error_says_what_a_value_is() {
    let bytes = with_layers(r#"{"api":"hunter2"}"#);
    let refused = Generation::from_bytes(&bytes).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
}

#[test]
fn a_reason_of_a_newer_release_is_no_reason_to_refuse() {
    let text = String::from_utf8(empty().to_bytes().unwrap()).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let newer = rest.replace(r#"{"kind":"first-boot"}"#, r#"{"kind":"moonrise","phase":3}"#);
    let read = Generation::from_bytes(&sealed(&format!("{{{newer}"))).unwrap();
    assert_eq!(read.why, Why::Other);
}

#[test]
fn the_file_is_what_the_format_page_shows() {
    let mut generation =
        Generation { by: "uid 0".into(), release: "0.1.0".into(), unix_s: 1_795_173_427, ..empty() };
    generation.why = Why::Change;
    generation.number = 2;
    generation.provisional = Some(60);
    generation.user_data = [(Layer::NoCloud, "ab".repeat(32))].into();
    let (mut user, _) = written::as_written(
        b"[settings]\nmotd = 'old'\n[settings.kernel.sysctl]\n'vm.swappiness' = '10'\n",
        Layer::NoCloud,
        &LIMITS,
    );
    let stamp = Stamp { generation: 1, unix_s: 1_795_170_000 };
    generation.layers.set(Layer::NoCloud, std::mem::take(&mut user));
    generation.layers.stamp(stamp);
    let (new, _) = written::as_written(b"settings.motd = 'new'", Layer::Api, &LIMITS);
    generation.layers.write(Layer::Api, new, Some(Stamp { generation: 2, unix_s: 1_795_173_427 }));
    let text = String::from_utf8(generation.to_bytes().unwrap()).unwrap();
    let page = include_str!("../../../docs/formats/settings-store.md");
    let shown = page.split_once("```json\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let plain = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(plain(shown), plain(&text), "the page should show: {text}");
}
