//! Random generations, from a seed.
#![allow(dead_code, reason = "each test file that has this module uses its part of it")]

use generation::{Generation, Why};
use settings::Layer;
use settings::layers::Layers;
use settings::tree::{Item, Node, Stamp, Table, Tree};

/// SplitMix64: enough randomness for tests, the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// Runs a law for so many seeds, or for the one in `SEED`; a failure prints its own.
pub fn seeds(count: u64, mut law: impl FnMut(&mut Random)) {
    let seeds = match std::env::var("SEED") {
        Ok(seed) => seed.parse().unwrap()..=seed.parse().unwrap(),
        Err(_) => 1..=count,
    };
    for seed in seeds {
        let run = std::panic::AssertUnwindSafe(|| law(&mut Random(seed)));
        if let Err(cause) = std::panic::catch_unwind(run) {
            eprintln!("failed with SEED={seed}");
            std::panic::resume_unwind(cause);
        }
    }
}

/// Anything that layers can hold, also what no source would write.
pub fn anything(random: &mut Random) -> Generation {
    let keys = ["settings", "a", "b.c", "", "$torn", "$", "$$x", "\"", "a\\", "schlüssel", "\u{7f}", "[0]"];
    let table = |random: &mut Random| any_table(random, 4, &keys);
    generation(random, table)
}

/// What the versions in `versions` are about, in the words of schema `schema`.
pub fn of_schema(random: &mut Random, schema: u32) -> Generation {
    generation(random, |random| settings(random, schema))
}

fn generation(random: &mut Random, mut table: impl FnMut(&mut Random) -> Table) -> Generation {
    let mut layers = Layers::default();
    for _ in 0..random.below(5) {
        let layer = Layer::ALL[1 + random.below(Layer::ALL.len() - 1)];
        let mut tree = Tree { root: table(random) };
        stamp(random, &mut tree.root);
        layers.set(layer, tree);
    }
    let whys = [
        Why::FirstBoot,
        Why::UserData,
        Why::Change,
        Why::Rollback { to: random.next() },
        Why::ApplyFailed { of: 1 },
        Why::NotConfirmed { of: 2 },
    ];
    let digest = |random: &mut Random| (Layer::ALL[2 + random.below(7)], "0123abcd".repeat(8));
    let user_data = (0..random.below(3)).map(|_| digest(random)).collect();
    Generation {
        number: random.next(),
        unix_s: random.next(),
        by: random.one_of(&["", "uid 0", "remote \"ann\"\n"]).to_owned(),
        why: whys[random.below(whys.len())],
        release: "1.2.3-β".to_owned(),
        provisional: (random.below(2) == 0).then(|| random.next() as u32),
        user_data,
        layers,
    }
}

/// Times for some leaves; few, so that groups have more than one.
fn stamp(random: &mut Random, table: &mut Table) {
    for node in table.values_mut() {
        match &mut node.item {
            Item::Table(inner) => stamp(random, inner),
            _ => {
                let generation = random.below(4) as u64;
                node.stamp = (generation > 0).then_some(Stamp { generation, unix_s: 100 + generation / 2 });
            }
        }
    }
}

fn any_table(random: &mut Random, depth: usize, keys: &[&str]) -> Table {
    let entries = random.below(5);
    (0..entries).map(|_| (random.one_of(keys).to_owned(), any_node(random, depth, keys))).collect()
}

fn any_node(random: &mut Random, depth: usize, keys: &[&str]) -> Node {
    let floats = [0.5, -0.0, 1e300, 5e-324, 0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY, 3.0];
    let item = match random.below(if depth == 0 { 6 } else { 10 }) {
        0 => Item::Text(random.one_of(&["", "a", "pass\u{0}word", "$date", "null", "\u{202e}"]).to_owned()),
        1 => Item::Integer(random.next() as i64),
        2 => Item::Float(floats[random.below(floats.len())]),
        3 => Item::Boolean(random.below(2) == 0),
        4 => Item::Datetime,
        5 => Item::Unusable("a float that is not a number".into()),
        6 => Item::List((0..random.below(4)).map(|_| any_node(random, depth - 1, keys)).collect()),
        _ => Item::Table(any_table(random, depth - 1, keys)),
    };
    let node = Node::new(Layer::Api, item);
    if random.below(8) == 0 { node.torn() } else { node }
}

/// Only values that every version can express, and, from the version that has them, those that the ones before cannot.
fn settings(random: &mut Random, schema: u32) -> Table {
    let text = |text: &str| Item::Text(text.to_owned());
    let mut root = Table::new();
    let mut put = |path: &[&str], item: Item| {
        let mut table = &mut root;
        for key in &path[..path.len() - 1] {
            let inner = table.entry((*key).to_owned());
            let inner = inner.or_insert_with(|| Node::new(Layer::Api, Item::Table(Table::new())));
            let Item::Table(inner) = &mut inner.item else { return };
            table = inner;
        }
        table.insert(path[path.len() - 1].to_owned(), Node::new(Layer::Api, item));
    };
    let chance = |random: &mut Random| random.below(2) == 0;
    if chance(random) {
        let path: &[_] = if schema < 2 { &["settings", "motd"] } else { &["settings", "banner", "text"] };
        put(path, text(random.one_of(&["hi", "ho", ""])));
    }
    if chance(random) {
        let minutes = random.below(5) as i64;
        put(
            &["settings", "wait"],
            if schema < 3 { text(&format!("{minutes}m")) } else { Item::Integer(60 * minutes) },
        );
    }
    for host in ["a", "b"] {
        if chance(random) {
            let hosts: &[_] =
                if schema < 4 { &["settings", "hosts"] } else { &["settings", "network", "hosts"] };
            put(&[hosts, &[host]].concat(), Item::Integer(random.below(3) as i64));
        }
    }
    if chance(random) {
        put(&["settings", "mode"], text(random.one_of(&["slow", "steady"])));
    }
    for name in ["web", "db"] {
        if chance(random) {
            put(&["settings", "containers", name, "image"], text(random.one_of(&["nginx", "postgres"])));
            if schema >= 5 && chance(random) {
                put(&["settings", "containers", name, "gpu"], Item::Boolean(true));
            }
        }
    }
    if schema >= 2 && chance(random) {
        put(&["settings", "extra", "depth"], Item::Integer(random.below(9) as i64));
    }
    if schema >= 3 && random.below(4) == 0 {
        put(&["settings", "wait"], Item::Integer(61));
    }
    if schema >= 5 && random.below(4) == 0 {
        put(&["settings", "mode"], text("fast"));
    }
    root
}
