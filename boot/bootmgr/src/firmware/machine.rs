//! The machine, as the firmware gives it to the library.

use bootmgr::{Handover, Machine, SecureBoot, StoredFloor, Watchdog, path};
use partition::{Geometry, Partition};
use platform::{Clock, say};
use slots::Set;

use super::disk::Disk;
use super::fault::Fault;
use super::images::Image;
use super::pages::Pages;
use super::{variables, watchdog};

pub struct Firmware {
    disk: Disk,
    clock: Clock,
    secure_boot: SecureBoot,
}

impl Firmware {
    pub fn new(disk: Disk, clock: Clock, secure_boot: SecureBoot) -> Self {
        Self { disk, clock, secure_boot }
    }
}

impl Machine for Firmware {
    type Error = Fault;
    type Memory = Pages;
    type Image = Image;

    fn disk(&self) -> Geometry {
        self.disk.geometry()
    }

    fn memory(&mut self, bytes: usize) -> Result<Pages, Fault> {
        self.disk.memory(bytes)
    }

    fn read(&mut self, lba: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.disk.read(lba, into)
    }

    fn write(&mut self, lba: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.disk.write(lba, bytes)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.disk.flush()
    }

    fn load(&mut self, partition: &Partition, image: &[u8]) -> Result<Image, Fault> {
        let path = [self.disk.path(), &path::partition_node(partition), &path::END].concat();
        Image::load(&path, image)
    }

    fn loaded<'a>(&'a self, image: &'a Image) -> &'a [u8] {
        image.loaded()
    }

    fn start(&mut self, image: &Image) -> Handover<Fault> {
        Handover::Returned(image.start())
    }

    fn unload(&mut self, image: Image) {
        image.unload();
    }

    fn floor(&mut self) -> Result<Option<StoredFloor>, Fault> {
        variables::floor()
    }

    fn set_floor(&mut self, bytes: [u8; 4]) -> Result<(), Fault> {
        variables::set_floor(bytes)
    }

    fn delete_floor(&mut self) -> Result<(), Fault> {
        variables::delete_floor()
    }

    fn secure_boot(&self) -> SecureBoot {
        self.secure_boot
    }

    fn say(&mut self, line: &str) {
        say!("{line}");
    }

    fn publish(&mut self, booted: Set, trace: &str) -> Result<(), Fault> {
        variables::publish(booted, trace)
    }

    fn arm_watchdog(&mut self) -> Option<Watchdog> {
        watchdog::arm()
    }

    fn now_us(&self) -> u64 {
        self.clock.now_us().saturating_sub(self.clock.started_us())
    }
}
