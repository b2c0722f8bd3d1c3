//! One form's folder: a file per generation.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

use generation::{Document, MAX_BYTES, Rotten, Summary};

use crate::error::{Problem, StoreError};
use crate::folder::Folder;

/// A generation that is being written. Whatever lies under this name was never finished.
const ASIDE: &str = ".new";

/// The folder of one form.
#[derive(Debug)]
pub(crate) struct Shelf<F> {
    pub schema: u32,
    pub folder: F,
    /// As messages name it.
    pub path: String,
    /// The generations that have a file here, and its length.
    pub files: BTreeMap<u64, u64>,
    /// Something that was never finished is here.
    has_aside: bool,
}

/// All forms' folders.
pub(crate) type Shelves<F> = BTreeMap<u32, Shelf<F>>;

/// Why a file is not a generation.
#[derive(Debug)]
pub(crate) enum Bad {
    Rotten(Rotten),
    Unreadable(io::Error),
}

/// Looks at what is in the store. A folder of another form than `own` that cannot be looked at is a problem, not an error.
pub(crate) fn shelves<F: Folder>(
    root: &F,
    path: &str,
    own: u32,
    problems: &mut Vec<Problem>,
) -> Result<Shelves<F>, StoreError> {
    let entries = root.entries().map_err(|err| StoreError::Open { path: path.to_owned(), err })?;
    let mut shelves = Shelves::new();
    for schema in entries.iter().filter_map(|entry| schema_of(&entry.name)) {
        let path = format!("{path}/{schema}");
        match root.enter(&schema.to_string()).and_then(|folder| Shelf::new(folder, schema, path.clone())) {
            Ok(shelf) => drop(shelves.insert(schema, shelf)),
            Err(err) if schema == own => return Err(StoreError::Open { path, err }),
            Err(err) => problems.push(Problem::Unreadable { path, err }),
        }
    }
    Ok(shelves)
}

/// The highest number that any form's folder has: those of newer forms count, so that no number is ever used twice.
pub(crate) fn highest<F>(shelves: &Shelves<F>) -> u64 {
    let highest = |shelf: &Shelf<F>| shelf.files.last_key_value().map(|(number, _)| *number);
    shelves.values().filter_map(highest).max().unwrap_or(0)
}

fn schema_of(name: &str) -> Option<u32> {
    name.parse().ok().filter(|schema: &u32| *schema > 0 && schema.to_string() == name)
}

/// A generation's file. Ten digits, so that names sort as numbers do for longer than any host lives.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}.json")
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".json")?.parse().ok()?;
    // The highest of all has no successor, so nobody writes it.
    (number > 0 && number < u64::MAX && file_name(number) == name).then_some(number)
}

impl<F: Folder> Shelf<F> {
    pub(crate) fn new(folder: F, schema: u32, path: String) -> io::Result<Self> {
        let entries = folder.entries()?;
        let has_aside = entries.iter().any(|entry| entry.name == ASIDE);
        let files = entries.iter().filter_map(|entry| Some((number_of(&entry.name)?, entry.bytes))).collect();
        Ok(Self { schema, folder, path, files, has_aside })
    }

    pub(crate) fn path_of(&self, number: u64) -> String {
        format!("{}/{}", self.path, file_name(number))
    }

    pub(crate) fn bytes(&self, number: u64) -> io::Result<Vec<u8>> {
        self.folder.read(&file_name(number), MAX_BYTES)
    }

    pub(crate) fn document(&self, number: u64) -> Result<Document, Bad> {
        let document = Document::from_bytes(&self.bytes(number)?, self.schema)?;
        if document.number != number {
            return Err(Bad::Rotten(Rotten::Number { found: document.number, expected: number }));
        }
        Ok(document)
    }

    pub(crate) fn summary(&self, number: u64) -> Result<Summary, Bad> {
        Ok(Summary::from_bytes(&self.bytes(number)?)?)
    }

    /// The newest generation below `limit` that is whole, and everything that is wrong with those above it.
    pub(crate) fn newest(&self, limit: u64, problems: &mut Vec<Problem>) -> Option<Document> {
        self.files.range(..limit).rev().find_map(|(number, _)| match self.document(*number) {
            Ok(document) => Some(document),
            Err(bad) => {
                problems.extend(bad.into_problem(self.path_of(*number)));
                None
            }
        })
    }

    /// On return, the bytes are on the disk, aside.
    pub(crate) fn prepare(&self, bytes: &[u8]) -> io::Result<()> {
        self.tidy()?;
        self.folder.create(ASIDE, bytes).and_then(|file| self.folder.flush(file))
    }

    /// Makes what was prepared the generation of that number. On return it is, but a power cut may undo it.
    pub(crate) fn flip(&self, number: u64) -> io::Result<()> {
        self.folder.rename(ASIDE, &file_name(number))
    }

    /// Removes what was never finished.
    pub(crate) fn tidy(&self) -> io::Result<()> {
        match self.folder.remove(ASIDE) {
            Err(err) if err.kind() != ErrorKind::NotFound => Err(err),
            _ => Ok(()),
        }
    }

    /// What [`Shelf::tidy`] would have to remove when the folder was looked at.
    pub(crate) fn aside(&self) -> Option<String> {
        self.has_aside.then(|| format!("{}/{ASIDE}", self.path))
    }
}

impl Bad {
    /// What to say of it. A file that is not there any more was pruned by another process meanwhile: nothing.
    pub(crate) fn into_problem(self, path: String) -> Option<Problem> {
        match self {
            Self::Rotten(err) => Some(Problem::Rotten { path, err }),
            Self::Unreadable(err) if err.kind() == ErrorKind::NotFound => None,
            Self::Unreadable(err) => Some(Problem::Unreadable { path, err }),
        }
    }
}

impl From<Rotten> for Bad {
    fn from(err: Rotten) -> Self {
        Self::Rotten(err)
    }
}

impl From<io::Error> for Bad {
    fn from(err: io::Error) -> Self {
        Self::Unreadable(err)
    }
}

#[cfg(test)]
mod tests {
    use super::{file_name, number_of, schema_of};

    #[test]
    fn only_names_as_we_write_them_are_generations() {
        for number in [1, 9_999_999_999, 10_000_000_000, u64::MAX - 1] {
            assert_eq!(number_of(&file_name(number)), Some(number));
        }
        let others = [
            "0000000000.json",
            "1.json",
            "+000000001.json",
            "0000000001",
            ".new",
            "0000000001.json~",
            "00000000001.json",
            "18446744073709551615.json",
        ];
        for name in others {
            assert_eq!(number_of(name), None, "{name}");
        }
        assert_eq!(schema_of("12"), Some(12));
        for name in ["0", "01", "+1", "-1", "1 ", "lock", "", "4294967296"] {
            assert_eq!(schema_of(name), None, "{name}");
        }
    }
}
