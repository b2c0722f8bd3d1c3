//! What can go wrong with the store.

use std::io;

use generation::{Rotten, Unwritable};

/// The store cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its folder, or one in it.
    #[error("cannot open the settings store {path}")]
    Open {
        /// Where.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Another process has it, or the lock cannot be made.
    #[error("cannot lock the settings store {path}; another process may be using it: try again")]
    Lock {
        /// Where.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
}

/// Something that is wrong in a store that works.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// A file that is not what was written.
    #[error("{path} is not a whole generation and is left out")]
    Rotten {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        err: Rotten,
    },
    /// A file that cannot be read.
    #[error("{path} cannot be read and is left out")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// There is something, and this release cannot read any of it.
    #[error(
        "{path} holds settings of schema {newest} only, this release reads {ours}: it starts without them, and leaves them there"
    )]
    OnlyNewer {
        /// The store.
        path: String,
        /// The newest schema there.
        newest: u32,
        /// What this release reads.
        ours: u32,
    },
    /// Something after a commit could not be done because the store could not be looked at.
    #[error("old generations could not be removed")]
    Look(#[from] StoreError),
    /// An older release would not find the current settings if this host fell back to it.
    #[error("{path} could not be brought up to date: an older release would start with earlier settings")]
    Older {
        /// The older schema's folder.
        path: String,
        /// Why.
        #[source]
        err: LeaveError,
    },
    /// What is in a folder may not all be there after a power cut.
    #[error("{path} could not be flushed: a power cut may bring back earlier settings")]
    Unflushed {
        /// The folder.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// Something that is of no use any more is still there.
    #[error("{path} could not be removed")]
    Remains {
        /// The file.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
}

/// Why a document could not be left for an older release.
#[derive(Debug, thiserror::Error)]
pub enum LeaveError {
    /// The document.
    #[error("its settings cannot be stored in that form")]
    Unwritable(#[source] Unwritable),
    /// The disk.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
}

/// Nothing was committed, except where a variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else committed in between.
    #[error("the settings changed meanwhile: expected generation {expected}, found {}; read them again", .current.unwrap_or(0))]
    Conflict {
        /// What the caller saw; 0 for none.
        expected: u64,
        /// What is current.
        current: Option<u64>,
    },
    /// STATE has no room.
    #[error(
        "no room for the settings in {path}: make settings shorter or free space on STATE; nothing was changed"
    )]
    Full {
        /// The store.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The disk refused something.
    #[error("cannot write {path}; nothing was changed")]
    Write {
        /// The file.
        path: String,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// It is in place, and the disk did not say that it stays there.
    #[error(
        "generation {number} is in place, but the disk did not confirm it: a power cut may bring back the one before"
    )]
    InDoubt {
        /// The generation, which is the current one now.
        number: u64,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The settings cannot be stored.
    #[error("the settings cannot be stored; nothing was changed")]
    Unwritable(#[source] Unwritable),
    /// A file has the highest number that there is.
    #[error(
        "no number is left for a generation in {path}: remove the file with the highest number; nothing was changed"
    )]
    NoNumber {
        /// The store.
        path: String,
    },
    /// To be confirmed: not the current generation.
    #[error("generation {number} is not the current one and cannot be confirmed any more; current is {}", .current.unwrap_or(0))]
    NotCurrent {
        /// What was to be confirmed.
        number: u64,
        /// What is current.
        current: Option<u64>,
    },
    /// The store cannot be used.
    #[error("the settings store cannot be used; nothing was changed")]
    Store(#[source] StoreError),
}

/// Why a generation cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none of that number (any more).
    #[error("there is no generation {number}; the list of generations names those that are kept")]
    Absent {
        /// The number.
        number: u64,
    },
    /// It is not what was written.
    #[error("generation {number} is damaged on disk")]
    Rotten {
        /// The number.
        number: u64,
        /// How.
        #[source]
        err: Rotten,
    },
    /// It cannot be read.
    #[error("generation {number} cannot be read")]
    Unreadable {
        /// The number.
        number: u64,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// The store cannot be used.
    #[error("the settings store cannot be used")]
    Store(#[source] StoreError),
}
