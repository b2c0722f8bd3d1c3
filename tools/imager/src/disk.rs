//! The disk image: a sparse file with a partition table, the ESP's FAT, the root and the data partition's content.
//!
//! Holds always: the same inputs give the same bytes (GUIDs and the FAT's serial come from the root hash, times
//! are fixed), and what has been written is read back by the parser that runs on the device. Blocks of zeroes are left
//! as holes.

mod fat;
mod layout;
mod sparse;

use std::fs::File;
use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use block::device::{Access, Device};
use partition::{Geometry, Guid, Partition, PlannedPartition, Size, Table};
use sha2::{Digest, Sha256};
use verity::Params;

pub use layout::{Content, Layout};

/// What goes on the disk.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// Files of the ESP: paths with slashes, folders are made.
    pub esp: &'a [(&'a str, &'a [u8])],
    /// The root: data, hash tree and FEC, as `params` say.
    pub root: &'a Path,
    /// Image of the data partition's file system; may be smaller than the partition.
    pub data: &'a Path,
}

/// Makes the disk image at `out`, of `disk_bytes`.
pub fn assemble(
    layout: &Layout,
    disk_bytes: u64,
    params: &Params,
    contents: &Contents<'_>,
    out: &Path,
) -> Result<()> {
    let sector = layout.sector()?;
    let geometry = Geometry::new(sector, disk_bytes / sector.bytes() as u64).context("bad disk size")?;
    let table = plan(layout, &geometry, params)?;
    let file = File::create(out).with_context(|| format!("cannot create {}", out.display()))?;
    file.set_len(disk_bytes).with_context(|| format!("cannot size {}", out.display()))?;

    for (partition, planned) in table.partitions().zip(&layout.partitions) {
        let start = partition.first_lba * sector.bytes() as u64;
        let room = partition.sectors() * sector.bytes() as u64;
        let placed = match planned.content {
            Content::Esp => {
                let image = fat::build(room, sector, serial(params), contents.esp)?;
                sparse::write(&mut Cursor::new(image), &file, start, room)
            }
            Content::Root => {
                let want = params.layout.total_blocks() * verity::BLOCK_BYTES;
                let len = std::fs::metadata(contents.root).map(|meta| meta.len());
                let len = len.with_context(|| format!("cannot read {}", contents.root.display()))?;
                ensure!(
                    len == want,
                    "{} has {len} bytes, its parameters say {want}",
                    contents.root.display()
                );
                place(contents.root, &file, start, room)
            }
            Content::Data => place(contents.data, &file, start, room),
        };
        placed.with_context(|| format!("cannot fill partition {}", planned.name))?;
    }
    drop(file);

    let mut device = Device::open_as(out, Access::Write, sector)?;
    block::table::perform(&mut device, &table.fresh_edits())?;
    let found = block::table::read(&device).context("cannot read the new table back")?;
    ensure!(found.is_whole() && found.table == table, "the new table did not read back");
    Ok(())
}

/// Where the partitions of a disk lie, without making it.
pub fn partitions(layout: &Layout, disk_bytes: u64, params: &Params) -> Result<Vec<Partition>> {
    let sector = layout.sector()?;
    let geometry = Geometry::new(sector, disk_bytes / sector.bytes() as u64).context("bad disk size")?;
    Ok(plan(layout, &geometry, params)?.partitions().collect())
}

fn plan(layout: &Layout, geometry: &Geometry, params: &Params) -> Result<Table> {
    let planned: Result<Vec<_>> = layout
        .partitions
        .iter()
        .map(|p| {
            let guid = match p.content {
                // The initramfs finds the root by this (Discoverable Partitions Specification).
                Content::Root => Guid::try_parse(&params.partuuid()).context("root hash makes no GUID")?,
                Content::Esp | Content::Data => derived(params, &p.name),
            };
            let type_guid = p.type_guid()?;
            let size = p.mib.map_or(Size::Rest, |mib| Size::Bytes(mib << 20));
            Ok(PlannedPartition { name: p.name.clone(), type_guid, guid, size, attributes: 0 })
        })
        .collect();
    partition::build(geometry, derived(params, "disk"), &planned?).context("cannot lay out the disk")
}

/// A GUID for `name` on the disk of this root.
fn derived(params: &Params, name: &str) -> Guid {
    let digest = Sha256::new().chain_update(params.root_hash).chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Guid::from_random_bytes(bytes)
}

/// The FAT's serial number.
fn serial(params: &Params) -> u32 {
    let [a, b, c, d, ..] = params.root_hash;
    u32::from_be_bytes([a, b, c, d])
}

fn place(content: &Path, disk: &File, start: u64, room: u64) -> Result<()> {
    let mut file = File::open(content).with_context(|| format!("cannot open {}", content.display()))?;
    sparse::write(&mut file, disk, start, room)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use tempfile::TempDir;

    use super::*;

    const LAYOUT: &str = include_str!("../../../image/layout.toml");

    fn params(blocks: u64) -> Params {
        let layout = verity::Layout::appended(blocks, 2).unwrap();
        Params { root_hash: [0xab; 32], layout, salt: verity::Salt::new(&[1]).unwrap() }
    }

    fn build(dir: &TempDir, name: &str) -> (std::path::PathBuf, Params) {
        let (root, data, out) = (dir.path().join("root"), dir.path().join("data"), dir.path().join(name));
        let params = params(100);
        let bytes = params.layout.total_blocks() * verity::BLOCK_BYTES;
        std::fs::write(&root, vec![0x52; bytes as usize]).unwrap();
        std::fs::write(&data, vec![0x44; 5000]).unwrap();
        let uki = vec![0x55; 3 << 20];
        let esp = [("EFI/BOOT/BOOTX64.EFI", &uki[..])];
        let contents = Contents { esp: &esp, root: &root, data: &data };
        assemble(&Layout::parse(LAYOUT).unwrap(), 1 << 30, &params, &contents, &out).unwrap();
        (out, params)
    }

    #[test]
    fn a_disk_holds_its_parts_where_its_table_says_and_is_sparse() {
        let dir = TempDir::new().unwrap();
        let (out, params) = build(&dir, "disk");
        let device = Device::open(&out, Access::Read).unwrap();
        let table = block::table::read(&device).unwrap().table;
        let root = table.by_guid(Guid::try_parse(&params.partuuid()).unwrap()).unwrap();
        assert_eq!((root.number, root.name.as_str()), (2, "ROOT-A"));
        let byte = |lba: u64| {
            let mut byte = [0];
            block::Disk::read_at(&device, &mut byte, lba * 512).unwrap();
            byte[0]
        };
        assert_eq!(byte(root.first_lba), 0x52);
        assert_eq!(byte(table.by_name("DATA").unwrap().first_lba), 0x44);
        let disk = std::fs::metadata(&out).unwrap();
        assert_eq!(disk.len(), 1 << 30);
        assert!(disk.blocks() * 512 < 8 << 20, "{} bytes on disk", disk.blocks() * 512);
    }

    #[test]
    fn the_same_inputs_make_the_same_disk() {
        let dir = TempDir::new().unwrap();
        let digest = |name| {
            let mut hash = Sha256::new();
            std::io::copy(&mut File::open(build(&dir, name).0).unwrap(), &mut hash).unwrap();
            hash.finalize()
        };
        assert_eq!(digest("one"), digest("two"));
    }

    #[test]
    fn a_root_that_is_not_as_long_as_its_parameters_say_is_refused() {
        let dir = TempDir::new().unwrap();
        let short = dir.path().join("short");
        std::fs::write(&short, [0; 4096]).unwrap();
        let contents = Contents { esp: &[], root: &short, data: &short };
        let layout = Layout::parse(LAYOUT).unwrap();
        let err = assemble(&layout, 1 << 30, &params(100), &contents, &dir.path().join("disk")).unwrap_err();
        assert!(format!("{err:#}").contains("parameters say"), "{err:#}");
    }
}
