//! The store in a real folder: what operators and other processes see. Power cuts and refusals of the disk are `tests/power`.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use generation::{Migration, Rotten};
use settings::Layer;
use settings::layers::Layers;
use settings::tree::{Item, Node, Table, Tree};
use store::{
    CommitError, Disk, Draft, Folder, Generation, KEEP, Keep, Opened, Problem, ReadError, Registry, Store,
    Why,
};

/// A folder of its own for one test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("settings-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn store(&self) -> PathBuf {
        self.0.join("settings")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.store().join(name)
    }

    fn open(&self) -> Store {
        let Opened { store, problems } = self.opened(KEEP);
        assert!(problems.is_empty(), "{problems:?}");
        store
    }

    fn opened(&self, keep: Keep) -> Opened {
        Store::open(&self.store(), keep, &Registry::released()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn motd(layers: &Layers, text: &str) -> Layers {
    let table = Table::from([("motd".to_owned(), Node::new(Layer::Api, Item::Text(text.to_owned())))]);
    let root = Table::from([("settings".to_owned(), Node::new(Layer::Api, Item::Table(table)))]);
    let mut layers = layers.clone();
    layers.write(Layer::Api, Tree { root }, None);
    layers
}

fn draft(text: &str) -> Draft {
    Draft {
        unix_s: 1_795_173_427,
        by: "uid 0".to_owned(),
        why: Why::Change,
        release: "0.1.0".to_owned(),
        provisional: None,
        layers: motd(&Layers::default(), text),
        user_data: [].into(),
    }
}

fn said(generation: &Generation) -> String {
    let node = generation.layers.get(Layer::Api).and_then(|tree| tree.node(&["settings", "motd"]));
    match &node.unwrap().item {
        Item::Text(text) => text.clone(),
        other => panic!("{}", other.kind()),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_host_starts_without_any_and_finds_what_it_committed() {
    let scratch = Scratch::new("first");
    let store = scratch.open();
    assert_eq!(store.current(), None);
    assert!(store.list().unwrap().is_empty() && store.standing().unwrap().is_none());
    let first = store.commit(draft("one"), Some(0)).unwrap();
    let second = store.commit(Draft { why: Why::Rollback { to: 1 }, ..draft("two") }, Some(1)).unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    let again = scratch.open();
    assert_eq!(again.current().as_deref(), Some(&*second));
    assert_eq!(*again.read(1).unwrap(), *first);
    assert!(matches!(again.read(3), Err(ReadError::Absent { number: 3 })));
    let list = again.list().unwrap();
    assert_eq!(
        list.iter().map(|one| (one.number, one.why)).collect::<Vec<_>>(),
        [(2, Why::Rollback { to: 1 }), (1, Why::Change)]
    );
}

#[test]
fn settings_are_roots_alone() {
    let scratch = Scratch::new("modes");
    fs::create_dir(scratch.store()).unwrap();
    fs::set_permissions(scratch.store(), fs::Permissions::from_mode(0o755)).unwrap();
    scratch.open().commit(draft("secret"), None).unwrap();
    assert_eq!(mode(&scratch.store()), 0o700);
    assert_eq!(mode(&scratch.file("1")), 0o700);
    assert_eq!(mode(&scratch.file("1/0000000001.json")), 0o600);
    let names: Vec<_> =
        fs::read_dir(scratch.file("1")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["0000000001.json"], "nothing is left beside it");
}

#[test]
fn of_two_changes_to_one_generation_the_second_is_refused_and_nothing_is_lost() {
    let scratch = Scratch::new("conflict");
    let (ann, bob) = (scratch.open(), scratch.open());
    ann.commit(draft("ann"), Some(0)).unwrap();
    assert_eq!(bob.current(), None, "a reader sees what it saw last");
    let refused = bob.commit(draft("bob"), Some(0)).unwrap_err();
    assert!(matches!(refused, CommitError::Conflict { expected: 0, current: Some(1) }), "{refused:?}");
    assert_eq!(said(&bob.current().unwrap()), "ann", "and knows now what to look at");
    bob.commit(draft("bob"), Some(1)).unwrap();
    assert_eq!(ann.current().unwrap().number, 1);
    assert_eq!(said(&ann.refresh().unwrap().unwrap()), "bob");
    assert_eq!(ann.commit(draft("ann"), None).unwrap().number, 3);
    assert!(matches!(
        ann.commit(draft("x"), Some(9)),
        Err(CommitError::Conflict { expected: 9, current: Some(3) })
    ));
}

#[test]
fn many_writers_in_many_processes_lose_no_update() {
    const WRITERS: usize = 4;
    const CHANGES: usize = 15;
    let scratch = Scratch::new("writers");
    // Two stores stand for two processes, each with two threads.
    let stores = [Arc::new(scratch.open()), Arc::new(scratch.open())];
    let write = |store: Arc<Store>, writer: usize| {
        for change in 0..CHANGES {
            loop {
                let current = store.refresh().unwrap();
                let text = current.as_ref().map_or_else(String::new, |current| said(current));
                let number = current.map_or(0, |current| current.number);
                match store.commit(draft(&format!("{text} {writer}:{change}")), Some(number)) {
                    Ok(_) => break,
                    Err(CommitError::Conflict { .. }) => {}
                    Err(err) => panic!("{err:?}"),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = Arc::clone(&stores[writer % 2]);
            scope.spawn(move || write(store, writer));
        }
    });
    let last = scratch.open().current().unwrap();
    assert_eq!(last.number as usize, WRITERS * CHANGES);
    let said = said(&last);
    for writer in 0..WRITERS {
        let changes = said.split(' ').filter_map(|word| word.strip_prefix(&format!("{writer}:")));
        assert!(changes.eq((0..CHANGES).map(|change| change.to_string())), "{said}");
    }
}

#[test]
fn looks_of_other_threads_take_nothing_back_from_a_writer() {
    let scratch = Scratch::new("looks");
    let store = scratch.opened(Keep { generations: 4, ..KEEP }).store;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    store.refresh().unwrap();
                }
            });
        }
        let mut refused = None;
        for number in 0..300 {
            let committed = store.commit(draft("x"), Some(number)).map(|committed| committed.number);
            let seen = store.current().map(|current| current.number);
            if !matches!(committed, Ok(committed) if Some(committed) == seen) {
                refused = Some((committed, seen));
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
        assert!(refused.is_none(), "{refused:?}");
    });
}

#[test]
fn a_confirmed_generation_stands_and_others_go_back_to_the_last_that_does() {
    let scratch = Scratch::new("confirm");
    let store = scratch.open();
    let trial = |text| Draft { provisional: Some(60), ..draft(text) };
    store.commit(draft("one"), None).unwrap();
    store.commit(trial("two"), None).unwrap();
    store.commit(trial("three"), None).unwrap();
    assert_eq!(said(&store.standing().unwrap().unwrap()), "one");
    let refused = store.confirm(2).unwrap_err();
    assert!(matches!(refused, CommitError::NotCurrent { number: 2, current: Some(3) }), "{refused:?}");
    let other = scratch.open();
    assert_eq!(store.confirm(3).unwrap().provisional, None);
    assert_eq!(store.confirm(3).unwrap().number, 3, "once more does no harm");
    assert_eq!(other.refresh().unwrap().unwrap().provisional, None, "another process sees it");
    assert_eq!(said(&scratch.open().standing().unwrap().unwrap()), "three");
}

#[test]
fn history_is_bounded_by_number_and_by_bytes_but_never_loses_what_may_be_gone_back_to() {
    let numbers = |store: &Store| store.list().unwrap().into_iter().map(|one| one.number).collect::<Vec<_>>();
    let scratch = Scratch::new("prune");
    let store = scratch.opened(Keep { generations: 3, bytes: 1 << 20 }).store;
    for text in ["1", "2", "3", "4", "5"] {
        store.commit(draft(text), None).unwrap();
    }
    assert_eq!(numbers(&store), [5, 4, 3]);
    for text in ["6", "7", "8", "9"] {
        store.commit(Draft { provisional: Some(60), ..draft(text) }, None).unwrap();
    }
    assert_eq!(numbers(&store), [9, 8, 7, 6, 5], "5 is the last that stands");
    store.confirm(9).unwrap();
    assert_eq!(store.prune().unwrap(), [5, 6]);
    assert_eq!(numbers(&store), [9, 8, 7]);
    assert!(store.prune().unwrap().is_empty());
    let tight = scratch.opened(Keep { generations: 0, bytes: 0 }).store;
    assert_eq!(tight.prune().unwrap(), [7]);
    assert_eq!(numbers(&tight), [9, 8], "the current one and its predecessor");
    let wide = scratch.opened(Keep { generations: 100, bytes: 3000 }).store;
    for _ in 0..10 {
        wide.commit(draft(&"x".repeat(800)), None).unwrap();
    }
    assert_eq!(numbers(&wide), [19, 18]);
}

#[test]
fn what_rotted_is_named_and_left_out_and_its_number_is_not_used_again() {
    let scratch = Scratch::new("rot");
    let store = scratch.open();
    for text in ["one", "two", "three", "four"] {
        store.commit(draft(text), None).unwrap();
    }
    let newest = scratch.file("1/0000000004.json");
    let mut bytes = fs::read(&newest).unwrap();
    let at = bytes.len() - 20;
    bytes[at] ^= 1;
    fs::write(&newest, bytes).unwrap();
    // One torn, as other file systems leave one; one under a name that is not its own.
    fs::write(scratch.file("1/0000000005.json"), "").unwrap();
    fs::copy(scratch.file("1/0000000002.json"), scratch.file("1/0000000006.json")).unwrap();
    let Opened { store, problems } = scratch.opened(KEEP);
    assert_eq!(said(&store.current().unwrap()), "three");
    let found: Vec<_> = problems
        .iter()
        .map(|problem| match problem {
            Problem::Rotten { path, err } => (path.rsplit('/').next().unwrap().to_owned(), err.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        found,
        [
            ("0000000006.json".to_owned(), Rotten::Number { found: 2, expected: 6 }),
            ("0000000005.json".to_owned(), Rotten::NoChecksum),
            ("0000000004.json".to_owned(), Rotten::Checksum),
        ]
    );
    assert!(matches!(store.read(4), Err(ReadError::Rotten { number: 4, .. })));
    assert_eq!(store.commit(draft("five"), Some(3)).unwrap().number, 7);
    assert!(newest.exists(), "it is kept for whoever wants to look");
    assert_eq!(said(&scratch.open().current().unwrap()), "five");
}

#[test]
fn what_a_power_cut_left_is_removed() {
    let scratch = Scratch::new("aside");
    scratch.open().commit(draft("one"), None).unwrap();
    fs::write(scratch.file("1/.new"), "half").unwrap();
    let store = scratch.open();
    assert!(!scratch.file("1/.new").exists());
    fs::write(scratch.file("1/.new"), "half").unwrap();
    store.commit(draft("two"), None).unwrap();
    assert!(!scratch.file("1/.new").exists());
}

#[test]
fn strange_things_in_the_store_do_no_harm() {
    let scratch = Scratch::new("strange");
    scratch.open().commit(draft("one"), None).unwrap();
    fs::write(scratch.file("notes.txt"), "x").unwrap();
    fs::write(scratch.file("3"), "a file where a folder may be").unwrap();
    fs::create_dir(scratch.file("0")).unwrap();
    fs::write(scratch.file("1/README"), "x").unwrap();
    fs::create_dir(scratch.file("1/0000000009.json")).unwrap();
    symlink("/dev/zero", scratch.file("1/0000000008.json")).unwrap();
    let victim = scratch.0.join("victim");
    fs::create_dir(&victim).unwrap();
    symlink(&victim, scratch.file("2")).unwrap();
    let Opened { store, problems } = scratch.opened(KEEP);
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems.iter().all(|problem| matches!(problem, Problem::Unreadable { .. })), "{problems:?}");
    assert_eq!(said(&store.current().unwrap()), "one");
    assert_eq!(store.commit(draft("two"), None).unwrap().number, 10);
    assert_eq!(fs::read_dir(&victim).unwrap().count(), 0);
}

#[test]
fn what_does_not_fit_is_refused_with_its_size_and_nothing_happens() {
    let scratch = Scratch::new("large");
    let store = scratch.open();
    store.commit(draft("one"), None).unwrap();
    let refused = store.commit(draft(&"x".repeat(generation::MAX_BYTES)), None).unwrap_err();
    assert!(
        matches!(&refused, CommitError::Unwritable(generation::Unwritable::TooLong { .. })),
        "{refused:?}"
    );
    assert_eq!(said(&store.current().unwrap()), "one");
    assert_eq!(fs::read_dir(scratch.file("1")).unwrap().count(), 1);
}

#[test]
fn a_lock_that_is_not_given_up_is_an_error_in_time_and_one_that_is_lets_the_next_in() {
    let scratch = Scratch::new("lock");
    let (one, other) = (Disk::open(&scratch.store()).unwrap(), Disk::open(&scratch.store()).unwrap());
    let held = one.lock(Duration::ZERO).unwrap();
    assert_eq!(other.lock(Duration::from_millis(1)).unwrap_err().kind(), ErrorKind::TimedOut);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| other.lock(Duration::from_secs(60)).map(drop));
        drop(held);
        waits.join().unwrap().unwrap();
    });
    one.lock(Duration::from_secs(60)).map(drop).unwrap();
}

/// Version 2 calls `motd` `greeting`, and has `volume`.
fn newer() -> Registry {
    Registry::new(vec![Migration {
        up: |contents| contents.rename(&["settings", "motd"], &["settings", "greeting"]),
        down: |contents| {
            contents.rename(&["settings", "greeting"], &["settings", "motd"]);
            contents.remove(&["settings", "volume"]);
        },
    }])
}

fn api(generation: &Generation) -> Vec<(String, String)> {
    let tree = generation.layers.get(Layer::Api).unwrap();
    let Item::Table(table) = &tree.node(&["settings"]).unwrap().item else { panic!("no table") };
    let text = |node: &Node| match &node.item {
        Item::Text(text) => text.clone(),
        other => other.kind().to_owned(),
    };
    table.iter().map(|(key, node)| (key.clone(), text(node))).collect()
}

fn write(layers: &Layers, key: &str, value: &str) -> Layers {
    let table = Table::from([(key.to_owned(), Node::new(Layer::Api, Item::Text(value.to_owned())))]);
    let root = Table::from([("settings".to_owned(), Node::new(Layer::Api, Item::Table(table)))]);
    let mut layers = layers.clone();
    layers.write(Layer::Api, Tree { root }, None);
    layers
}

#[test]
fn a_host_is_updated_falls_back_and_is_updated_again() {
    let scratch = Scratch::new("releases");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    scratch.open().commit(draft("old"), None).unwrap();

    let opened = Store::open(&scratch.store(), KEEP, &newer()).unwrap();
    assert!(opened.problems.is_empty(), "{:?}", opened.problems);
    let store = opened.store;
    let current = store.current().unwrap();
    assert_eq!((current.number, api(&current)), (1, vec![pair("greeting", "old")]), "read in today's form");
    assert!(!scratch.file("2").exists(), "and nothing is written before something changes");
    let louder = Draft { layers: write(&current.layers, "volume", "11"), ..draft("") };
    assert_eq!(store.commit(louder, Some(1)).unwrap().number, 2);

    let older = scratch.open();
    let current = older.current().unwrap();
    assert_eq!(
        (current.number, api(&current)),
        (2, vec![pair("motd", "old")]),
        "as of the last commit, in its words"
    );
    let changed = Draft { layers: motd(&current.layers, "changed by the older"), ..draft("") };
    assert_eq!(older.commit(changed, Some(2)).unwrap().number, 3);

    let store = Store::open(&scratch.store(), KEEP, &newer()).unwrap().store;
    let current = store.current().unwrap();
    let want = vec![pair("greeting", "changed by the older"), pair("volume", "11")];
    assert_eq!((current.number, api(&current)), (3, want));
    assert_eq!(store.list().unwrap().len(), 3);
    assert_eq!(api(&store.read(3).unwrap())[0], pair("greeting", "changed by the older"));
    let louder = Draft { layers: write(&current.layers, "volume", "12"), ..draft("") };
    assert_eq!(store.commit(louder, Some(3)).unwrap().number, 4);
    assert_eq!(api(&scratch.open().current().unwrap()), [pair("motd", "changed by the older")]);
}

#[test]
fn a_newer_form_that_rotted_is_made_good_from_what_was_left_for_the_older_release() {
    let scratch = Scratch::new("rot-newer");
    scratch.open().commit(draft("old"), None).unwrap();
    let store = Store::open(&scratch.store(), KEEP, &newer()).unwrap().store;
    let layers = |key, value| write(&store.current().unwrap().layers, key, value);
    store.commit(Draft { layers: layers("volume", "11"), ..draft("") }, None).unwrap();
    store.commit(Draft { layers: layers("greeting", "new"), ..draft("") }, None).unwrap();
    fs::write(scratch.file("2/0000000003.json"), "rotten").unwrap();
    let Opened { store, problems } = Store::open(&scratch.store(), KEEP, &newer()).unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(api(&store.current().unwrap()), [pair("greeting", "new"), pair("volume", "11")]);
}
