//! What is current, over all forms that are there.

use generation::{Document, Registry, join};

use crate::error::Problem;
use crate::folder::Folder;
use crate::shelf::Shelves;

/// The current document in the newest form that `registry` knows; `None` when there is none that it can read.
///
/// From the oldest form up: where an older folder is ahead, an older release went on after this host had fallen back to it. What it
/// changed is joined to what the newer folder has. Only generations below `limit` are looked at.
pub(crate) fn current<F: Folder>(
    shelves: &Shelves<F>,
    registry: &Registry,
    limit: u64,
    problems: &mut Vec<Problem>,
) -> Option<Document> {
    let mut best: Option<Document> = None;
    for shelf in shelves.range(..=registry.newest()).map(|(_, shelf)| shelf) {
        best = match (shelf.newest(limit, problems), best) {
            (Some(own), Some(ahead)) if ahead.number > own.number => {
                // What this form's release left for an older one, and lost itself, grew from nothing older.
                let left = ahead.from_newer.filter(|left| ahead.made < shelf.schema && *left != own.number);
                let left = left.and_then(|left| shelf.document(left).ok());
                Some(join(registry, left.as_ref().unwrap_or(&own), ahead))
            }
            (Some(own), _) => Some(own),
            (None, below) => below,
        };
    }
    best.map(|best| registry.up_to(registry.newest(), best))
}
