//! How much history is kept.

use crate::error::Problem;
use crate::folder::Folder;
use crate::shelf::{Shelf, Shelves, file_name};

/// How much history is kept, in each form's folder. The current generation, its predecessor and what a provisional one would go
/// back to are kept whatever this says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// So many generations.
    pub generations: usize,
    /// So many bytes.
    pub bytes: u64,
}

/// What hosts keep. STATE has 256 MiB (docs/formats/disk.md): a quarter for each of two forms, the rest for everybody else.
pub const KEEP: Keep = Keep { generations: 50, bytes: 64 << 20 };

/// Removes what is beyond `keep` in every folder up to `newest`; returns forms and numbers that are gone. Removals are not flushed: one
/// that a power cut undoes is done again by the next prune.
pub(crate) fn prune<F: Folder>(
    shelves: &Shelves<F>,
    newest: u32,
    keep: Keep,
    problems: &mut Vec<Problem>,
) -> Vec<(u32, u64)> {
    let mut gone = Vec::new();
    for shelf in shelves.range(..=newest).map(|(_, shelf)| shelf) {
        for number in beyond(shelf, keep) {
            match shelf.folder.remove(&file_name(number)) {
                Ok(()) => gone.push((shelf.schema, number)),
                Err(err) => problems.push(Problem::Remains { path: shelf.path_of(number), err }),
            }
        }
    }
    gone
}

/// What is beyond `keep` in one folder, oldest first. Files that are not whole count as those that are; they go when their time comes.
fn beyond<F: Folder>(shelf: &Shelf<F>, keep: Keep) -> Vec<u64> {
    let mut bytes = 0u64;
    let fits = |(at, length): (usize, &u64)| {
        bytes = bytes.saturating_add(*length);
        at < keep.generations && bytes <= keep.bytes
    };
    let fitting = shelf.files.values().rev().enumerate().map(fits).take_while(|fits| *fits).count();
    let rest: Vec<u64> = shelf.files.keys().rev().skip(fitting).copied().collect();
    // Nothing goes in most commits of a host's life: nothing has to be read then.
    if rest.is_empty() {
        return rest;
    }
    let needed = needed(shelf);
    rest.into_iter().rev().filter(|number| *number < needed).collect()
}

/// The oldest generation that something may still go back to; with fewer than two that are whole, the first of all.
fn needed<F: Folder>(shelf: &Shelf<F>) -> u64 {
    let (mut whole, mut standing) = (0, 0);
    for number in shelf.files.keys().rev() {
        if let Ok(summary) = shelf.summary(*number) {
            whole += 1;
            standing += usize::from(summary.provisional.is_none());
        }
        if whole >= 2 && standing >= 1 {
            return *number;
        }
    }
    0
}
