//! Writing: commits, confirmations, and what older releases find.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use generation::{Document, Draft, Generation};

use crate::error::{CommitError, LeaveError, Problem};
use crate::folder::Folder;
use crate::shelf::{Shelf, Shelves, highest};
use crate::store::Store;

impl<F: Folder> Store<F> {
    /// Makes a draft the current generation, if the current one is still the `expected` (0: none yet; `None`: whatever it is).
    ///
    /// When this returns `Ok`, the generation is on the disk, whole; before that, or after an error (but
    /// [`CommitError::InDoubt`]), the one before it is. Older forms' folders follow; what cannot be done there, or while pruning, is among
    /// [`Store::take_problems`].
    pub fn commit(&self, draft: Draft, expected: Option<u64>) -> Result<Arc<Generation>, CommitError> {
        let _writing = self.writing();
        let _lock = self.lock().map_err(CommitError::Store)?;
        let shelves = self.look().map_err(CommitError::Store)?;
        let current = self.current().map(|current| current.number);
        if let Some(expected) = expected.filter(|expected| *expected != current.unwrap_or(0)) {
            return Err(CommitError::Conflict { expected, current });
        }
        let number = highest(&shelves).max(current.unwrap_or(0)).saturating_add(1);
        if number == u64::MAX {
            return Err(CommitError::NoNumber { path: self.path.clone() });
        }
        let committed = self.put(draft.numbered(number), &shelves)?;
        if let Err(err) = self.pruned() {
            self.note([Problem::from(err)]);
        }
        Ok(committed)
    }

    /// Makes the current generation stand, if it is this one and was provisional.
    ///
    /// When this returns `Ok`, a power cut does not undo it.
    pub fn confirm(&self, number: u64) -> Result<Arc<Generation>, CommitError> {
        let _writing = self.writing();
        let _lock = self.lock().map_err(CommitError::Store)?;
        let shelves = self.look().map_err(CommitError::Store)?;
        let current = self.current();
        let Some(generation) = current.as_ref().filter(|current| current.number == number) else {
            return Err(CommitError::NotCurrent { number, current: current.map(|current| current.number) });
        };
        if generation.provisional.is_none() {
            return Ok(Arc::clone(generation));
        }
        let standing = Generation { provisional: None, ..Generation::clone(generation) };
        self.put(standing, &shelves)
    }

    /// Writes a generation into its own folder, then into those of older forms, the newest first: a folder that is ahead of a newer one
    /// means that an older release went on alone, whenever the power fails.
    ///
    /// Everything that needs room is written aside first; so a full disk is known before anything has happened.
    fn put(&self, generation: Generation, shelves: &Shelves<F>) -> Result<Arc<Generation>, CommitError> {
        let (schema, number) = (self.registry.newest(), generation.number);
        let mut document = Document::of(&generation, schema);
        document.from_newer = self.left_by_newer();
        let bytes = document.to_bytes().map_err(CommitError::Unwritable)?;
        let made;
        let own = match shelves.get(&schema) {
            Some(own) => own,
            None => {
                made = self.make(schema)?;
                &made
            }
        };
        if own.files.is_empty() {
            // Somebody may have made the folder and not lived to see it on the disk.
            self.root.flush_names().map_err(|err| refused(&self.path, err))?;
        }
        let refused = |err| refused(&own.path_of(number), err);
        own.prepare(&bytes).map_err(|err| {
            take_back([own]);
            refused(err)
        })?;
        let mut ready = Vec::new();
        for older in shelves.range(..schema).rev().map(|(_, shelf)| shelf) {
            match self
                .left_for(&document, older.schema)
                .and_then(|bytes| older.prepare(&bytes).map_err(LeaveError::Write))
            {
                Ok(()) => ready.push(older),
                Err(LeaveError::Write(err)) if is_full(&err) => {
                    take_back(ready.into_iter().chain([own, older]));
                    return Err(refused(err));
                }
                Err(err) => self.note([Problem::Older { path: older.path.clone(), err }]),
            }
        }
        own.flip(number).map_err(|err| {
            take_back(ready.iter().copied().chain([own]));
            refused(err)
        })?;
        let flushed = own.folder.flush_names();
        for older in ready {
            let left = older.flip(number).and_then(|()| older.folder.flush_names());
            self.note(left.err().map(|err| older_stays(older, err)));
        }
        let generation = Arc::new(generation);
        self.written(Arc::clone(&generation), &bytes, document.left_by_newer());
        flushed.map_err(|err| CommitError::InDoubt { number, err })?;
        Ok(generation)
    }

    /// This form's folder, on its first commit ever.
    fn make(&self, schema: u32) -> Result<Shelf<F>, CommitError> {
        let path = format!("{}/{schema}", self.path);
        let name = schema.to_string();
        let folder = self.root.make(&name).and_then(|()| self.root.enter(&name));
        folder.and_then(|folder| Shelf::new(folder, schema, path.clone())).map_err(|err| refused(&path, err))
    }

    /// Removes what a power cut left, and finishes what it interrupted: every older form's folder holds what the current generation is
    /// in that form. Where an older release has gone on, its own word stands.
    pub(crate) fn settle(&self, shelves: &Shelves<F>) {
        let schema = self.registry.newest();
        for shelf in shelves.range(..=schema).map(|(_, shelf)| shelf) {
            if let Some((path, Err(err))) = shelf.aside().map(|path| (path, shelf.tidy())) {
                self.note([Problem::Remains { path, err }]);
            }
            // A process that was killed between putting a generation in place and flushing its name: from here on it is believed.
            if let Err(err) = shelf.folder.flush_names() {
                self.note([Problem::Unflushed { path: shelf.path.clone(), err }]);
            }
        }
        let Some(number) = self.current().map(|current| current.number) else { return };
        let Some(document) = shelves.get(&schema).and_then(|own| own.document(number).ok()) else { return };
        for older in shelves.range(..schema).rev().map(|(_, shelf)| shelf) {
            let settled = self.left_for(&document, older.schema).and_then(|bytes| {
                if older.bytes(number).is_ok_and(|there| there == bytes) {
                    return Ok(());
                }
                let put = older.prepare(&bytes).and_then(|()| older.flip(number));
                put.and_then(|()| older.folder.flush_names()).map_err(LeaveError::Write)
            });
            self.note(settled.err().map(|err| Problem::Older { path: older.path.clone(), err }));
        }
    }

    /// What an older release is left of a document.
    fn left_for(&self, document: &Document, schema: u32) -> Result<Vec<u8>, LeaveError> {
        let left = self.registry.down_to(schema, document.clone());
        left.to_bytes().map_err(LeaveError::Unwritable)
    }
}

/// Removes what was prepared. What cannot be removed now is when the store is opened again.
fn take_back<'s, F: Folder + 's>(prepared: impl IntoIterator<Item = &'s Shelf<F>>) {
    for shelf in prepared {
        drop(shelf.tidy());
    }
}

fn older_stays<F>(older: &Shelf<F>, err: io::Error) -> Problem {
    Problem::Older { path: older.path.clone(), err: LeaveError::Write(err) }
}

fn is_full(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn refused(path: &str, err: io::Error) -> CommitError {
    let path = path.to_owned();
    if is_full(&err) { CommitError::Full { path, err } } else { CommitError::Write { path, err } }
}
