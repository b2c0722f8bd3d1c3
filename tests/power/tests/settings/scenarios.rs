//! Hosts with a history, and what releases do on them.

use std::sync::Arc;

use power::careless::Careless;
use power::folder::FileSystem;
use settings::Layer;
use settings::layers::Layers;
use settings::tree::{Item, Node, Table, Tree};
use store::{CommitError, Draft, Generation, KEEP, Keep, Opened, Store, Why};

use crate::versions::registry;

/// How much is kept: little, so that every scenario prunes.
pub const LITTLE: Keep = Keep { generations: 3, ..KEEP };

pub type Settings = Store<Careless>;

/// What one release does; each call that returns is a promise.
pub type Step = Box<dyn Fn(&Settings) -> Result<Arc<Generation>, CommitError>>;

pub struct Scenario {
    pub name: &'static str,
    /// The version of the release that acts.
    pub acting: u32,
    /// Older ones that the host may fall back to afterwards.
    pub older: &'static [u32],
    pub before: FileSystem,
    pub steps: Vec<Step>,
}

pub fn open(folder: Careless, schema: u32) -> Opened<Careless> {
    Store::open_in(folder, "/state/settings".to_owned(), LITTLE, &registry(schema)).unwrap()
}

/// What a release takes for current.
pub fn seen(system: &FileSystem, schema: u32) -> Option<Generation> {
    let Opened { store, .. } = open(Careless::new(system, None), schema);
    store.current().map(|current| Generation::clone(&current))
}

fn tree(path: &str, item: Item) -> Tree {
    let (mut keys, last) = match path.rsplit_once('.') {
        Some((keys, last)) => (keys.split('.').collect::<Vec<_>>(), last),
        None => (Vec::new(), path),
    };
    let mut table = Table::from([(last.to_owned(), Node::new(Layer::Api, item))]);
    while let Some(key) = keys.pop() {
        table = Table::from([(key.to_owned(), Node::new(Layer::Api, Item::Table(table)))]);
    }
    Tree { root: table }
}

pub fn text(text: &str) -> Item {
    Item::Text(text.to_owned())
}

/// A commit on top of what is current.
pub fn change(path: &'static str, item: Item, provisional: Option<u32>) -> Step {
    Box::new(move |store| {
        let current = store.current();
        let mut layers = current.as_ref().map_or_else(Layers::default, |current| current.layers.clone());
        layers.write(Layer::Api, tree(path, item.clone()), None);
        let number = current.map_or(0, |current| current.number);
        let draft = Draft {
            unix_s: 1000 + number,
            by: "uid 0".to_owned(),
            why: Why::Change,
            release: "test".to_owned(),
            provisional,
            layers,
            user_data: [(Layer::NoCloud, "ab".repeat(32))].into(),
        };
        store.commit(draft, Some(number))
    })
}

fn confirm() -> Step {
    Box::new(|store| store.confirm(store.current().map_or(0, |current| current.number)))
}

pub fn commits(values: &[i64]) -> Vec<Step> {
    values.iter().map(|value| change("settings.hosts.a", Item::Integer(*value), None)).collect()
}

/// A file system on which releases have acted, and been shut down in order.
pub fn after(system: FileSystem, schema: u32, steps: &[Step]) -> FileSystem {
    let folder = Careless::new(&system, None);
    let Opened { store, problems } = open(folder.clone(), schema);
    assert!(problems.is_empty(), "{problems:?}");
    steps.iter().for_each(|step| drop(step(&store).unwrap()));
    drop(store);
    folder.system().restarted()
}

pub fn scenarios() -> Vec<Scenario> {
    let nothing = FileSystem::default;
    let motd = || change("settings.motd", text("hi"), None);
    let first = || after(nothing(), 1, &[motd()]);
    let many = || after(first(), 1, &commits(&[1, 2, 3, 4, 5]));
    let on_trial = || after(many(), 1, &[change("settings.hosts.b", Item::Integer(1), Some(60))]);
    // A host that was updated twice, and has changed settings since each update, also such as older ones have no word for.
    let updated = || {
        let second = after(many(), 2, &[change("settings.extra.depth", Item::Integer(2), None)]);
        let fifth = after(second, 5, &[change("settings.mode", text("fast"), None)]);
        after(fifth, 5, &[change("settings.wait", Item::Integer(61), None)])
    };
    let fallen_back = || after(updated(), 1, &commits(&[8, 9]));
    let between = || after(after(updated(), 2, &commits(&[8])), 1, &commits(&[9]));
    let new = || change("settings.banner.text", text("ho"), None);
    let trial = || change("settings.banner.text", text("on trial"), Some(60));
    let scenario = |name, acting, older, before, steps| Scenario { name, acting, older, before, steps };
    vec![
        scenario("first commit", 1, &[][..], nothing(), vec![motd()]),
        scenario("second commit", 1, &[], first(), vec![motd(), change("settings.motd", text("ho"), None)]),
        scenario("commits that prune", 1, &[], many(), commits(&[6, 7, 8])),
        scenario("confirming", 1, &[], on_trial(), vec![confirm()]),
        scenario(
            "trial after trial",
            1,
            &[],
            on_trial(),
            vec![trial(), trial(), trial(), trial(), confirm(), motd()],
        ),
        scenario("first commit of a newer release", 5, &[1], many(), vec![new(), new()]),
        scenario(
            "commits beside older forms",
            5,
            &[1, 2],
            updated(),
            vec![new(), trial(), confirm(), motd()],
        ),
        scenario("an older release on a newer store", 1, &[], updated(), commits(&[10, 11])),
        scenario("back on the newer release", 5, &[1, 2], fallen_back(), vec![new(), trial(), confirm()]),
        scenario("back from both older releases", 5, &[1, 2], between(), vec![new(), new()]),
        scenario("the release between", 2, &[1], between(), vec![new(), trial(), confirm()]),
    ]
}
