//! Whole disks, read back by the parsers of the device.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;

const LAYOUT: &str = include_str!("../../../../image/layout.toml");
const BOTH: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];

/// Files to make disks of: two roots, two UKIs.
struct Stock {
    dir: TempDir,
    params: [Params; 2],
}

impl Stock {
    fn new() -> Stock {
        let dir = TempDir::new().unwrap();
        let layout = verity::Layout::appended(100, 2).unwrap();
        let params = [0xab, 0xcd].map(|byte| Params {
            root_hash: [byte; 32],
            layout,
            salt: verity::Salt::new(&[1]).unwrap(),
        });
        let bytes = layout.total_blocks() * verity::BLOCK_BYTES;
        for (name, byte, len) in [
            ("root-a", 0x52, bytes),
            ("root-b", 0x53, bytes),
            ("uki-a", 0x55, 3 << 20),
            ("uki-b", 0x56, 3 << 20),
            ("state", 0x73, 5000),
            ("data", 0x44, 5000),
        ] {
            std::fs::write(dir.path().join(name), vec![byte; len as usize]).unwrap();
        }
        Stock { dir, params }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Builds a disk, with set B filled or not.
    fn build(&self, name: &str, sector: SectorSize, b: Option<Attributes>) -> Result<Device> {
        let [uki_a, root_a, uki_b, root_b] =
            ["uki-a", "root-a", "uki-b", "root-b"].map(|name| self.path(name));
        let (state, data, out) = (self.path("state"), self.path("data"), self.path(name));
        let contents = Contents {
            esp: vec![("EFI/BOOT/BOOTX64.EFI", &[0x4d; 70_000]), ("EFI/gantry/bootmgr.efi", b"x")],
            a: Some(Installed {
                uki: &uki_a,
                root: &root_a,
                params: &self.params[0],
                attributes: Attributes::FACTORY,
            }),
            b: b.map(|attributes| Installed {
                uki: &uki_b,
                root: &root_b,
                params: &self.params[1],
                attributes,
            }),
            state: &state,
            data: &data,
        };
        assemble(&Layout::parse(LAYOUT).unwrap(), sector, 4 << 30, &contents, &out)?;
        Ok(Device::open_as(&out, Access::Read, sector)?)
    }
}

fn table(device: &Device) -> Table {
    block::table::read(device).unwrap().table
}

/// First byte of the partition called `name`.
fn byte(device: &Device, name: &str) -> u8 {
    let lba = table(device).by_name(name).unwrap().first_lba;
    let sector = block::device::Disk::geometry(device).sector().bytes() as u64;
    let mut byte = [0];
    block::Disk::read_at(device, &mut byte, lba * sector).unwrap();
    byte[0]
}

#[test]
fn a_disk_holds_its_parts_where_its_table_says_and_is_sparse() {
    let stock = Stock::new();
    for sector in BOTH {
        let device = stock.build("disk", sector, None).unwrap();
        let table = table(&device);
        let names: Vec<String> = table.partitions().map(|partition| partition.name).collect();
        assert_eq!(names, ["ESP", "BOOT-A", "ROOT-A", "BOOT-B", "ROOT-B", "STATE", "DATA"]);
        let root = table.by_guid(Guid::try_parse(&stock.params[0].partuuid()).unwrap()).unwrap();
        assert_eq!((root.number, root.name.as_str()), (3, "ROOT-A"));
        for (name, want) in [
            ("ESP", 0xeb),
            ("BOOT-A", 0x55),
            ("ROOT-A", 0x52),
            ("BOOT-B", 0),
            ("ROOT-B", 0),
            ("STATE", 0x73),
            ("DATA", 0x44),
        ] {
            assert_eq!(byte(&device, name), want, "{name} with sectors of {}", sector.bytes());
        }
        let disk = std::fs::metadata(stock.path("disk")).unwrap();
        assert_eq!(disk.len(), 4 << 30);
        assert!(disk.blocks() * 512 < 8 << 20, "{} bytes on disk", disk.blocks() * 512);
    }
}

#[test]
fn a_delivered_disk_boots_its_only_set_and_needs_no_try_for_it() {
    let device = Stock::new().build("disk", SectorSize::B512, None).unwrap();
    let sets = slots::Sets::of_table(&table(&device)).unwrap();
    assert_eq!(sets.get(Set::A), Attributes::FACTORY);
    assert_eq!(table(&device).by_name("BOOT-B").unwrap().attributes, 0);
    let order: Vec<Set> = sets.order().map(|choice| choice.set).collect();
    assert_eq!(order, [Set::A]);
}

#[test]
fn both_sets_can_be_filled() {
    let stock = Stock::new();
    let trial = Attributes::new(2, 3, false, 0).unwrap();
    for sector in BOTH {
        let device = stock.build("disk", sector, Some(trial)).unwrap();
        assert_eq!((byte(&device, "BOOT-B"), byte(&device, "ROOT-B")), (0x56, 0x53));
        let table = table(&device);
        assert_eq!(slots::Sets::of_table(&table).unwrap().get(Set::B), trial);
        let root = table.by_guid(Guid::try_parse(&stock.params[1].partuuid()).unwrap()).unwrap();
        assert_eq!(root.name, "ROOT-B");
    }
}

#[test]
fn one_root_in_both_sets_is_refused() {
    let mut stock = Stock::new();
    stock.params[1] = stock.params[0].clone();
    let err = stock.build("disk", SectorSize::B512, Some(Attributes::FACTORY)).unwrap_err();
    assert!(format!("{err:#}").contains("same root"), "{err:#}");
}

#[test]
fn the_same_inputs_make_the_same_disk() {
    let stock = Stock::new();
    let digest = |name| {
        stock.build(name, SectorSize::B512, None).unwrap();
        crate::digest::Digest::of_file(&stock.path(name)).unwrap().0
    };
    assert_eq!(digest("one"), digest("two"));
}

#[test]
fn a_root_that_is_not_as_long_as_its_parameters_say_is_refused() {
    let stock = Stock::new();
    std::fs::write(stock.path("root-a"), [0; 4096]).unwrap();
    let err = stock.build("disk", SectorSize::B512, None).unwrap_err();
    assert!(format!("{err:#}").contains("parameters say"), "{err:#}");
}

#[test]
fn a_uki_larger_than_its_partition_is_refused_by_name() {
    let stock = Stock::new();
    File::create(stock.path("uki-a")).unwrap().set_len(129 << 20).unwrap();
    let err = stock.build("disk", SectorSize::B512, None).unwrap_err();
    assert!(format!("{err:#}").contains("partition BOOT-A"), "{err:#}");
}

#[test]
fn a_disk_with_too_little_left_for_data_is_refused() {
    let layout = Layout::parse(LAYOUT).unwrap();
    let nothing = Path::new("/dev/null");
    let contents = Contents { esp: Vec::new(), a: None, b: None, state: nothing, data: nothing };
    let err = partitions(&layout, SectorSize::B512, 3 << 30, &contents).unwrap_err();
    assert!(format!("{err:#}").contains("for DATA"), "{err:#}");
    partitions(&layout, SectorSize::B512, 4 << 30, &contents).unwrap();
}
