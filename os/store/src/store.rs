//! The open store: what is current, and reading.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use generation::{Document, Generation, Registry, Summary};

use crate::disk::Disk;
use crate::error::{Problem, ReadError, StoreError};
use crate::folder::Folder;
use crate::gather;
use crate::prune::{self, Keep};
use crate::shelf::{self, Bad, Shelves};

/// How long a writer waits for another process that writes. A commit takes milliseconds, on a bad disk a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The generations of one host. Methods may be called from many threads; readers never wait for writers, but in
/// [`Store::refresh`].
#[derive(Debug)]
pub struct Store<F: Folder = Disk> {
    pub(crate) root: F,
    pub(crate) path: String,
    pub(crate) keep: Keep,
    pub(crate) registry: Registry,
    /// What was seen last. Held only to look or to replace.
    held: RwLock<Held>,
    problems: Mutex<Vec<Problem>>,
    /// Held for the whole of a commit, and of a look at the disk.
    writing: Mutex<()>,
}

/// What came of opening a store.
#[derive(Debug)]
pub struct Opened<F: Folder = Disk> {
    /// The store.
    pub store: Store<F>,
    /// What is wrong in it; it works all the same.
    pub problems: Vec<Problem>,
}

/// What a look at the store said.
#[derive(Debug, Default)]
struct Held {
    current: Option<Arc<Generation>>,
    /// See [`Document::left_by_newer`].
    left_by_newer: Option<u64>,
    seal: Option<Seal>,
}

/// By what another process's writing is noticed without reading everything: all names and lengths, and the current generation's
/// checksum, because confirming one changes its file.
#[derive(Debug, PartialEq)]
struct Seal {
    files: BTreeMap<u32, BTreeMap<u64, u64>>,
    checksum: Vec<u8>,
}

impl Seal {
    /// Of a store whose newest file of our own form has these bytes.
    fn of<F>(shelves: &Shelves<F>, newest: &[u8]) -> Self {
        let files = shelves.iter().map(|(schema, shelf)| (*schema, shelf.files.clone()));
        Self {
            files: files.collect(),
            checksum: newest.iter().take(Document::HEADER_BYTES).copied().collect(),
        }
    }
}

impl Store {
    /// Opens the store in a folder, which is made if it is not there. Tidies what a power cut left, and brings older forms' folders
    /// up to date; what cannot be is among the problems.
    pub fn open(dir: &Path, keep: Keep, registry: &Registry) -> Result<Opened, StoreError> {
        let path = dir.display().to_string();
        let root = Disk::open(dir).map_err(|err| StoreError::Open { path: path.clone(), err })?;
        Store::open_in(root, path, keep, registry)
    }
}

impl<F: Folder> Store<F> {
    /// [`Store::open`] in any kind of folder, which messages name `path`.
    pub fn open_in(root: F, path: String, keep: Keep, registry: &Registry) -> Result<Opened<F>, StoreError> {
        let (held, problems) = (RwLock::default(), Mutex::default());
        let store =
            Store { root, path, keep, registry: registry.clone(), held, problems, writing: Mutex::new(()) };
        let lock = store.lock()?;
        let shelves = store.look()?;
        store.settle(&shelves);
        drop(lock);
        let problems = store.take_problems();
        Ok(Opened { store, problems })
    }

    /// The current generation, as this process last saw it: `None` on a host that has none yet.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).current.clone()
    }

    /// The current generation, after a look whether another process has committed. Waits for a commit of this process: a look that
    /// began before it would take back what it put in place.
    pub fn refresh(&self) -> Result<Option<Arc<Generation>>, StoreError> {
        let _writing = self.writing();
        self.look()?;
        Ok(self.current())
    }

    /// What is wrong since this was last asked, or since the store was opened.
    pub fn take_problems(&self) -> Vec<Problem> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Every generation that can be read, newest first.
    pub fn list(&self) -> Result<Vec<Summary>, StoreError> {
        let shelves = self.shelves(&mut Vec::new())?;
        let mut summaries = BTreeMap::new();
        for shelf in shelves.range(..=self.registry.newest()).rev().map(|(_, shelf)| shelf) {
            for number in shelf.files.keys() {
                if let Ok(summary) = shelf.summary(*number) {
                    summaries.entry(*number).or_insert(summary);
                }
            }
        }
        Ok(summaries.into_values().rev().collect())
    }

    /// A generation that is kept. One that only an older release had is shown in today's form.
    pub fn read(&self, number: u64) -> Result<Arc<Generation>, ReadError> {
        if let Some(current) = self.current().filter(|current| current.number == number) {
            return Ok(current);
        }
        let shelves = self.shelves(&mut Vec::new()).map_err(ReadError::Store)?;
        let mut worst = ReadError::Absent { number };
        for shelf in shelves.range(..=self.registry.newest()).rev().map(|(_, shelf)| shelf) {
            if !shelf.files.contains_key(&number) {
                continue;
            }
            let read = shelf.document(number).and_then(|document| {
                Ok(self.registry.up_to(self.registry.newest(), document).into_generation()?)
            });
            match read {
                Ok(generation) => return Ok(Arc::new(generation)),
                Err(Bad::Rotten(err)) => worst = ReadError::Rotten { number, err },
                Err(Bad::Unreadable(err)) => worst = ReadError::Unreadable { number, err },
            }
        }
        Err(worst)
    }

    /// The newest generation that is not provisional: the current one, or what it goes back to unless it is confirmed.
    pub fn standing(&self) -> Result<Option<Arc<Generation>>, ReadError> {
        if let Some(current) = self.current().filter(|current| current.provisional.is_none()) {
            return Ok(Some(current));
        }
        let standing =
            self.list().map_err(ReadError::Store)?.into_iter().find(|one| one.provisional.is_none());
        standing.map(|one| self.read(one.number)).transpose()
    }

    /// Removes what is beyond what is to be kept, as every commit does; returns the numbers that are gone.
    pub fn prune(&self) -> Result<Vec<u64>, StoreError> {
        let _writing = self.writing();
        let _lock = self.lock()?;
        Ok(self.pruned()?.into_iter().collect())
    }

    /// Prunes; the caller holds the lock.
    pub(crate) fn pruned(&self) -> Result<BTreeSet<u64>, StoreError> {
        let mut problems = Vec::new();
        let shelves = self.shelves(&mut problems)?;
        let gone = prune::prune(&shelves, self.registry.newest(), self.keep, &mut problems);
        self.note(problems);
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for (schema, number) in &gone {
            let files = held.seal.as_mut().and_then(|seal| seal.files.get_mut(schema));
            files.map(|files| files.remove(number));
        }
        Ok(gone.into_iter().map(|(_, number)| number).collect())
    }

    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lock(&self) -> Result<F::Lock, StoreError> {
        self.root.lock(PATIENCE).map_err(|err| StoreError::Lock { path: self.path.clone(), err })
    }

    pub(crate) fn note(&self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).extend(problems);
    }

    pub(crate) fn left_by_newer(&self) -> Option<u64> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).left_by_newer
    }

    pub(crate) fn shelves(&self, problems: &mut Vec<Problem>) -> Result<Shelves<F>, StoreError> {
        shelf::shelves(&self.root, &self.path, self.registry.newest(), problems)
    }

    /// Reads what is current, if anything changed since the last look. The caller holds `writing`.
    pub(crate) fn look(&self) -> Result<Shelves<F>, StoreError> {
        let mut problems = Vec::new();
        let shelves = self.shelves(&mut problems)?;
        let own = shelves.get(&self.registry.newest());
        let newest = own.and_then(|own| Some((own, own.files.last_key_value()?)));
        let bytes = newest.and_then(|(own, (number, _))| own.bytes(*number).ok()).unwrap_or_default();
        let seal = Seal::of(&shelves, &bytes);
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let known = held.seal.as_ref() == Some(&seal);
        drop(held);
        if !known {
            let current = self.readable(&shelves, &mut problems);
            let left_by_newer = current.as_ref().and_then(|(_, left)| *left);
            let current = current.map(|(generation, _)| Arc::new(generation));
            self.hold(Held { current, left_by_newer, seal: Some(seal) });
            self.note(problems);
        }
        Ok(shelves)
    }

    /// Makes what was just written, with these bytes, the current generation.
    pub(crate) fn written(&self, generation: Arc<Generation>, bytes: &[u8], left_by_newer: Option<u64>) {
        // Without a seal the next look reads everything.
        let seal = self.shelves(&mut Vec::new()).ok().map(|shelves| Seal::of(&shelves, bytes));
        self.hold(Held { current: Some(generation), left_by_newer, seal });
    }

    fn hold(&self, held: Held) {
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// The current generation, typed; one that a migration made unusable is a problem like one that rotted.
    fn readable(
        &self,
        shelves: &Shelves<F>,
        problems: &mut Vec<Problem>,
    ) -> Option<(Generation, Option<u64>)> {
        let own = self.registry.newest();
        let mut limit = u64::MAX;
        while let Some(document) = gather::current(shelves, &self.registry, limit, problems) {
            let (number, left) = (document.number, document.left_by_newer());
            match document.into_generation() {
                Ok(generation) => return Some((generation, left)),
                Err(err) => {
                    let path = format!("{}, generation {number}", self.path);
                    problems.push(Problem::Rotten { path, err });
                }
            }
            limit = number;
        }
        if let Some((newest, _)) = shelves.last_key_value().filter(|(newest, _)| **newest > own) {
            problems.push(Problem::OnlyNewer { path: self.path.clone(), newest: *newest, ours: own });
        }
        None
    }
}
