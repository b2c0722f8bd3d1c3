//! What holds for a disk whose partition table may say anything, also about the two sets.

use std::collections::BTreeMap;
use std::convert::Infallible;

use partition::{Edit, Geometry, GrowError, Guid, Loaded, Partition, SectorSize, Sectors, Table, load};
use slots::{BOOT_TYPE, Digest, Digests, Set, Sets, Written};

/// Room for three alignment units, and for a table that was made for half of it to grow.
const DISK_BYTES: u64 = 8 << 20;
/// As `partition` limits it.
const MAX_ENTRIES: u32 = 1024;
const ENTRY_BYTES: usize = 128;
/// Bits 48 to 58 of a BOOT partition: the only ones that an operation on the sets may change.
const SLOT_BITS: u64 = 0x7ff << 48;

/// Panics if it does not hold for a disk that begins with the first half of `bytes`, ends with the second, and is
/// zeroes in between. Checksums are tried as they are and made right: what is behind them counts as well.
pub fn holds(bytes: &[u8]) {
    for size in [SectorSize::B512, SectorSize::B4096] {
        let geometry = Geometry::new(size, DISK_BYTES / size.bytes() as u64).expect("large enough");
        let mut disk = Disk::new(geometry, bytes);
        check(&disk);
        disk.seal(1);
        disk.seal(geometry.last_lba());
        check(&disk);
    }
}

fn check(disk: &Disk) {
    let Some(found) = disk.load() else { return };
    assert_eq!(disk.load(), Some(found.clone()), "the same disk gives the same table");
    let made_for = *found.table.disk();
    assert!(made_for.sectors() <= disk.geometry.sectors(), "it fits the disk");

    let mut partitions: Vec<Partition> = found.table.partitions().collect();
    for partition in &partitions {
        assert!(2 < partition.first_lba && partition.first_lba <= partition.last_lba, "{partition:?}");
        assert!(partition.last_lba < made_for.last_lba(), "{partition:?}");
        assert_eq!(found.table.by_guid(partition.guid).as_ref(), Some(partition), "its GUID is its own");
        let turned =
            found.table.with_attributes(partition.number, !partition.attributes).expect("there is one");
        assert_eq!(turned.with_attributes(partition.number, partition.attributes).as_ref(), Ok(&found.table));
    }
    partitions.sort_by_key(|partition| partition.first_lba);
    assert!(partitions.windows(2).all(|pair| pair[0].last_lba < pair[1].first_lba), "they lie apart");
    grows(disk, &found);
    chooses(disk, &found);
}

/// Growing keeps what is there.
fn grows(disk: &Disk, found: &Loaded) {
    if found.table.last_partition().is_none() {
        assert_eq!(found.table.grown(&disk.geometry), Err(GrowError::Empty));
        return;
    }
    let grown = found.table.grown(&disk.geometry).expect("as large as it was, or larger");
    assert_eq!(grown.grown(&disk.geometry).as_ref(), Ok(&grown), "once is enough");
    for (old, new) in found.table.partitions().zip(grown.partitions()) {
        assert!(old.last_lba <= new.last_lba && new.last_lba < disk.geometry.last_lba(), "{old:?} {new:?}");
        assert_eq!(new, Partition { last_lba: new.last_lba, ..old }, "nothing else changes");
    }
    changes(disk, found, &grown);
}

/// The chooser picks only sets that can boot; whatever is done to them, one still can, and nothing else in the table changes.
fn chooses(disk: &Disk, found: &Loaded) {
    let Ok(sets) = Sets::of_table(&found.table) else { return };
    let order: Vec<Set> = sets.order().map(|choice| choice.set).collect();
    assert_eq!(order.is_empty(), !sets.any_can_boot());
    assert!(order.windows(2).all(|pair| pair[0] != pair[1]), "each once: {order:?}");
    for set in &order {
        assert!(sets.get(*set).can_boot() && set.boot_partition(&found.table).is_some(), "{set} of {sets:?}");
    }
    assert_eq!(sets.table(&found.table).as_ref(), Ok(&found.table), "what it says, it says again");
    let mut seen = vec![sets];
    for after in Set::BOTH.into_iter().flat_map(|of| operations(sets, of)) {
        if seen.contains(&after) {
            continue;
        }
        seen.push(after);
        assert!(!sets.any_can_boot() || after.any_can_boot(), "{sets:?} became {after:?}");
        let Ok(new) = after.table(&found.table) else {
            assert!(Set::BOTH.iter().any(|set| set.boot_partition(&found.table).is_none()));
            continue;
        };
        assert_eq!(Sets::of_table(&new), Ok(after));
        for (old, new) in found.table.partitions().zip(new.partitions()) {
            let changed = old.attributes ^ new.attributes;
            assert!(
                changed & !SLOT_BITS == 0 && (changed == 0 || old.type_guid == BOOT_TYPE),
                "{old:?} {new:?}"
            );
            assert_eq!(new, Partition { attributes: new.attributes, ..old });
        }
        changes(disk, found, &new);
    }
}

/// All that the boot manager and the host may do, as far as it is not refused.
fn operations(sets: Sets, of: Set) -> Vec<Sets> {
    let digests = Digests { uki: Digest([1; 32]), root: Digest([2; 32]) };
    let proof = || Written::prove(of.other(), &digests, &digests).expect("they are the same");
    let always = [sets.spend(of), sets.refused(of), sets.settle(of), sets.confirm(of), sets.condemn(of)];
    let mayhap = [
        sets.clear(of),
        sets.mark_valid(of, proof()),
        sets.arm(of, proof()),
        sets.cancel(of),
        sets.rollback(of),
    ];
    always.into_iter().chain(mayhap.into_iter().flatten()).collect()
}

/// Whatever step is the last, the disk says the old table or the new one; after all of them both copies say the new one.
fn changes(disk: &Disk, found: &Loaded, new: &Table) {
    let mut disk = disk.clone();
    let (before, after) = (said(found), (new.disk_guid(), new.partitions().collect()));
    for step in found.edits(new).steps() {
        disk.perform(step);
        let now = said(&disk.load().expect("one copy is whole"));
        assert!(now == before || now == after, "neither the old table nor the new one");
    }
    let end = disk.load().expect("both copies are whole");
    assert!(said(&end) == after && end.primary.is_none() && end.backup.is_none(), "{end:?}");
}

/// What a table says, wherever its copies lie.
fn said(found: &Loaded) -> (Guid, Vec<Partition>) {
    (found.table.disk_guid(), found.table.partitions().collect())
}

/// Sectors that are not zeroes.
#[derive(Clone)]
struct Disk {
    geometry: Geometry,
    written: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    fn new(geometry: Geometry, bytes: &[u8]) -> Self {
        let size = geometry.sector().bytes();
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        let whole = |sector: &[u8]| {
            let mut whole = sector.to_vec();
            whole.resize(size, 0);
            whole
        };
        let mut written: BTreeMap<u64, Vec<u8>> = (0..).zip(head.chunks(size).map(whole)).collect();
        let backwards = (0..=geometry.last_lba()).rev();
        written.extend(backwards.zip(tail.rchunks_exact(size).map(whole)));
        written.retain(|lba, _| *lba <= geometry.last_lba());
        Self { geometry, written }
    }

    fn sector(&self, lba: u64) -> Vec<u8> {
        self.written.get(&lba).cloned().unwrap_or_else(|| vec![0; self.geometry.sector().bytes()])
    }

    fn load(&self) -> Option<Loaded> {
        let mut reader = Reader { disk: self, reads: 0 };
        let found = load(&mut reader, &self.geometry).ok();
        assert!(reader.reads <= 4, "a header and its entries, twice: {}", reader.reads);
        found
    }

    fn perform(&mut self, step: &Edit) {
        let Edit::Write { lba, bytes } = step else { return };
        let size = self.geometry.sector().bytes();
        assert!(bytes.len().is_multiple_of(size), "whole sectors");
        assert!(lba + (bytes.len() / size) as u64 <= self.geometry.sectors(), "on the disk");
        self.written.extend((*lba..).zip(bytes.chunks(size).map(<[u8]>::to_vec)));
    }

    /// Makes the checksums of the copy with its header in sector `lba` right, if it could have any.
    fn seal(&mut self, lba: u64) {
        let mut header = self.sector(lba);
        let field = |at| u64::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
        let (entries, count) = (field(72), field(80) as u32);
        if count <= MAX_ENTRIES && entries <= self.geometry.last_lba() {
            let length = count as usize * ENTRY_BYTES;
            let sectors = length.div_ceil(self.geometry.sector().bytes()) as u64;
            let mut array: Vec<u8> = (entries..entries + sectors).flat_map(|lba| self.sector(lba)).collect();
            array.truncate(length);
            header[88..92].copy_from_slice(&crc32(&array));
        }
        header[16..20].fill(0);
        let checksum = crc32(&header[..92]);
        header[16..20].copy_from_slice(&checksum);
        self.written.insert(lba, header);
    }
}

struct Reader<'a> {
    disk: &'a Disk,
    reads: u32,
}

impl Sectors for Reader<'_> {
    type Error = Infallible;

    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, Infallible> {
        self.reads += 1;
        assert!((1..=257).contains(&count), "reads are small: {count}");
        let end = lba.checked_add(count);
        assert!(end.is_some_and(|end| end <= self.disk.geometry.sectors()), "and on the disk: {lba}");
        Ok((lba..lba + count).flat_map(|lba| self.disk.sector(lba)).collect())
    }
}

fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    (!crc).to_le_bytes()
}
