//! A store that leaves something out: the same code, on a folder that does not do all it is asked for. What the simulation must find.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use store::{Entry, Folder};

use crate::folder::{FileSystem, Simulated};

/// What a careless store would leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sin {
    /// Files are never flushed.
    NoFlush,
    /// Names are never flushed.
    NoFlushOfNames,
    /// A file is flushed when its name is.
    RenameBeforeFlush,
}

/// A folder for a store that sins: the same code, with what it asks for not done.
#[derive(Debug, Clone)]
pub struct Careless {
    folder: Simulated,
    sin: Option<Sin>,
    late: Rc<RefCell<Vec<usize>>>,
}

impl Careless {
    /// The root of a copy. Without a sin it is a [`Simulated`].
    pub fn new(system: &FileSystem, sin: Option<Sin>) -> Self {
        Self { folder: Simulated::new(system), sin, late: Rc::default() }
    }

    /// The file system as it is now.
    pub fn system(&self) -> FileSystem {
        self.folder.system()
    }
}

impl Folder for Careless {
    type File = usize;
    type Lock = ();

    fn entries(&self) -> io::Result<Vec<Entry>> {
        self.folder.entries()
    }

    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>> {
        self.folder.read(name, limit)
    }

    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<usize> {
        self.folder.create(name, bytes)
    }

    fn flush(&self, file: usize) -> io::Result<()> {
        match self.sin {
            Some(Sin::NoFlush) => Ok(()),
            Some(Sin::RenameBeforeFlush) => {
                self.late.borrow_mut().push(file);
                Ok(())
            }
            _ => self.folder.flush(file),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }

    fn flush_names(&self) -> io::Result<()> {
        if self.sin == Some(Sin::NoFlushOfNames) {
            return Ok(());
        }
        for file in self.late.take() {
            self.folder.flush(file)?;
        }
        self.folder.flush_names()
    }

    fn enter(&self, name: &str) -> io::Result<Self> {
        Ok(Self { folder: self.folder.enter(name)?, sin: self.sin, late: Rc::clone(&self.late) })
    }

    fn make(&self, name: &str) -> io::Result<()> {
        self.folder.make(name)
    }

    fn lock(&self, patience: Duration) -> io::Result<()> {
        self.folder.lock(patience)
    }
}
