//! How one form of the document becomes another.
//!
//! One file per version in this folder, closed when it ships: it holds what changed, in both directions, as pure functions over
//! [`Contents`], and copies of whatever types it needs. Version 1 is the first, so there is no file yet.
//!
//! Holds always: a version says how to come up to it from the one before and how to go down again; every pair of versions is a
//! chain of such steps; and of a key that both forms have, the way up and down gives the value back. What the older form has no
//! word for is gone on the way down, and [`mod@crate::join`] brings it back.

use alloc::vec::Vec;

use crate::{Contents, Document};

/// What one version changed.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// From the version before to this one.
    pub up: fn(&mut Contents),
    /// From this one to the version before.
    pub down: fn(&mut Contents),
}

/// All versions that a release knows. A value, so that tests can have versions of their own.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Of version 2 and up, without gaps.
    migrations: Vec<Migration>,
}

impl Registry {
    /// What this release knows: one entry for each file of this folder.
    pub fn released() -> Self {
        Self::new(Vec::new())
    }

    /// Version 1, and one more for each of these.
    pub fn new(migrations: Vec<Migration>) -> Self {
        Self { migrations }
    }

    /// The form that this release writes.
    pub fn newest(&self) -> u32 {
        // A release has a handful.
        self.migrations.len() as u32 + 1
    }

    /// The document in a newer form, or as it is.
    pub fn up_to(&self, schema: u32, mut document: Document) -> Document {
        while document.schema < schema.min(self.newest()) {
            // Version 2 is the first that has a step.
            let step = document.schema.max(1) as usize - 1;
            document.schema = document.schema.max(1) + 1;
            (self.migrations[step].up)(&mut document.contents);
        }
        document
    }

    /// The document in an older form, or as it is.
    pub fn down_to(&self, schema: u32, mut document: Document) -> Document {
        while document.schema > schema.max(1) && document.schema <= self.newest() {
            (self.migrations[document.schema as usize - 2].down)(&mut document.contents);
            document.schema -= 1;
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;
    use crate::SCHEMA;

    #[test]
    fn the_schema_that_is_written_is_the_newest_that_is_known() {
        assert_eq!(Registry::released().newest(), SCHEMA);
    }
}
