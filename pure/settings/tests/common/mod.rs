//! Randomness and random documents for laws. A failure prints its seed; `SEED=n` runs it alone.
#![allow(dead_code, clippy::unwrap_used)]

use settings::model::Document;
use settings::read::Setting;
use settings::shape::{Facts, Kind, Shape};
use settings::tree::{Item, Node, Table};
use settings::{LIMITS, Layer, Tree, load};

pub const EVERYTHING: &str = include_str!("../data/everything.toml");
/// Every key there is, each with a good value, in documents that are merged.
pub const ALL: [&str; 3] =
    [EVERYTHING, include_str!("../data/kubernetes.toml"), include_str!("../data/ecs.toml")];

/// SplitMix64: enough randomness for tests, the same on every machine.
pub struct Random(u64);

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

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

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

/// Texts that are at home somewhere in a document.
const TEXTS: &[&str] = &[
    "",
    "a",
    "10.0.0.1",
    "80:80",
    "256Mi",
    "bridge",
    "http://a",
    "nginx:1",
    "hunter2!",
    "dTpodW50ZXIy",
    "10%",
    "3s",
    "0-3",
    "a.example",
    "r.example/a:1",
    "apiclient",
    "vm.swappiness",
    "2Mi",
    "chown",
    "(secret)",
    "true",
    "memory.available",
];

/// Makes documents along the model, with values that are often right and now and then wrong in any way.
pub struct Author {
    model: Shape,
    /// A document in which every key has a good value.
    good: Tree,
}

impl Author {
    pub fn new() -> Self {
        let good = load(&ALL.map(|text| (Layer::File, text.as_bytes())), &LIMITS).tree;
        Author { model: Document::shape(), good }
    }

    /// A document of `layer` about a few things. `slips`: out of 100 values, how many are wrong.
    pub fn document(&self, random: &mut Random, layer: Layer, slips: usize) -> Tree {
        let mut author = Writing { random, layer, slips };
        let Shape::Group(top) = &self.model else { unreachable!() };
        let node = author.node(&top[0].shape, self.good.root.get("settings"), 0);
        Tree { root: Table::from([("settings".into(), node)]) }
    }
}

struct Writing<'r> {
    random: &'r mut Random,
    layer: Layer,
    slips: usize,
}

impl Writing<'_> {
    fn node(&mut self, shape: &Shape, good: Option<&Node>, depth: usize) -> Node {
        let item = if depth > 0 && self.random.below(100) < self.slips {
            self.slip()
        } else {
            self.item(shape, good, depth)
        };
        Node::new(self.layer, item)
    }

    fn slip(&mut self) -> Item {
        match self.random.below(7) {
            0 => Item::Integer(self.random.next() as i64),
            1 => Item::Float(self.random.below(100) as f64 / 8.0),
            2 => Item::Boolean(self.random.below(2) == 0),
            3 => Item::List(Vec::new()),
            4 => {
                Item::Table(Table::from([("x".into(), Node::new(self.layer, Item::Text("hunter2!".into())))]))
            }
            _ => Item::Text(self.random.one_of(TEXTS).into()),
        }
    }

    fn item(&mut self, shape: &Shape, good: Option<&Node>, depth: usize) -> Item {
        let inside = |key: &str| match good.map(|node| &node.item) {
            Some(Item::Table(table)) => table.get(key),
            _ => None,
        };
        match shape {
            Shape::Scalar(facts) => self.scalar(facts, good),
            Shape::Tuple(_) | Shape::List(_) if self.random.below(2) == 0 && good.is_some_and(is_list) => {
                let good = good.map(|node| self.again(node));
                good.map_or(Item::List(Vec::new()), |node| node.item)
            }
            Shape::List(entry) => {
                let entries = match good.map(|node| &node.item) {
                    Some(Item::List(entries)) => entries.as_slice(),
                    _ => &[],
                };
                let count = self.random.below(3);
                let list = (0..count).map(|at| self.node(entry, entries.get(at), depth + 1));
                Item::List(list.collect())
            }
            Shape::Tuple(entries) => {
                Item::List(entries.iter().map(|entry| self.node(entry, None, depth + 1)).collect())
            }
            Shape::OneOf(shapes) => {
                let fitting = |shape: &&Shape| match good.map(|node| &node.item) {
                    Some(Item::List(_)) => shape.entry(0).is_some(),
                    Some(Item::Table(_)) => shape.is_table(),
                    Some(_) => shape.scalar().is_some(),
                    None => false,
                };
                let likely = shapes.iter().find(fitting).filter(|_| self.random.below(4) > 0);
                let shape = likely.unwrap_or_else(|| self.random.pick(shapes));
                self.item(shape, good, depth)
            }
            Shape::Group(fields) => {
                // Few of many at the top, most of a few further down.
                let wanted = if depth == 0 { 4 } else { 1 + self.random.below(fields.len().max(1)) };
                let mut table = Table::new();
                for _ in 0..wanted.min(fields.len()) {
                    let field = self.random.pick(fields);
                    table.insert(field.key.into(), self.node(&field.shape, inside(field.key), depth + 1));
                }
                if self.random.below(100) < self.slips {
                    table.insert("surplus".into(), Node::new(self.layer, Item::Text("hunter2!".into())));
                }
                Item::Table(table)
            }
            Shape::Map { key, value } => {
                let names: Vec<&String> = match good.map(|node| &node.item) {
                    Some(Item::Table(table)) => table.keys().collect(),
                    _ => Vec::new(),
                };
                let mut table = Table::new();
                for _ in 0..self.random.below(3) {
                    let name = match self.random.below(3) {
                        0 if !key.values.is_empty() => self.random.one_of(key.values).to_string(),
                        1 if self.random.below(100) < self.slips => self.random.one_of(TEXTS).to_string(),
                        _ if !names.is_empty() => self.random.pick(&names).to_string(),
                        _ => self.random.one_of(&["a", "b", "c"]).to_string(),
                    };
                    let good = inside(&name).or_else(|| inside(names.first()?));
                    let node = self.node(value, good, depth + 1);
                    table.insert(name, node);
                }
                Item::Table(table)
            }
        }
    }

    fn scalar(&mut self, facts: &Facts, good: Option<&Node>) -> Item {
        if let Some(good) = good
            && !matches!(good.item, Item::List(_) | Item::Table(_))
            && self.random.below(3) > 0
        {
            return good.item.clone();
        }
        match facts.kind {
            Kind::Boolean => Item::Boolean(self.random.below(2) == 0),
            Kind::Integer => {
                let (least, most) = (facts.minimum.unwrap_or(i64::MIN), facts.maximum.unwrap_or(i64::MAX));
                let edges =
                    [least, most, 0i64.clamp(least, most), 1i64.clamp(least, most), 85i64.clamp(least, most)];
                Item::Integer(*self.random.pick(&edges))
            }
            Kind::Text | Kind::TextOrNumber if !facts.values.is_empty() => {
                Item::Text(self.random.one_of(facts.values).into())
            }
            Kind::TextOrNumber if self.random.below(4) == 0 => {
                Item::Integer(self.random.below(1 << 30) as i64)
            }
            Kind::Text | Kind::TextOrNumber => Item::Text(self.random.one_of(TEXTS).into()),
        }
    }

    /// The same, as our layer's.
    fn again(&self, node: &Node) -> Node {
        let item = match &node.item {
            Item::Table(table) => {
                Item::Table(table.iter().map(|(key, node)| (key.clone(), self.again(node))).collect())
            }
            Item::List(list) => Item::List(list.iter().map(|node| self.again(node)).collect()),
            plain => plain.clone(),
        };
        Node::new(self.layer, item)
    }
}

fn is_list(node: &Node) -> bool {
    matches!(node.item, Item::List(_))
}

/// Every value that is not a table, with its path.
pub fn leaves<'t>(table: &'t Table, path: &mut Vec<&'t str>, visit: &mut impl FnMut(&[&str], &Node)) {
    for (key, node) in table {
        path.push(key);
        match &node.item {
            Item::Table(inner) => leaves(inner, path, visit),
            _ => visit(path, node),
        }
        path.pop();
    }
}
