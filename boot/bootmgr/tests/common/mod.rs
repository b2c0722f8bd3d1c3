//! A machine in memory: a disk with a volatile cache, a firmware that accepts some images, a console on paper.
//!
//! What an image does when it is loaded and started is written in its own sections: `.uname` "refused" is refused by the firmware,
//! `.cmdline` "returns" gives up when started. The disk watches over the first promise of the crate: whoever reads from a `BOOT`
//! partition must have made that set's try durable in both copies before, unless the disk takes no writes.

#![allow(clippy::unwrap_used, dead_code)]

use std::collections::BTreeMap;

use bootmgr::{Handover, Machine, SecureBoot, StoredFloor, Watchdog};
use partition::{
    Edit, Geometry, Guid, Loaded, Partition, PlannedPartition, SectorSize, Sectors, Size, Table, build, guid,
    load,
};
use pe::{Kernel, NewSection, append};
use slots::{Attributes, BOOT_TYPE, ROOT_TYPE, Set, Sets};

#[path = "../../../../pure/pe/tests/common/mod.rs"]
mod pe_image;

pub const BOTH_SIZES: [SectorSize; 2] = [SectorSize::B512, SectorSize::B4096];

/// A UKI of this version and security version. `None`: without `.sbat`.
pub fn uki(version: &str, security_version: Option<u32>, uname: &str, command_line: &str) -> Vec<u8> {
    let os_release = format!("NAME=Gantry\nVERSION_ID={version}\n");
    let sbat = security_version
        .map(|v| format!("sbat,1,SBAT Version,sbat,1,x\ngantry,{v},Gantry,gantry,{version},x\n"));
    let mut sections = vec![
        NewSection { name: ".osrel", bytes: os_release.as_bytes() },
        NewSection { name: ".cmdline", bytes: command_line.as_bytes() },
        NewSection { name: ".uname", bytes: uname.as_bytes() },
    ];
    if let Some(sbat) = &sbat {
        sections.push(NewSection { name: ".sbat", bytes: sbat.as_bytes() });
    }
    let kernel = vec![7; 20_000];
    sections.push(NewSection { name: ".linux", bytes: &kernel });
    append(&pe_image::image(&pe_image::parts()), &sections).unwrap()
}

pub fn good(version: &str, security_version: u32) -> Vec<u8> {
    uki(version, Some(security_version), "6.12", "quiet")
}

pub fn refused() -> Vec<u8> {
    uki("0.9.9", Some(9), "refused", "quiet")
}

pub fn returns() -> Vec<u8> {
    uki("0.9.9", Some(9), "6.12", "returns")
}

pub fn attributes(priority: u8, tries: u8, successful: bool, failures: u8) -> Attributes {
    Attributes::new(priority, tries, successful, failures).unwrap()
}

pub fn confirmed(priority: u8) -> Attributes {
    attributes(priority, 0, true, 0)
}

pub fn trial(priority: u8, tries: u8) -> Attributes {
    attributes(priority, tries, false, 0)
}

/// Sectors that were written; all others read as zeroes.
#[derive(Clone)]
pub struct Disk {
    pub geometry: Geometry,
    pub written: BTreeMap<u64, Vec<u8>>,
}

impl Disk {
    /// A disk of ours with both sets.
    pub fn new(sector: SectorSize, a: Attributes, b: Attributes) -> Self {
        let geometry = Geometry::new(sector, (64 << 20) / sector.bytes() as u64).unwrap();
        let mut disk = Self { geometry, written: BTreeMap::new() };
        let part = |name: &str, type_guid, n: u8, mib: u64| PlannedPartition {
            name: name.into(),
            type_guid,
            guid: Guid::from_bytes([n; 16]),
            size: Size::Bytes(mib << 20),
            attributes: 0,
        };
        let esp = guid!("c12a7328-f81f-11d2-ba4b-00a0c93ec93b");
        let plan = [
            part("ESP", esp, 1, 2),
            part("BOOT-A", BOOT_TYPE, 2, 9),
            part("ROOT-A", ROOT_TYPE, 3, 2),
            part("BOOT-B", BOOT_TYPE, 4, 9),
            part("ROOT-B", ROOT_TYPE, 5, 2),
        ];
        let table = build(&geometry, Guid::from_bytes([9; 16]), &plan).unwrap();
        let table = Sets::new(a, b).table(&table).unwrap();
        disk.perform(table.fresh_edits().steps());
        disk
    }

    pub fn perform(&mut self, steps: &[Edit]) {
        for step in steps {
            if let Edit::Write { lba, bytes } = step {
                self.write(*lba, bytes);
            }
        }
    }

    pub fn write(&mut self, lba: u64, bytes: &[u8]) {
        let size = self.geometry.sector().bytes();
        assert!(bytes.len().is_multiple_of(size), "whole sectors");
        self.written.extend((lba..).zip(bytes.chunks(size).map(<[u8]>::to_vec)));
    }

    fn read_into(&self, lba: u64, into: &mut [u8]) {
        for (lba, sector) in (lba..).zip(into.chunks_mut(self.geometry.sector().bytes())) {
            assert!(lba < self.geometry.sectors(), "read past the disk");
            match self.written.get(&lba) {
                Some(bytes) => sector.copy_from_slice(bytes),
                None => sector.fill(0),
            }
        }
    }

    pub fn loaded(&self) -> Loaded {
        load(&mut self.clone(), &self.geometry).unwrap()
    }

    pub fn table(&self) -> Table {
        self.loaded().table
    }

    pub fn sets(&self) -> Sets {
        Sets::of_table(&self.table()).unwrap()
    }

    /// Puts an image into a set.
    pub fn put(&mut self, set: Set, image: &[u8]) {
        let size = self.geometry.sector().bytes();
        let mut bytes = image.to_vec();
        bytes.resize(bytes.len().next_multiple_of(size), 0);
        let lba = set.boot_partition(&self.table()).unwrap().first_lba;
        self.write(lba, &bytes);
    }

    pub fn damage(&mut self, lba: u64) {
        self.write(lba, &vec![0x5a; self.geometry.sector().bytes()]);
    }
}

impl Sectors for Disk {
    type Error = std::convert::Infallible;

    fn read(&mut self, lba: u64, count: u64) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; count as usize * self.geometry.sector().bytes()];
        self.read_into(lba, &mut bytes);
        Ok(bytes)
    }
}

/// What a fake call fails with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// The fake.
pub struct Fake {
    pub durable: Disk,
    /// With what was written and not yet flushed.
    pub cache: Disk,
    unflushed: BTreeMap<u64, Vec<u8>>,
    partitions: Vec<(Set, Partition)>,
    pub writes_fail: bool,
    /// Reads of this set's image fail.
    pub unreadable: Option<Set>,
    pub secure_boot: SecureBoot,
    pub floor: Option<StoredFloor>,
    pub watchdog: Option<Watchdog>,
    /// Refusals come as this status.
    pub refusal: &'static str,
    /// What the firmware has loaded, whatever it was handed: a disk that gives other bytes the second time.
    pub loads: Option<Vec<u8>>,
    pub console: Vec<String>,
    pub published: Option<(Set, String)>,
    pub live_images: usize,
    pub started: Vec<Vec<u8>>,
    pub armed: bool,
    before: Sets,
    ticks: std::cell::Cell<u64>,
}

impl Fake {
    pub fn new(mut disk: Disk) -> Self {
        let geometry = disk.geometry;
        let table = load(&mut disk, &geometry).ok().map(|found| found.table);
        let partition = |set: Set| table.as_ref().and_then(|table| set.boot_partition(table));
        let nothing = Sets::new(Attributes::EMPTY, Attributes::EMPTY);
        Self {
            before: table.as_ref().map_or(nothing, |table| Sets::of_table(table).unwrap()),
            partitions: Set::BOTH.into_iter().filter_map(|set| Some((set, partition(set)?))).collect(),
            unflushed: BTreeMap::new(),
            durable: disk.clone(),
            cache: disk,
            writes_fail: false,
            unreadable: None,
            secure_boot: SecureBoot::Off,
            floor: None,
            watchdog: None,
            refusal: "ACCESS_DENIED",
            loads: None,
            console: Vec::new(),
            published: None,
            live_images: 0,
            started: Vec::new(),
            armed: false,
            ticks: std::cell::Cell::new(0),
        }
    }

    pub fn said(&self) -> String {
        self.console.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The set whose image partition holds these sectors.
    fn set_at(&self, lba: u64, end: u64) -> Option<Set> {
        let touched = |(_, p): &&(Set, Partition)| lba <= p.last_lba && end > p.first_lba;
        let (set, p) = self.partitions.iter().find(touched)?;
        assert!(lba >= p.first_lba && end <= p.last_lba + 1, "read leaves BOOT-{set}");
        Some(*set)
    }

    fn must_be_paid(&self, set: Set) {
        let paid = self.durable.loaded();
        let now = Sets::of_table(&paid.table).unwrap();
        let was = self.before.get(set);
        assert!(paid.is_whole(), "image of {set} read before both copies are durable");
        let free = !now.get(set).can_boot() || (was.tries() == 1 && !now.get(set.other()).can_boot());
        assert!(now != self.before || free, "image of {set} read before its try was spent");
    }
}

impl Machine for Fake {
    type Error = Fault;
    type Memory = Vec<u8>;
    type Image = Vec<u8>;

    fn disk(&self) -> Geometry {
        self.durable.geometry
    }

    fn memory(&mut self, bytes: usize) -> Result<Vec<u8>, Fault> {
        assert!(bytes > 0, "an empty read");
        Ok(vec![0; bytes])
    }

    fn read(&mut self, lba: u64, into: &mut [u8]) -> Result<(), Fault> {
        let size = self.durable.geometry.sector().bytes();
        assert!(into.len().is_multiple_of(size) && into.len() <= 4 << 20, "a bounded read of whole sectors");
        if let Some(set) = self.set_at(lba, lba + (into.len() / size) as u64) {
            if self.unreadable == Some(set) {
                return Err(Fault("DEVICE_ERROR"));
            }
            // The other set's facts are read, for the floor, when one has been paid for.
            if !self.writes_fail && self.live_images == 0 {
                self.must_be_paid(set);
            }
        }
        self.cache.read_into(lba, into);
        Ok(())
    }

    fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Fault> {
        if self.writes_fail {
            return Err(Fault("WRITE_PROTECTED"));
        }
        let size = self.cache.geometry.sector().bytes();
        self.unflushed.extend((lba..).zip(bytes.chunks(size).map(<[u8]>::to_vec)));
        self.cache.write(lba, bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.durable.written.extend(std::mem::take(&mut self.unflushed));
        Ok(())
    }

    fn load(&mut self, partition: &Partition, image: &[u8]) -> Result<Vec<u8>, Fault> {
        assert!(partition.name.starts_with("BOOT-"));
        let image = self.loads.as_deref().unwrap_or(image);
        let headers = pe::Headers::parse(image).map_err(|_| Fault("LOAD_ERROR"))?;
        if headers.section(".uname").and_then(|s| s.in_file(image)) == Some(b"refused") {
            return Err(Fault(self.refusal));
        }
        let kernel = Kernel::parse(image).map_err(|_| Fault("UNSUPPORTED"))?;
        let mut memory = vec![0; kernel.memory_bytes()];
        kernel.lay_out(&mut memory).unwrap();
        self.live_images += 1;
        Ok(memory)
    }

    fn loaded<'a>(&'a self, image: &'a Vec<u8>) -> &'a [u8] {
        image
    }

    fn start(&mut self, image: &Vec<u8>) -> Handover<Fault> {
        assert_eq!(self.watchdog.is_some(), self.armed, "the watchdog runs before anything is started");
        self.started.push(image.clone());
        let headers = pe::Headers::parse(image).unwrap();
        match headers.section(".cmdline").and_then(|s| s.in_memory(image)) {
            Some(b"returns") => Handover::Returned(Fault("LOAD_ERROR")),
            _ => Handover::Taken,
        }
    }

    fn unload(&mut self, _: Vec<u8>) {
        self.live_images -= 1;
    }

    fn floor(&mut self) -> Result<Option<StoredFloor>, Fault> {
        Ok(self.floor.clone())
    }

    fn set_floor(&mut self, bytes: [u8; 4]) -> Result<(), Fault> {
        self.floor = Some(StoredFloor::new(bytes));
        Ok(())
    }

    fn delete_floor(&mut self) -> Result<(), Fault> {
        self.floor = None;
        Ok(())
    }

    fn secure_boot(&self) -> SecureBoot {
        self.secure_boot
    }

    fn say(&mut self, line: &str) {
        self.console.push(line.into());
    }

    fn publish(&mut self, booted: Set, trace: &str) -> Result<(), Fault> {
        self.published = Some((booted, trace.into()));
        Ok(())
    }

    fn arm_watchdog(&mut self) -> Option<Watchdog> {
        self.armed = self.watchdog.is_some();
        self.watchdog
    }

    /// A millisecond passes with every look at the clock.
    fn now_us(&self) -> u64 {
        self.ticks.set(self.ticks.get() + 1000);
        self.ticks.get()
    }
}
