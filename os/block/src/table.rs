//! Reading the partition table of a disk, and performing edits on it.

use std::io;

use partition::{Edit, Edits, LoadError, Loaded, Sectors};

use crate::device::Disk;

/// Why a table was not changed, or only in part: the disk then holds the old table or the new one.
#[derive(Debug, thiserror::Error)]
pub enum PerformError {
    /// A write failed.
    #[error("cannot write sector {lba} of the partition table")]
    Write {
        /// First sector of the write.
        lba: u64,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A flush failed; what was written before it may or may not be durable.
    #[error("cannot flush the partition table")]
    Flush(#[source] io::Error),
}

/// Reads the table from its primary copy, else from the backup; says how both fare.
pub fn read(disk: &impl Disk) -> Result<Loaded, LoadError> {
    partition::load(&mut Reader(disk), &disk.geometry())
}

/// Performs the edits in order. All of them are durable on return.
pub fn perform(disk: &mut impl Disk, edits: &Edits) -> Result<(), PerformError> {
    let sector = disk.geometry().sector().bytes() as u64;
    for step in edits.steps() {
        match step {
            Edit::Write { lba, bytes } => {
                disk.write_at(bytes, lba * sector).map_err(|err| PerformError::Write { lba: *lba, err })?;
            }
            Edit::Flush => disk.flush().map_err(PerformError::Flush)?,
        }
    }
    Ok(())
}

struct Reader<'a, D>(&'a D);

impl<D: Disk> Sectors for Reader<'_, D> {
    type Error = io::Error;

    fn read(&mut self, lba: u64, count: u64) -> io::Result<Vec<u8>> {
        let sector = self.0.geometry().sector().bytes();
        let mut buffer = vec![0; count as usize * sector];
        self.0.read_at(&mut buffer, lba * sector as u64)?;
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use partition::{Geometry, PlannedPartition, SectorSize, Size, Table, build, guid};

    use super::*;
    use crate::device::{Access, Device};

    fn table(sector: SectorSize, bytes: u64) -> Table {
        let plan = [PlannedPartition {
            name: "DATA".into(),
            type_guid: guid!("4d21b016-b534-45c2-a9fb-5c16e091fd2d"),
            guid: guid!("33333333-0000-4000-8000-000000000003"),
            size: Size::Rest,
            attributes: 0,
        }];
        let disk = Geometry::new(sector, bytes / sector.bytes() as u64).unwrap();
        build(&disk, guid!("9f3c0f4e-6d0b-4d0b-9a53-7b1a5fb2c001"), &plan).unwrap()
    }

    #[test]
    fn a_table_written_to_an_image_is_read_back_and_grows_with_it() {
        for sector in [SectorSize::B512, SectorSize::B4096] {
            let image = tempfile::NamedTempFile::new().unwrap();
            image.as_file().set_len(64 << 20).unwrap();
            let mut device = Device::open_as(image.path(), Access::Write, sector).unwrap();
            let made = table(sector, 64 << 20);
            perform(&mut device, &made.fresh_edits()).unwrap();
            assert_eq!(read(&device).unwrap().table, made);

            image.as_file().set_len(256 << 20).unwrap();
            let mut device = Device::open_as(image.path(), Access::Write, sector).unwrap();
            let found = read(&device).unwrap();
            let grown = found.table.grown(&device.geometry()).unwrap();
            perform(&mut device, &found.edits(&grown)).unwrap();
            let found = read(&device).unwrap();
            assert!(found.is_whole());
            assert_eq!(found.table, grown);
            assert_eq!(found.table.by_name("DATA").unwrap().sectors(), 254 * sector.alignment());
        }
    }

    #[test]
    fn a_failed_write_stops_the_rest() {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(64 << 20).unwrap();
        let mut readonly = Device::open(image.path(), Access::Read).unwrap();
        let edits = table(SectorSize::B512, 64 << 20).fresh_edits();
        assert!(matches!(perform(&mut readonly, &edits), Err(PerformError::Write { lba: 0, .. })));
        assert!(read(&readonly).is_err());
    }

    #[test]
    fn small_and_absent_devices_are_refused_by_name() {
        let image = tempfile::NamedTempFile::new().unwrap();
        File::create(image.path()).unwrap().set_len(1 << 20).unwrap();
        let err = Device::open(image.path(), Access::Read).unwrap_err().to_string();
        assert_eq!(err, format!("{} cannot carry a partition table", image.path().display()));
        assert!(Device::open(std::path::Path::new("/nonexistent/disk"), Access::Read).is_err());
    }
}
