//! What a set's `BOOT` partition holds.

use std::io;
use std::path::PathBuf;

use partition::Table;
use pe::uki::{Facts, ReadError};
use slots::Set;

use crate::extent::Extent;
use crate::place::Place;

/// What there is where a UKI belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// A UKI, and what it says of itself. Nobody has checked its signature here.
    Uki(Box<Facts>),
    /// Zeroes: nothing was written, or it was wiped.
    Nothing,
    /// No such partition.
    NoPartition,
}

/// What there is cannot be read, or is no UKI.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The partition cannot be opened.
    #[error("cannot open {}", set.boot_name())]
    Open {
        /// The set.
        set: Set,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// What was read is no image, or could not be read.
    #[error("{} ({}) holds no UKI", set.boot_name(), path.display())]
    Uki {
        /// The set.
        set: Set,
        /// The device or file.
        path: PathBuf,
        /// Why.
        #[source]
        err: ReadError<io::Error>,
    },
}

/// Reads what the set's UKI says of itself: its headers and four short sections.
pub fn facts(place: &Place, table: &Table, set: Set) -> Result<Contents, ImageError> {
    let Some(partition) = set.boot_partition(table) else { return Ok(Contents::NoPartition) };
    let extent = place.extent(&partition, table).map_err(|err| ImageError::Open { set, err })?;
    of_extent(&extent, set)
}

pub(crate) fn of_extent(extent: &Extent, set: Set) -> Result<Contents, ImageError> {
    let mut blank = false;
    let facts = Facts::read(|offset, bytes| {
        let read = extent.read(offset, bytes)?;
        blank |= offset == 0 && read.iter().all(|byte| *byte == 0);
        Ok(read)
    });
    match facts {
        Ok(facts) => Ok(Contents::Uki(Box::new(facts))),
        Err(ReadError::Image(_)) if blank => Ok(Contents::Nothing),
        Err(err) => Err(ImageError::Uki { set, path: extent.path().into(), err }),
    }
}
