//! The disk image: a sparse file with a partition table, the ESP's FAT, what each set holds, and the file systems of
//! STATE and DATA. docs/formats/disk.md has the bytes.
//!
//! Holds always: the same inputs give the same bytes (GUIDs and the FAT's serial come from the root hashes, times
//! are fixed), and what has been written is read back by the parsers that run on the device. Blocks of zeroes are left
//! as holes. An empty set is zeroes, with attributes 0: no rule of `pure/slots` ever boots it.

mod fat;
mod layout;
mod parts;
mod sparse;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use block::device::{Access, Device};
use partition::{Geometry, Guid, Partition, PlannedPartition, SectorSize, Size, Table};
use sha2::{Digest, Sha256};
use slots::{Attributes, Set};
use verity::Params;

pub use layout::{Content, Layout, sector};
pub use parts::Parts;

/// What goes on the disk.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// Files of the ESP: paths with slashes, folders are made.
    pub esp: Vec<(&'a str, &'a [u8])>,
    /// What set A holds; None: nothing.
    pub a: Option<Installed<'a>>,
    /// What set B holds.
    pub b: Option<Installed<'a>>,
    /// Image of STATE's file system; may be smaller than the partition.
    pub state: &'a Path,
    /// Image of the data partition's file system; may be smaller than the partition.
    pub data: &'a Path,
}

/// An operating system in a set.
#[derive(Debug, Clone, Copy)]
pub struct Installed<'a> {
    /// The UKI.
    pub uki: &'a Path,
    /// The root: data, hash tree and FEC, as `params` say.
    pub root: &'a Path,
    /// What the UKI's command line says of the root.
    pub params: &'a Params,
    /// What the set's boot partition says of it.
    pub attributes: Attributes,
}

impl Contents<'_> {
    fn of(&self, set: Set) -> Option<&Installed<'_>> {
        match set {
            Set::A => self.a.as_ref(),
            Set::B => self.b.as_ref(),
        }
    }

    /// Where everything that must be unique to a disk comes from.
    fn seed(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for installed in [&self.a, &self.b].into_iter().flatten() {
            hash.update(installed.params.root_hash);
        }
        hash.finalize().into()
    }
}

/// Makes the disk image at `out`, of `disk_bytes`.
pub fn assemble(
    layout: &Layout,
    sector: SectorSize,
    disk_bytes: u64,
    contents: &Contents<'_>,
    out: &Path,
) -> Result<()> {
    let table = plan(layout, sector, disk_bytes, contents)?;
    let file = File::create(out).with_context(|| format!("cannot create {}", out.display()))?;
    file.set_len(disk_bytes).with_context(|| format!("cannot size {}", out.display()))?;
    for (partition, planned) in table.partitions().zip(&layout.partitions) {
        fill(&partition, planned.content()?, sector, contents, &file)
            .with_context(|| format!("cannot fill partition {}", planned.name))?;
    }
    drop(file);

    let mut device = Device::open_as(out, Access::Write, sector)?;
    block::table::perform(&mut device, &table.fresh_edits())?;
    let found = block::table::read(&device).context("cannot read the new table back")?;
    ensure!(found.is_whole() && found.table == table, "the new table did not read back");
    Ok(())
}

/// Where the partitions of a disk lie, without making it.
pub fn partitions(
    layout: &Layout,
    sector: SectorSize,
    disk_bytes: u64,
    contents: &Contents<'_>,
) -> Result<Vec<Partition>> {
    Ok(plan(layout, sector, disk_bytes, contents)?.partitions().collect())
}

fn plan(layout: &Layout, sector: SectorSize, disk_bytes: u64, contents: &Contents<'_>) -> Result<Table> {
    let geometry = Geometry::new(sector, disk_bytes / sector.bytes() as u64).context("bad disk size")?;
    if let (Some(a), Some(b)) = (&contents.a, &contents.b) {
        // Both roots would be found under one name, and a boot of B run on A's bytes.
        ensure!(
            a.params.partuuid() != b.params.partuuid(),
            "sets A and B hold the same root; a root with another salt is another one"
        );
    }
    let planned: Result<Vec<_>> = layout
        .partitions
        .iter()
        .map(|planned| {
            let content = planned.content()?;
            let guid = match content {
                // The initramfs finds the root by this (Discoverable Partitions Specification).
                Content::Root(set) => match contents.of(set) {
                    Some(installed) => Guid::try_parse(&installed.params.partuuid())
                        .context("the root hash makes no GUID")?,
                    None => derived(contents, &planned.name),
                },
                _ => derived(contents, &planned.name),
            };
            let attributes = match content {
                Content::Boot(set) => contents.of(set).map_or(0, |installed| installed.attributes.apply(0)),
                _ => 0,
            };
            let type_guid = planned.type_guid()?;
            let size = planned.mib.map_or(Size::Rest, |mib| Size::Bytes(mib << 20));
            Ok(PlannedPartition { name: planned.name.clone(), type_guid, guid, size, attributes })
        })
        .collect();
    let table = partition::build(&geometry, derived(contents, "disk"), &planned?)
        .context("cannot lay out the disk")?;
    for (partition, planned) in table.partitions().zip(&layout.partitions) {
        let bytes = partition.sectors() * sector.bytes() as u64;
        ensure!(
            planned.content()? != Content::Data || bytes >= layout.least_data_bytes(),
            "a disk of {disk_bytes} bytes leaves only {bytes} for {}",
            planned.name
        );
    }
    Ok(table)
}

fn fill(
    partition: &Partition,
    content: Content,
    sector: SectorSize,
    contents: &Contents<'_>,
    disk: &File,
) -> Result<()> {
    let start = partition.first_lba * sector.bytes() as u64;
    let room = partition.sectors() * sector.bytes() as u64;
    match content {
        Content::Esp => {
            let [a, b, c, d, ..] = contents.seed();
            let image = fat::build(room, sector, u32::from_be_bytes([a, b, c, d]), &contents.esp)?;
            sparse::write(&mut Cursor::new(image), disk, start, room)
        }
        Content::Boot(set) => match contents.of(set) {
            Some(installed) => place(installed.uki, disk, start, room),
            None => Ok(()),
        },
        Content::Root(set) => match contents.of(set) {
            Some(installed) => {
                let path = installed.root.display();
                let want = installed.params.layout.total_blocks() * verity::BLOCK_BYTES;
                let len =
                    std::fs::metadata(installed.root).with_context(|| format!("cannot read {path}"))?.len();
                ensure!(len == want, "{path} has {len} bytes, its parameters say {want}");
                place(installed.root, disk, start, room)
            }
            None => Ok(()),
        },
        Content::State => place(contents.state, disk, start, room),
        Content::Data => place(contents.data, disk, start, room),
    }
}

/// A GUID for `name` on a disk with these contents.
fn derived(contents: &Contents<'_>, name: &str) -> Guid {
    let digest = Sha256::new().chain_update(contents.seed()).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Guid::from_random_bytes(bytes)
}

fn place(content: &Path, disk: &File, start: u64, room: u64) -> Result<()> {
    let mut file = File::open(content).with_context(|| format!("cannot open {}", content.display()))?;
    sparse::write(&mut file, disk, start, room)
}

#[cfg(test)]
mod tests;
