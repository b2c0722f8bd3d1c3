//! Laws of layers and changes, over random documents along the whole model.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Author, EVERYTHING, Random, seeds};
use settings::tree::{Item, Node, Table};
use settings::{
    Explained, KeyPath, LIMITS, Layer, Layers, Problem, Rooted, Secrets, Stamp, Tree, Value, check_change,
    diff, from_json, from_pairs, load, validate,
};

fn random_layers(author: &Author, random: &mut Random, slips: usize) -> Layers {
    let mut layers = Layers::default();
    for layer in [Layer::Image, Layer::Generated, Layer::FwCfg, Layer::NoCloud, Layer::Api] {
        if random.below(4) > 0 {
            layers.set(layer, author.document(random, layer, slips));
        }
    }
    layers
}

fn key(text: &str) -> KeyPath {
    KeyPath::parse(text).unwrap()
}

/// Without tables that hold nothing, which declare names and say no more.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Table(table) => {
            let entries = table.iter().map(|(key, value)| (key.clone(), pruned(value)));
            Value::Table(entries.filter(|(_, value)| *value != Value::EMPTY).collect())
        }
        other => other.clone(),
    }
}

/// The document that says `value`.
fn tree_of(value: &Value, layer: Layer) -> Tree {
    match value.to_node(layer).item {
        Item::Table(root) => Tree { root },
        _ => Tree::default(),
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let author = Author::new();
    let mut clean = 0;
    seeds(1_000, |random| {
        let slips = random.below(2) * 5;
        let (settings, problems) = validate(&author.document(random, Layer::Api, slips));
        clean += usize::from(problems.is_empty());
        let written = settings.write();
        let (again, problems) = validate(&tree_of(&written, Layer::Api));
        assert_eq!(problems, [], "{written}");
        assert_eq!(again, settings);
        assert_eq!(again.write(), written, "canonical");
        let json = written.to_json(Secrets::Shown).to_string();
        let tree = from_json(json.as_bytes(), Layer::Api, Rooted::AtTop, &LIMITS).unwrap();
        assert_eq!(validate(&tree), (settings, Vec::new()));
    });
    assert!(std::env::var_os("SEED").is_some() || clean > 100, "too few documents without problems: {clean}");
}

#[test]
fn everything_reads_back_the_same() {
    let loaded = load(&[(Layer::FwCfg, EVERYTHING.as_bytes())], &LIMITS);
    assert_eq!(loaded.problems, []);
    let written = loaded.settings.write();
    assert_eq!(validate(&tree_of(&written, Layer::Api)), (loaded.settings, Vec::new()));
}

#[test]
fn no_change_that_adds_a_problem_is_accepted() {
    let author = Author::new();
    let (mut accepted, mut refused) = (0, 0);
    seeds(1_000, |random| {
        let before = random_layers(&author, random, 3);
        let mut after = before.clone();
        if random.below(3) == 0 && !before.keys().is_empty() {
            after.delete(random.pick(&before.keys()));
        } else {
            let slips = random.below(2) * 3;
            after.write(Layer::Api, author.document(random, Layer::Api, slips), None);
        }
        let (settings, problems) = validate(&after.merged());
        let (_, known) = validate(&before.merged());
        // As the host is where the API has said nothing.
        let mut bare = before.clone();
        bare.set(Layer::Api, Tree::default());
        let (_, hidden) = validate(&bare.merged());
        // What is said of user data may change its words.
        let same = |a: &Problem, b: &Problem| {
            (a.layer, &a.path) == (b.layer, &b.path) && (a.layer.is_user_data() || a.why == b.why)
        };
        let count = |of: &[Problem], one| of.iter().filter(|other| same(one, other)).count();
        let adds = problems
            .iter()
            .any(|problem| count(&problems, problem) > count(&known, problem).max(count(&hidden, problem)));
        match check_change(&before, &after) {
            Ok(checked) => {
                assert_eq!(checked, settings);
                assert!(!adds, "{problems:?}");
                accepted += 1;
            }
            Err(why) => {
                assert!(adds && !why.is_empty() && why.iter().all(|problem| problems.contains(problem)));
                refused += 1;
            }
        }
    });
    assert!(std::env::var_os("SEED").is_some() || (accepted > 100 && refused > 100), "{accepted} {refused}");
}

#[test]
fn what_user_data_did_wrong_before_refuses_no_change() {
    let mut before = Layers::default();
    before.set(Layer::FwCfg, load(&[(Layer::FwCfg, b"[settings]\nmotd = 5\nx = 1\n")], &LIMITS).tree);
    let mut after = before.clone();
    after.write(Layer::Api, from_pairs(&[("motd", "hello")], Layer::Api).unwrap(), None);
    assert_eq!(check_change(&before, &after).unwrap().motd.unwrap().as_str(), "hello");
    // Taking it back returns to what the host has been before, with its old problem and not refused for it.
    assert_eq!(check_change(&after, &before).unwrap().motd, None);
    // Another problem at the same place, in the API's own words, is refused all the same.
    let mut worse = before.clone();
    worse.write(
        Layer::Api,
        from_json(br#"{"motd": 6}"#, Layer::Api, Rooted::AtSettings, &LIMITS).unwrap(),
        None,
    );
    let why = check_change(&after, &worse).unwrap_err();
    assert_eq!(
        why.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["settings.motd: wanted text, found an integer"]
    );
}

fn item_of<'t>(tree: Option<&'t Tree>, key: &KeyPath) -> Option<&'t Item> {
    let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
    tree?.node(&path).map(|node| &node.item)
}

#[test]
fn deleting_returns_to_the_lower_layer_and_nothing_else_changes() {
    let author = Author::new();
    let mut returned = 0;
    seeds(700, |random| {
        let mut layers = random_layers(&author, random, 2);
        let keys = layers.keys();
        if keys.is_empty() {
            return;
        }
        let key = random.pick(&keys).clone();
        loop {
            let before = layers.clone();
            let having: Vec<Layer> = before
                .iter()
                .filter(|(_, tree)| item_of(Some(tree), &key).is_some())
                .map(|(layer, _)| layer)
                .collect();
            let Some(deleted) = layers.delete(&key) else {
                assert!(having.last().is_none_or(|top| !top.can_be_deleted_from()));
                assert_eq!(layers, before);
                break;
            };
            assert!(deleted.layer.can_be_deleted_from());
            assert_eq!(Some(&deleted.layer), having.last());
            assert_eq!(deleted.now, having.len().checked_sub(2).map(|lower| having[lower]));
            assert_eq!(item_of(layers.get(deleted.layer), &key), None);
            for (layer, tree) in before.iter().filter(|(layer, _)| *layer != deleted.layer) {
                assert_eq!(layers.get(layer), Some(tree));
            }
            if let Some(now) = deleted.now {
                let merged = layers.merged();
                // A layer between may have put a value in the place of the table that the key is in.
                let hidden = layers.iter().any(|(layer, tree)| {
                    let path: Vec<&str> = key.segments().iter().map(String::as_str).collect();
                    let above = |end| tree.node(&path[..end]).map(|node| &node.item);
                    layer > now
                        && (1..path.len())
                            .any(|end| above(end).is_some_and(|item| !matches!(item, Item::Table(_))))
                });
                if !hidden && !matches!(item_of(layers.get(now), &key), Some(Item::Table(_))) {
                    assert_eq!(item_of(Some(&merged), &key), item_of(layers.get(now), &key));
                    returned += 1;
                }
            }
        }
    });
    assert!(std::env::var_os("SEED").is_some() || returned > 20, "{returned}");
}

/// The document of what wins, and nothing else.
fn winners(layers: &Layers, explained: &[Explained]) -> Tree {
    fn put(table: &mut Table, path: &[String], node: Node) {
        match path {
            [] => {}
            [last] => drop(table.insert(last.clone(), node)),
            [first, rest @ ..] => {
                let layer = node.layer;
                let below =
                    table.entry(first.clone()).or_insert_with(|| Node::new(layer, Item::Table(Table::new())));
                if let Item::Table(below) = &mut below.item {
                    put(below, rest, node);
                }
            }
        }
    }
    let mut tree = Tree::default();
    for Explained { key, layer, .. } in explained.iter().filter(|explained| explained.wins) {
        let item = item_of(layers.get(*layer), key).unwrap().clone();
        put(&mut tree.root, key.segments(), Node::new(*layer, item));
    }
    tree
}

#[test]
fn what_wins_is_what_is_in_effect() {
    let author = Author::new();
    seeds(700, |random| {
        let layers = random_layers(&author, random, 4);
        let explained = layers.explain(&key("settings"));
        for (index, one) in explained.iter().enumerate() {
            let same = |other: &&Explained| other.key == one.key && other.wins;
            assert!(explained.iter().filter(same).count() <= 1, "one winner: {one:?}");
            assert!(explained[..index].iter().all(|other| other.key != one.key || other.layer > one.layer));
        }
        let (settings, _) = validate(&layers.merged());
        let (again, _) = validate(&winners(&layers, &explained));
        assert_eq!(pruned(&again.write()), pruned(&settings.write()));
        // A part is explained as it is in the whole.
        let keys = layers.keys();
        if !keys.is_empty() {
            let one = random.pick(&keys);
            let part = layers.explain(one);
            assert!(part.iter().eq(explained.iter().filter(|explained| explained.key.starts_with(one))));
        }
    });
}

#[test]
fn what_was_taken_out_after_it_was_read_does_not_win() {
    let text = b"[settings.containers.a]\nimage = 'a'\nports = ['80:1']\n[settings.containers.b]\nimage = 'b'\nports = ['80:1']\n\
        [settings.host-containers.admin]\nenabled = true\nsuperpowered = true\n[settings.kernel.modules.x]\nallowed = false\nautoload = true\n";
    let mut layers = Layers::default();
    layers.set(Layer::FwCfg, load(&[(Layer::FwCfg, text)], &LIMITS).tree);
    let explained = layers.explain(&key("settings"));
    let losers: Vec<_> = explained.iter().filter(|one| !one.wins).map(|one| one.key.to_string()).collect();
    assert_eq!(
        losers,
        [
            "settings.containers.b.image",
            "settings.containers.b.ports",
            "settings.host-containers.admin.enabled",
            "settings.kernel.modules.x.allowed",
            "settings.kernel.modules.x.autoload",
        ]
    );
}

#[test]
fn a_change_is_stamped_and_what_says_the_same_again_is_no_change() {
    let author = Author::new();
    let stamp = |generation| Stamp { generation, unix_s: 1_700_000_000 + generation };
    seeds(1_000, |random| {
        let mut layers = random_layers(&author, random, 2);
        layers.stamp(stamp(1));
        let change = author.document(random, Layer::Api, 2);
        layers.write(Layer::Api, change.clone(), None);
        let mut again = layers.clone();
        again.write(Layer::Api, change.clone(), Some(stamp(9)));
        let (mut a, mut b) = (layers.clone(), again.clone());
        a.stamp(stamp(2));
        b.stamp(stamp(2));
        assert_eq!(a.merged(), b.merged(), "only the first one is a change");
        for explained in a.explain(&key("settings")) {
            let empty = explained.value == Value::EMPTY;
            assert_eq!(explained.stamp.is_none(), explained.layer == Layer::Image || empty, "{explained:?}");
        }
    });
}

#[test]
fn a_document_that_says_the_same_again_keeps_its_stamps() {
    let document = |text: &str| load(&[(Layer::Imds, text.as_bytes())], &LIMITS).tree;
    let mut layers = Layers::default();
    for (generation, text) in [
        (1, "settings.motd = 'a'\nsettings.dns.search-list = ['x']"),
        (2, "settings.motd = 'b'\nsettings.dns.search-list = ['x']"),
    ] {
        layers.set(Layer::Imds, document(text));
        layers.stamp(Stamp { generation, unix_s: 0 });
    }
    let when = |text: &str| layers.explain(&key(text))[0].stamp.unwrap().generation;
    assert_eq!((when("settings.motd"), when("settings.dns.search-list")), (2, 1));
}

#[test]
fn writing_replaces_values_and_adds_to_tables() {
    let mut layers = Layers::default();
    let change = |pairs: &[(&str, &str)]| from_pairs(pairs, Layer::File).unwrap();
    layers.write(
        Layer::Api,
        change(&[("motd", "a"), ("network.hostname", "a")]),
        Some(Stamp { generation: 1, unix_s: 10 }),
    );
    layers.write(
        Layer::Api,
        change(&[("motd", "b"), ("dns.search-list", "[\"x\"]")]),
        Some(Stamp { generation: 2, unix_s: 20 }),
    );
    let of = |text: &str| layers.explain(&key(text)).remove(0);
    assert_eq!(
        (of("settings.motd").value, of("settings.motd").stamp.unwrap().generation),
        (Value::Text("b".into()), 2)
    );
    assert_eq!(of("settings.network.hostname").stamp.unwrap().unix_s, 10);
    assert_eq!(of("settings.dns").key, key("settings.dns.search-list"));
    assert!(layers.iter().all(|(layer, _)| layer == Layer::Api), "a change becomes its layer's");
    assert_eq!(
        layers.delete(&key("settings.dns.search-list")).map(|deleted| (deleted.layer, deleted.now)),
        Some((Layer::Api, None))
    );
    assert_eq!(
        layers.keys(),
        [key("settings.motd"), key("settings.network.hostname")],
        "no empty table is left"
    );
    layers.set(Layer::Api, Tree::default());
    assert_eq!(layers, Layers::default());
}

#[test]
fn a_difference_is_what_takes_one_to_the_other() {
    let author = Author::new();
    seeds(1_000, |random| {
        let [a, b] = [0, 1].map(|_| validate(&author.document(random, Layer::Api, 0)).0.write());
        assert_eq!(diff(&a, &a), []);
        let (there, back) = (diff(&a, &b), diff(&b, &a));
        assert_eq!(there.is_empty(), a == b);
        for (there, back) in there.iter().zip(&back) {
            assert_eq!((&there.key, &there.before, &there.after), (&back.key, &back.after, &back.before));
            assert_eq!(
                there.before,
                a.at(&there.key).filter(|v| is_leaf(v)).map(Value::marked),
                "{}",
                there.key
            );
            assert_eq!(
                there.after,
                b.at(&there.key).filter(|v| is_leaf(v)).map(Value::marked),
                "{}",
                there.key
            );
        }
        let changed: Vec<_> = there.iter().map(|change| change.key.clone()).collect();
        assert_eq!(a.without(&changed).leaves(), b.without(&changed).leaves(), "all else is the same");
    });
}

fn is_leaf(value: &Value) -> bool {
    !matches!(value, Value::Table(table) if !table.is_empty())
}

#[test]
fn values_are_picked_by_key_and_by_the_start_of_keys() {
    let (settings, _) = validate(&load(&[(Layer::Api, EVERYTHING.as_bytes())], &LIMITS).tree);
    let value = settings.write();
    let keys = |value: &Value| value.leaves().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>();
    assert_eq!(
        keys(&value.filtered("settings.network.host")),
        ["settings.network.hostname", "settings.network.hosts"]
    );
    assert_eq!(value.filtered(""), value);
    assert_eq!(value.filtered("nothing"), Value::EMPTY);
    let two = [key("settings.motd"), key("settings.health")];
    assert_eq!(keys(&value.only(&two)), ["settings.health.deadline-s", "settings.motd"]);
    assert_eq!(value.leaves().len(), value.only(&two).leaves().len() + value.without(&two).leaves().len());
    assert_eq!(
        value.at(&key("settings.kernel.sysctl.\"vm.overcommit_memory\"")),
        Some(&Value::Text("1".into()))
    );
    assert_eq!(value.at(&key("settings.motd.x")), None);
}
