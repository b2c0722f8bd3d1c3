//! What the store needs of a folder: the seam between it and a file system, or a simulation of one.

use std::io;
use std::time::Duration;

/// One file or folder in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its length; of a folder, anything.
    pub bytes: u64,
}

/// A folder. Names are plain: no `/`, not `.` or `..`.
///
/// What was done may be lost or half done after a power cut until it is flushed: the content of a file by [`Folder::flush`],
/// names by [`Folder::flush_names`]. Each method returns when what it did is seen by everybody.
pub trait Folder: Sized {
    /// A file that is being written.
    type File;
    /// Held while a process writes; dropping it lets the next one in.
    type Lock;

    /// What is in it, in any order.
    fn entries(&self) -> io::Result<Vec<Entry>>;

    /// The content of a file; an error of kind `FileTooLarge` when it is longer than `limit`.
    fn read(&self, name: &str, limit: usize) -> io::Result<Vec<u8>>;

    /// Makes a file with this content that only root may read. There must be none of that name.
    fn create(&self, name: &str, bytes: &[u8]) -> io::Result<Self::File>;

    /// On return, the content of the file is on the disk. Its name need not be.
    fn flush(&self, file: Self::File) -> io::Result<()>;

    /// Gives a file another name, in place of whatever had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// On return, all names in this folder are on the disk.
    fn flush_names(&self) -> io::Result<()>;

    /// The folder in it of that name.
    fn enter(&self, name: &str) -> io::Result<Self>;

    /// Makes a folder that only root may enter.
    fn make(&self, name: &str) -> io::Result<()>;

    /// Waits until no other process holds this folder's lock; an error of kind `TimedOut` when that takes longer than `patience`.
    fn lock(&self, patience: Duration) -> io::Result<Self::Lock>;
}
