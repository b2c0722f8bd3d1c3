//! Laws of the three steps, over random trees and texts.
#![allow(clippy::unwrap_used)]

mod common;

use common::{EVERYTHING, Random, leaves, seeds};
use settings::tree::{Item, Node, Table, Tree};
use settings::written::as_written;
use settings::{LIMITS, Layer, Loaded, load, validate};

const KEYS: &[&str] = &[
    "settings",
    "motd",
    "network",
    "hostname",
    "hosts",
    "dns",
    "name-servers",
    "kernel",
    "sysctl",
    "vm.swappiness",
    "container-registry",
    "mirrors",
    "credentials",
    "registry",
    "endpoint",
    "containers",
    "web",
    "image",
    "command",
    "env",
    "mounts",
    "ports",
    "resources",
    "memory",
    "cpu",
    "user",
    "x",
    "",
];

/// A table a few levels deep. Few keys, so that layers meet often.
fn random_table(random: &mut Random, layer: Layer, depth: usize, keys: &[&str]) -> Table {
    let entries = random.below(5);
    (0..entries).map(|_| (random.one_of(keys).to_string(), random_node(random, layer, depth, keys))).collect()
}

fn random_node(random: &mut Random, layer: Layer, depth: usize, keys: &[&str]) -> Node {
    let texts = ["", "a", "10.0.0.1", "80:80", "256Mi", "bridge", "http://a", "nginx:1", "hunter2!"];
    let item = match random.below(if depth == 0 { 5 } else { 9 }) {
        0 => Item::Text(random.one_of(&texts).to_string()),
        1 => Item::Integer(random.next() as i64),
        2 => Item::Float(random.below(100) as f64 / 8.0),
        3 => Item::Boolean(random.below(2) == 0),
        4 => Item::Datetime,
        5 => Item::List((0..random.below(4)).map(|_| random_node(random, layer, depth - 1, keys)).collect()),
        _ => Item::Table(random_table(random, layer, depth - 1, keys)),
    };
    Node::new(layer, item)
}

fn random_tree(random: &mut Random, layer: Layer, keys: &[&str]) -> Tree {
    Tree { root: random_table(random, layer, 5, keys) }
}

#[test]
fn merging_is_associative_and_the_empty_tree_changes_nothing() {
    seeds(5_000, |random| {
        let keys = &["a", "b", "c"];
        let [a, b, c] =
            [Layer::Image, Layer::FwCfg, Layer::NoCloud].map(|layer| random_tree(random, layer, keys));
        let left = a.clone().merge(b.clone()).merge(c.clone());
        let right = a.clone().merge(b.merge(c));
        assert_eq!(left, right);
        assert_eq!(a.clone().merge(Tree::default()), a);
        assert_eq!(Tree::default().merge(a.clone()), a);
    });
}

#[test]
fn the_upper_layer_wins_every_value_it_wrote_and_the_lower_keeps_what_nobody_overwrote() {
    seeds(2_000, |random| {
        let keys = &["a", "b", "c"];
        let lower = random_tree(random, Layer::Image, keys);
        let upper = random_tree(random, Layer::NoCloud, keys);
        let merged = lower.clone().merge(upper.clone());
        leaves(&upper.root, &mut Vec::new(), &mut |path, node| {
            let won = merged.node(path).expect("what the upper layer wrote is there");
            assert_eq!((&won.item, won.layer), (&node.item, Layer::NoCloud));
        });
        leaves(&merged.root, &mut Vec::new(), &mut |path, node| {
            let source = if node.layer == Layer::Image { &lower } else { &upper };
            assert_eq!(source.node(path).map(|node| &node.item), Some(&node.item), "{path:?}");
        });
    });
}

#[test]
fn validating_is_total_and_names_only_what_is_there_or_missing() {
    seeds(8_000, |random| {
        let settings = random_table(random, Layer::FwCfg, 5, KEYS);
        let root = Table::from([("settings".into(), Node::new(Layer::FwCfg, Item::Table(settings)))]);
        let (settings, problems) = validate(&Tree { root });
        for problem in &problems {
            assert!(problem.path.starts_with("settings") && problem.layer == Layer::FwCfg, "{problem:?}");
            assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
        }
        for container in settings.containers.0.values() {
            assert!(container.network == settings::containers::Network::Bridge || container.ports.is_empty());
        }
    });
}

#[test]
fn any_text_at_all_is_read_without_harm() {
    let pieces: Vec<&str> = EVERYTHING.split_inclusive(['\n', ' ', '=', '"', ',']).collect();
    let noise = [
        "\"\"\"", "'''", "[", "]", "[[", "{", "}", "=", ".", "\n", "\\u0000", "\u{0}", "#", "1e999", "0x",
        "\u{202e}",
    ];
    seeds(3_000, |random| {
        let mut text: Vec<&str> = pieces.clone();
        for _ in 0..1 + random.below(8) {
            let at = random.below(text.len());
            match random.below(4) {
                0 => text.insert(at, random.one_of(&noise)),
                1 if text.len() > 1 => drop(text.remove(at)),
                2 => {
                    let other = random.below(text.len());
                    text.swap(at, other);
                }
                _ => text.truncate(at + 1),
            }
        }
        let mut bytes = text.concat().into_bytes();
        if random.below(4) == 0 && !bytes.is_empty() {
            let at = random.below(bytes.len());
            bytes[at] = random.next() as u8;
        }
        let once = load(&[(Layer::NoCloud, &bytes)], &LIMITS);
        assert_eq!(once, load(&[(Layer::NoCloud, &bytes)], &LIMITS), "the same twice");
        for problem in &once.problems {
            assert!(!problem.path.chars().any(char::is_control), "{problem:?}");
            assert!(!problem.why.contains("s3cret") && !problem.why.contains("t0ken"), "{problem:?}");
        }
    });
}

/// The document in pieces, each starting at a header.
fn sections() -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in EVERYTHING.split_inclusive('\n') {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        sections.last_mut().unwrap().push_str(line);
    }
    sections
}

#[test]
fn a_slip_in_any_table_costs_exactly_that_table() {
    let sections = sections();
    assert!(sections.len() > 10);
    for broken in 1..sections.len() {
        let without: String = sections
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != broken)
            .map(|(_, text)| text.as_str())
            .collect();
        let want = load(&[(Layer::FwCfg, without.as_bytes())], &LIMITS);
        // A text that is never closed may have been meant to hold all that follows.
        let before = load(&[(Layer::FwCfg, sections[..broken].concat().as_bytes())], &LIMITS);
        for slip in ["= x\n", "x = [\n", "x = {\n", "x = \"\"\"\n", "x = 'y\n", "x\n", "]\n", "x = 1 2\n"] {
            for place in ["start", "end"] {
                let section = &sections[broken];
                let (head, body) = section.split_once('\n').unwrap();
                let slipped = match place {
                    "start" => format!("{head}\n{slip}{body}"),
                    _ => format!("{section}{slip}"),
                };
                let text: String = sections[..broken]
                    .iter()
                    .chain([&slipped])
                    .chain(&sections[broken + 1..])
                    .cloned()
                    .collect();
                let Loaded { settings, problems, .. } = load(&[(Layer::FwCfg, text.as_bytes())], &LIMITS);
                let stopped = usize::from(head.starts_with("[settings.containers."));
                let want = if slip.contains("\"\"\"") { &before } else { &want };
                assert_eq!(settings, want.settings, "{slip:?} at the {place} of {head}: {problems:?}");
                assert_eq!(
                    problems.len(),
                    1 + stopped + want.problems.len(),
                    "{slip:?} at the {place} of {head}: {problems:?}"
                );
            }
        }
    }
}

#[test]
fn hostile_texts_of_full_length_are_cheap() {
    let full = LIMITS.text_bytes;
    let fill = |piece: &str| piece.repeat(full / piece.len());
    let hostile = [
        fill("["),
        fill("a."),
        fill("[[a]]\n"),
        fill("[a]\n"),
        fill("a=\n"),
        fill("a={"),
        format!("a={}", fill("[")),
        format!("a=[{}]", fill("1,")),
        fill("\"\"\"\n["),
        fill("[a\n"),
        format!("a = \"\"\"{}", fill("[x]\n")),
        fill("a = \"\"\"\n[x]\n"),
        fill("x = [\n"),
        fill("\n"),
        fill("#"),
        format!("{}=1", fill("k")),
        format!("[settings.containers.{}]\nimage = 1\n", fill("k")),
        format!("[{}]\n", fill("a.")),
        (0..full / 16).map(|n| format!("[a{n}]\n=\n")).collect::<String>()[..full / 2].to_string(),
        (0..full / 16).map(|n| format!("k{n} = 1\n")).collect::<String>(),
    ];
    for text in hostile {
        let text = &text.as_bytes()[..text.len().min(full)];
        let start = std::time::Instant::now();
        let (tree, problems) = as_written(text, Layer::FwCfg, &LIMITS);
        validate(&tree);
        let took = start.elapsed();
        let head = String::from_utf8_lossy(&text[..20]).into_owned();
        println!("{took:>10.1?} problems={} {head:?}", problems.len());
        // Unoptimised and on a busy machine; what matters is that nothing grows with the square of the length.
        assert!(took.as_secs() < 20, "{took:?} for {head:?}");
    }
}
